"""All scores of one set of latents in as few passes over the pairs as possible, and overlaps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.arrays import whole
from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_matrix, in_range, one_of
from latent_microscope.forensics.density import DEFAULT_RADIUS, density_of_distances
from latent_microscope.forensics.latent_scans import (
    LatentScan,
    ScanSettings,
    overlap_table,
    scan_latents,
)
from latent_microscope.forensics.sample_scores import (
    VARIANTS,
    originality_of,
    row_entropy,
    stability,
    uniqueness_of,
)
from latent_microscope.neighbours.blocks import Floats, Ints
from latent_microscope.neighbours.means import scan_sources
from latent_microscope.neighbours.sampled import sample_sources
from latent_microscope.neighbours.shared import overlapping_pairs

PAIRS = ("exact", "sampled")


@dataclass(frozen=True)
class ScoreSettings:
    """Options of all scores of one run."""

    k: int = 10  # nearest neighbours of density and originality
    radius: float = DEFAULT_RADIUS  # of attractors
    n_attractors: int = 5
    similarity: float = 0.60  # cosine above which sources are neighbours
    noise: float = 0.05  # of stability
    n_draws: int = 10  # of stability
    overlap_threshold: float = 0.99  # cosine
    max_pairs: int = 100_000  # of overlaps listed
    variants: Sequence[str] = VARIANTS  # of uniqueness and originality
    pairs: str = "exact"  # or sampled: of sources
    sampled_rows: int = 2_000  # others that each sample is compared with

    def __post_init__(self) -> None:
        for variant in self.variants:
            one_of(variant, "variant", VARIANTS)
        whole(self.k, "k", 1)
        in_range(self.radius, "radius", 0.0)
        whole(self.n_attractors, "n_attractors", 1)
        in_range(self.similarity, "similarity", -1.0, 1.0)
        in_range(self.overlap_threshold, "overlap_threshold", -1.0, 1.0)
        whole(self.max_pairs, "max_pairs", 0)
        one_of(self.pairs, "pairs", PAIRS)
        whole(self.sampled_rows, "sampled_rows", 2)


@dataclass(frozen=True)
class HeuristicScores:
    """Scores of n samples, each as its own function gives it."""

    uniqueness: Mapping[str, Floats]  # uniqueness by variant
    originality: Mapping[str, Floats]  # originality at ``radius`` by variant
    originality_adaptive: Floats  # the script's at ``adaptive_radius``
    stability: Floats
    knn_density: Floats
    attractor_density: Floats  # attractor density at ``radius``
    attractor_density_adaptive: Floats  # the same at ``adaptive_radius``
    neighbors: Ints  # number of others with a cosine of their sources above the similarity
    neighbour_distances: Floats  # (n, k) distances to the nearest others, in latent space
    overlaps: pd.DataFrame  # table of overlapping pairs, with ``attrs["total"]``
    radius: float  # radius of the attractor density
    errors: Mapping[str, Floats]  # of sampled pairs, by score: 95 % bounds
    adaptive_radius: float  # 5th percentile of the 10th-neighbour distance


DEFAULTS = ScoreSettings()


def score_all(
    sources: npt.ArrayLike,
    latents: npt.ArrayLike,
    settings: ScoreSettings = DEFAULTS,
    *,
    seed: int = 0,
    ids: Sequence[int | str] | npt.NDArray[np.generic] | None = None,
    block_size: int | None = None,
    scan: LatentScan | None = None,
) -> HeuristicScores:
    """Uniqueness, isolation, density, attractors, originality, stability and overlaps.

    ``scan``: the pass over the latents, if it is done already; :class:`InputError` if it is one
    over other latents or with other settings.
    """
    s, z = as_matrix(sources, "sources"), as_matrix(latents, "latents")
    if len(s) != len(z):
        raise InputError(f"sources has {len(s)} rows, latents {len(z)}; give the same samples")
    k, n_attractors, variants = int(settings.k), int(settings.n_attractors), settings.variants
    wanted = ScanSettings(
        k, float(settings.radius), float(settings.overlap_threshold), int(settings.max_pairs)
    )
    if scan is None:
        scan = scan_latents(z, wanted, block_size=block_size)
    else:
        scan.require(
            z, k=k, radius=wanted.radius, threshold=wanted.threshold, max_pairs=wanted.max_pairs
        )
    nearest = scan.neighbours.distances
    distances, (counts, counts_adaptive) = nearest[:, :k], scan.counts.T
    similarity, errors = float(settings.similarity), {}
    if settings.pairs == "sampled" and settings.sampled_rows < len(s):
        count = int(settings.sampled_rows)
        pairs, bounds = sample_sources(s, count, similarity=similarity, seed=seed)
        factors = {"script": bounds.mean_distance, "notebook": bounds.mean_cosine}
        weights = row_entropy(s) * (1.0 + s.var(axis=1))
        errors = {f"uniqueness_{name}": weights * factors[name] for name in variants}
        errors["neighbors"] = bounds.similar.astype(np.float64)
    else:
        pairs = scan_sources(
            s,
            distances="script" in variants,
            cosines="notebook" in variants,
            similarity=similarity,
            block_size=block_size,
        )
    return HeuristicScores(
        uniqueness={name: uniqueness_of(s, pairs, name) for name in variants},
        originality={
            name: originality_of(z, distances, counts, name, n_attractors) for name in variants
        },
        originality_adaptive=originality_of(z, distances, counts_adaptive, "script", n_attractors),
        stability=stability(z, settings.noise, settings.n_draws, seed, ids=ids),
        knn_density=density_of_distances(distances),
        attractor_density=counts / len(z),
        attractor_density_adaptive=counts_adaptive / len(z),
        neighbors=pairs.similar,
        neighbour_distances=nearest,
        overlaps=scan.overlaps,
        radius=float(settings.radius),
        errors=errors,
        adaptive_radius=scan.adaptive_radius,
    )


def overlaps(
    latents: npt.ArrayLike,
    threshold: float = 0.99,
    max_pairs: int = 100_000,
    *,
    block_size: int | None = None,
) -> pd.DataFrame:
    """Pairs of samples whose cosine similarity exceeds ``threshold``.

    Args:
        latents: (n, d) latent means, n >= 2. A row of zeros is similar to none.
        threshold: Strict lower bound of the similarity.
        max_pairs: Most pairs listed; all are counted.
        block_size: Rows of the blocks of the pass over all pairs.

    Returns:
        Table ``i``, ``j`` (i < j), ``similarity``, ``distance`` (Euclidean), most similar first
        (ties by i, then j). ``attrs["total"]`` is the number of all such pairs.

    Raises:
        InputError: If ``latents`` is not a finite n×d matrix or an option is out of range.
    """
    matrix = as_matrix(latents, "latents")
    threshold = in_range(threshold, "threshold", -1.0, 1.0)
    found = overlapping_pairs(matrix, threshold, whole(max_pairs, "max_pairs", 0), block_size)
    return overlap_table(matrix, found, threshold)

"""All scores of one set of latents in as few passes over the pairs as possible, and overlaps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_matrix, in_range, one_of
from latent_microscope.forensics.density import (
    DEFAULT_RADIUS,
    RADIUS_NEIGHBOUR,
    density_of_distances,
    radius_of_distances,
)
from latent_microscope.forensics.sample_scores import (
    VARIANTS,
    originality_of,
    stability,
    uniqueness_of,
)
from latent_microscope.neighbours.blocks import Floats, Ints, Neighbours, pair_distances
from latent_microscope.neighbours.means import scan_sources
from latent_microscope.neighbours.pairs import (
    all_pairs,
    approximate_neighbours,
    counts_within,
    measured_recall,
)
from latent_microscope.neighbours.scan import Overlaps, overlaps_among, similar_pairs

NEIGHBOURS = ("exact", "approximate")


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
    neighbors: str = "exact"  # or approximate
    listed: int = RADIUS_NEIGHBOUR  # least number of neighbour distances returned

    def __post_init__(self) -> None:
        for variant in self.variants:
            one_of(variant, "variant", VARIANTS)
        one_of(self.neighbors, "neighbors", NEIGHBOURS)
        in_range(self.k, "k", 1)
        in_range(self.radius, "radius", 0.0)
        in_range(self.n_attractors, "n_attractors", 1)
        in_range(self.similarity, "similarity", -1.0, 1.0)
        in_range(self.overlap_threshold, "overlap_threshold", -1.0, 1.0)
        in_range(self.max_pairs, "max_pairs", 0)


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
    adaptive_radius: float  # 5th percentile of the 10th-neighbour distance
    recall: float  # of the neighbours; 1 where they are exact


DEFAULTS = ScoreSettings()


def scan_latents(
    latents: npt.ArrayLike,
    k: int,
    settings: ScoreSettings = DEFAULTS,
    *,
    seed: int = 0,
    block_size: int | None = None,
) -> tuple[Neighbours, pd.DataFrame, float]:
    """The k nearest neighbours, the overlaps (with ``attrs["total"]``) and the recall, in one pass.

    Approximate neighbours come with a measured recall; overlaps are then those among them.
    """
    z = as_matrix(latents, "latents")
    threshold, max_pairs = float(settings.overlap_threshold), int(settings.max_pairs)
    if settings.neighbors == "exact":
        found, pairs = all_pairs(
            z, k, overlap_threshold=threshold, max_pairs=max_pairs, block_size=block_size
        )
        recall = 1.0
    else:
        found = approximate_neighbours(z, k, seed=seed)
        recall = measured_recall(z, found, seed=seed)
        i, j = np.repeat(np.arange(len(z)), found.indices.shape[1]), found.indices.ravel()
        keys = np.unique(np.minimum(i, j) * len(z) + np.maximum(i, j))
        pairs = overlaps_among(z, keys // len(z), keys % len(z), threshold, max_pairs)
    assert pairs is not None
    return found, overlap_table(z, pairs, threshold), recall


def score_all(
    sources: npt.ArrayLike,
    latents: npt.ArrayLike,
    settings: ScoreSettings = DEFAULTS,
    *,
    seed: int = 0,
    ids: Sequence[int | str] | npt.NDArray[np.generic] | None = None,
    block_size: int | None = None,
) -> HeuristicScores:
    """Uniqueness, isolation, density, attractors, originality, stability and overlaps."""
    s, z = as_matrix(sources, "sources"), as_matrix(latents, "latents")
    if len(s) != len(z):
        raise InputError(f"sources has {len(s)} rows, latents {len(z)}; give the same samples")
    k, n_attractors, variants = int(settings.k), int(settings.n_attractors), settings.variants
    radius, listed = float(settings.radius), max(k, settings.listed, RADIUS_NEIGHBOUR)
    found, overlapping, recall = scan_latents(z, listed, settings, seed=seed, block_size=block_size)
    distances = found.distances[:, :k]
    adaptive = radius_of_distances(found.distances[:, :RADIUS_NEIGHBOUR])
    counts = counts_within(z, found.distances, radius, block_size=block_size)
    counts_adaptive = counts_within(z, found.distances, adaptive, block_size=block_size)
    pairs = scan_sources(
        s,
        distances="script" in variants,
        cosines="notebook" in variants,
        similarity=float(settings.similarity),
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
        neighbour_distances=found.distances,
        overlaps=overlapping,
        radius=radius,
        adaptive_radius=adaptive,
        recall=recall,
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
    in_range(max_pairs, "max_pairs", 0)
    found = similar_pairs(matrix, threshold, int(max_pairs), block_size=block_size)
    return overlap_table(matrix, found, threshold)


def overlap_table(latents: Floats, found: Overlaps, threshold: float) -> pd.DataFrame:
    """The table of :func:`overlaps` from the results of a pass."""
    i, j = found.pairs.T
    distance = pair_distances(latents, i, j)
    table = pd.DataFrame({"i": i, "j": j, "similarity": found.similarity, "distance": distance})
    table.attrs.update(total=found.total, threshold=threshold)
    return table

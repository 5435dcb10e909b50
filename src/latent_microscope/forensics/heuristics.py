"""All scores of one set of latents in as few passes over the pairs as there can be.

The functions of the package each make their own pass. Scoring a study needs them all: one pass over
the latents then serves density, attractors, originality and overlaps, and one over the sources
both variants of uniqueness and the isolation of cores.
"""

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
from latent_microscope.forensics.originality import originality_of
from latent_microscope.forensics.overlaps import overlap_table
from latent_microscope.forensics.stability import stability
from latent_microscope.forensics.uniqueness import VARIANTS, uniqueness_of
from latent_microscope.neighbours.approximate import approximate_neighbours, measured_recall
from latent_microscope.neighbours.blocks import Floats, Ints, pair_cosines
from latent_microscope.neighbours.means import scan_sources
from latent_microscope.neighbours.pairs import all_pairs, counts_within
from latent_microscope.neighbours.scan import Overlaps
from latent_microscope.neighbours.similar import best_pairs

NEIGHBOURS = ("exact", "approximate")


@dataclass(frozen=True)
class LatentScan:
    """What the pairs of latents tell.

    Attributes:
        distances: (n, k) distances to the nearest others, ascending.
        indices: Their rows.
        overlaps: Overlapping pairs, with ``attrs["total"]``.
        recall: Share of the true neighbours among those found; 1 for an exact search.
    """

    distances: Floats
    indices: Ints
    overlaps: pd.DataFrame
    recall: float


@dataclass(frozen=True)
class HeuristicScores:
    """Scores of n samples, each as its own function gives it.

    Attributes:
        uniqueness: Uniqueness by variant.
        originality: Originality at ``radius`` by variant.
        originality_adaptive: The script's at ``adaptive_radius``.
        stability: Stability.
        knn_density: kNN density.
        attractor_density: Attractor density at ``radius``.
        attractor_density_adaptive: The same at ``adaptive_radius``.
        neighbors: Number of others with a cosine of their sources above the similarity.
        neighbour_distances: (n, k) distances to the nearest others, in latent space.
        overlaps: Table of overlapping pairs, with ``attrs["total"]``.
        radius: Radius of the attractor density.
        adaptive_radius: 5th percentile of the 10th-neighbour distance.
        recall: Of the neighbours; 1 where they are exact.
    """

    uniqueness: Mapping[str, Floats]
    originality: Mapping[str, Floats]
    originality_adaptive: Floats
    stability: Floats
    knn_density: Floats
    attractor_density: Floats
    attractor_density_adaptive: Floats
    neighbors: Ints
    neighbour_distances: Floats
    overlaps: pd.DataFrame
    radius: float
    adaptive_radius: float
    recall: float


def scan_latents(
    latents: npt.ArrayLike,
    k: int,
    *,
    overlap_threshold: float = 0.99,
    max_pairs: int = 100_000,
    neighbors: str = "exact",
    seed: int = 0,
    block_size: int | None = None,
) -> LatentScan:
    """Nearest neighbours and overlaps in one pass.

    Args:
        latents: (n, d) latent means, n >= 2.
        k: Neighbours; capped at n - 1.
        overlap_threshold: Strict lower bound of the cosine of an overlap.
        max_pairs: Most overlaps listed.
        neighbors: ``exact``, or ``approximate``: by neighbour descent, with its recall measured;
            overlaps are then those among the neighbours found.
        seed: Of the approximate search.
        block_size: Side of the tiles of the pass.

    Raises:
        InputError: If ``latents`` is not a finite n×d matrix or an option is out of range.
    """
    z = as_matrix(latents, "latents")
    one_of(neighbors, "neighbors", NEIGHBOURS)
    k = int(in_range(k, "k", 1))
    overlap_threshold = in_range(overlap_threshold, "overlap_threshold", -1.0, 1.0)
    max_pairs = int(in_range(max_pairs, "max_pairs", 0))
    if neighbors == "exact":
        found, pairs = all_pairs(
            z, k, overlap_threshold=overlap_threshold, max_pairs=max_pairs, block_size=block_size
        )
        recall = 1.0
    else:
        found = approximate_neighbours(z, k, seed=seed)
        recall = measured_recall(z, found, seed=seed)
        pairs = _overlaps_among(z, found.indices, overlap_threshold, max_pairs)
    if pairs is None:
        raise AssertionError("the pass was asked for overlaps")
    table = overlap_table(z, pairs, overlap_threshold)
    return LatentScan(found.distances, found.indices, table, recall)


def score_all(
    sources: npt.ArrayLike,
    latents: npt.ArrayLike,
    *,
    k: int = 10,
    radius: float = DEFAULT_RADIUS,
    n_attractors: int = 5,
    similarity: float = 0.60,
    noise: float = 0.05,
    n_draws: int = 10,
    overlap_threshold: float = 0.99,
    max_pairs: int = 100_000,
    variants: Sequence[str] = VARIANTS,
    neighbors: str = "exact",
    listed: int = RADIUS_NEIGHBOUR,
    seed: int = 0,
    ids: Sequence[int | str] | npt.NDArray[np.generic] | None = None,
    block_size: int | None = None,
) -> HeuristicScores:
    """Uniqueness, isolation, density, attractors, originality, stability and overlaps.

    Args:
        sources: (n, k) independent sources.
        latents: (n, d) latent means of the same samples.
        k: Nearest neighbours (density, originality).
        radius: Attractor radius.
        n_attractors: Attractors of originality.
        similarity: Cosine above which sources are neighbours.
        noise: Noise of stability.
        n_draws: Draws of stability.
        overlap_threshold: Cosine of overlaps.
        max_pairs: Most overlaps listed.
        variants: Variants of uniqueness and originality.
        neighbors: ``exact`` or ``approximate`` neighbours in latent space.
        listed: Least number of neighbours whose distances are returned.
        seed: Root seed of stability and of approximate neighbours.
        ids: Sample ids that key the draws of stability.
        block_size: Block size of the passes.

    Returns:
        A :class:`HeuristicScores`.

    Raises:
        InputError: If the arrays do not fit each other or an option is out of range.
    """
    s, z = as_matrix(sources, "sources"), as_matrix(latents, "latents")
    if len(s) != len(z):
        raise InputError(f"sources has {len(s)} rows and latents {len(z)}; give the same samples.")
    for variant in variants:
        one_of(variant, "variant", VARIANTS)
    n_attractors = int(in_range(n_attractors, "n_attractors", 1))
    radius = in_range(radius, "radius", 0.0)
    similarity = in_range(similarity, "similarity", -1.0, 1.0)
    k, n = int(in_range(k, "k", 1)), len(z)
    found = scan_latents(
        z,
        max(k, listed, RADIUS_NEIGHBOUR),
        overlap_threshold=overlap_threshold,
        max_pairs=max_pairs,
        neighbors=neighbors,
        seed=seed,
        block_size=block_size,
    )
    distances = found.distances[:, :k]
    adaptive = radius_of_distances(found.distances[:, :RADIUS_NEIGHBOUR])
    counts = counts_within(z, found.distances, radius, block_size=block_size)
    counts_adaptive = counts_within(z, found.distances, adaptive, block_size=block_size)
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
        stability=stability(z, noise, n_draws, seed, ids=ids),
        knn_density=density_of_distances(distances),
        attractor_density=counts / n,
        attractor_density_adaptive=counts_adaptive / n,
        neighbors=pairs.similar,
        neighbour_distances=found.distances,
        overlaps=found.overlaps,
        radius=radius,
        adaptive_radius=adaptive,
        recall=found.recall,
    )


def _overlaps_among(z: Floats, indices: Ints, threshold: float, max_pairs: int) -> Overlaps:
    """Overlaps among listed neighbours."""
    n, k = indices.shape
    i, j = np.repeat(np.arange(n), k), indices.ravel()
    keys = np.unique(np.minimum(i, j) * n + np.maximum(i, j))
    i, j = keys // n, keys % n
    similarity = pair_cosines(z, i, j)
    above = similarity > threshold
    best = best_pairs(i[above], j[above], similarity[above], max_pairs)
    return Overlaps(np.column_stack(best[:2]), best[2], int(np.count_nonzero(above)))

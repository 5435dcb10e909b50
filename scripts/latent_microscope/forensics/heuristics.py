"""All scores of one set of latents in as few passes over the pairs as possible.

The functions of the package each make their own pass; scoring a study needs them all, and the
nearest neighbours then serve density, attractors and originality at once.
"""

from collections.abc import Sequence
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
from latent_microscope.forensics.overlaps import overlaps
from latent_microscope.forensics.pairs import counts_within, neighbour_pass
from latent_microscope.forensics.stability import stability
from latent_microscope.forensics.uniqueness import VARIANTS, isolated_cores, uniqueness

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class HeuristicScores:
    """Scores of n samples, each as its own function gives it.

    Attributes:
        uniqueness: Uniqueness of the chosen variant.
        originality: Originality of the chosen variant at ``radius``.
        originality_adaptive: The same at ``adaptive_radius`` (differs for the script variant).
        stability: Stability.
        knn_density: kNN density.
        attractor_density: Attractor density at ``radius``.
        attractor_density_adaptive: The same at ``adaptive_radius``.
        neighbour_distances: (n, k) distances to the nearest others.
        core_index: Isolated cores …
        core_neighbors: … and their numbers of neighbours.
        overlaps: Table of overlapping pairs, with ``attrs["total"]``.
        radius: Radius of the attractor density.
        adaptive_radius: 5th percentile of the 10th-neighbour distance.
    """

    uniqueness: Floats
    originality: Floats
    originality_adaptive: Floats
    stability: Floats
    knn_density: Floats
    attractor_density: Floats
    attractor_density_adaptive: Floats
    neighbour_distances: Floats
    core_index: npt.NDArray[np.int64]
    core_neighbors: npt.NDArray[np.int64]
    overlaps: pd.DataFrame
    radius: float
    adaptive_radius: float


def score_all(
    sources: npt.ArrayLike,
    latents: npt.ArrayLike,
    *,
    variant: str = "script",
    k: int = 10,
    radius: float = DEFAULT_RADIUS,
    n_attractors: int = 5,
    percentile: float = 90.0,
    similarity: float = 0.60,
    max_neighbors: int = 7,
    noise: float = 0.05,
    n_draws: int = 10,
    overlap_threshold: float = 0.99,
    max_pairs: int = 100_000,
    seed: int = 0,
    ids: Sequence[int | str] | npt.NDArray[np.generic] | None = None,
    block_size: int | None = None,
) -> HeuristicScores:
    """Uniqueness, isolation, density, attractors, originality, stability and overlaps.

    Args:
        sources: (n, k) independent sources.
        latents: (n, d) latent means of the same samples.
        variant: ``script`` or ``notebook``, of uniqueness and originality.
        k: Nearest neighbours (density, originality).
        radius: Attractor radius.
        n_attractors: Attractors of originality.
        percentile: Percentile of uniqueness of cores.
        similarity: Similarity of a core's neighbours.
        max_neighbors: Most neighbours of a core.
        noise: Noise of stability.
        n_draws: Draws of stability.
        overlap_threshold: Similarity of overlaps.
        max_pairs: Most overlaps listed.
        seed: Root seed of stability.
        ids: Sample ids that key its draws.
        block_size: Block size of the passes.

    Returns:
        A :class:`HeuristicScores`.

    Raises:
        InputError: If the arrays do not fit each other or an option is out of range.
    """
    s, z = as_matrix(sources, "sources"), as_matrix(latents, "latents")
    if len(s) != len(z):
        raise InputError(f"sources has {len(s)} rows and latents {len(z)}; give the same samples.")
    one_of(variant, "variant", VARIANTS)
    in_range(k, "k", 1)
    in_range(n_attractors, "n_attractors", 1)
    radius = in_range(radius, "radius", 0.0)
    n = len(z)
    found = neighbour_pass(z, k=max(k, RADIUS_NEIGHBOUR), block_size=block_size).distances
    distances = found[:, :k]
    adaptive = radius_of_distances(found[:, :RADIUS_NEIGHBOUR])
    counts = counts_within(z, found, radius, block_size=block_size)
    counts_adaptive = counts_within(z, found, adaptive, block_size=block_size)
    u = uniqueness(s, variant, block_size=block_size)
    core_index, core_neighbors = isolated_cores(
        s, u, percentile, similarity, max_neighbors, block_size=block_size
    )
    return HeuristicScores(
        uniqueness=u,
        originality=originality_of(z, distances, counts, variant, n_attractors),
        originality_adaptive=originality_of(z, distances, counts_adaptive, variant, n_attractors),
        stability=stability(z, noise, n_draws, seed, ids=ids),
        knn_density=density_of_distances(distances),
        attractor_density=counts / n,
        attractor_density_adaptive=counts_adaptive / n,
        neighbour_distances=distances,
        core_index=core_index,
        core_neighbors=core_neighbors,
        overlaps=overlaps(z, overlap_threshold, max_pairs, block_size=block_size),
        radius=radius,
        adaptive_radius=adaptive,
    )

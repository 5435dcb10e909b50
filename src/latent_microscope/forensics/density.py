"""Local density of latents: nearest neighbours, attractors, and how far densities tie."""

import numpy as np
import numpy.typing as npt

from latent_microscope.arrays import whole
from latent_microscope.forensics.checks import as_matrix, in_range
from latent_microscope.neighbours.pairs import counts_within
from latent_microscope.neighbours.shared import nearest_distances

EPSILON = 1e-8
DEFAULT_RADIUS = 0.01
# The adaptive radius is a percentile of the distance to this neighbour.
RADIUS_NEIGHBOUR = 10
TIE_LIMIT = 0.95

Floats = npt.NDArray[np.float64]


def density_of_distances(distances: Floats) -> Floats:
    """Density from the (n, k) distances to the nearest others."""
    return 1.0 / (distances.mean(axis=1) + EPSILON)


def knn_density(latents: npt.ArrayLike, k: int = 10, *, block_size: int | None = None) -> Floats:
    """Density of every sample: 1 / (mean distance to the k nearest others + 1e-8).

    Args:
        latents: (n, d) latent means, n >= 2.
        k: Neighbours; capped at n - 1.
        block_size: Rows of the blocks of the pass over all pairs.

    Returns:
        n densities, float64 (inverse latent units).

    Raises:
        InputError: If ``latents`` is not a finite n×d matrix or ``k`` is below 1.
    """
    matrix = as_matrix(latents, "latents")
    k = min(whole(k, "k", 1), len(matrix) - 1)
    return density_of_distances(nearest_distances(matrix, k, block_size)[:, :k])


def attractor_density(
    latents: npt.ArrayLike, radius: float = DEFAULT_RADIUS, *, block_size: int | None = None
) -> Floats:
    """Share of all points that lie closer to a sample than ``radius``.

    The sample itself is not counted; the denominator is n. At the published radius nearly all
    values are 0: see :func:`tie_share`.

    Args:
        latents: (n, d) latent means, n >= 2.
        radius: Strict bound, in latent units.
        block_size: Rows of the blocks of the pass over all pairs.

    Returns:
        n shares, float64.

    Raises:
        InputError: If ``latents`` is not a finite n×d matrix or ``radius`` is negative.
    """
    matrix = as_matrix(latents, "latents")
    radius = in_range(radius, "radius", 0.0)
    distances = nearest_distances(matrix, RADIUS_NEIGHBOUR, block_size)
    return counts_within(matrix, distances, radius, block_size=block_size) / len(matrix)


def radius_of_distances(distances: Floats) -> float:
    """The 5th percentile of the last column of (n, k) neighbour distances."""
    return float(np.percentile(distances[:, -1], 5.0))


def tie_share(values: npt.ArrayLike) -> float:
    """Share of samples that have the most frequent value (1 when all tie; 0 for none)."""
    array = np.asarray(values).ravel()
    if array.size == 0:
        return 0.0
    return float(np.unique(array, return_counts=True)[1].max() / array.size)


def attractors_by_order(density: npt.ArrayLike, n_attractors: int = 5) -> int:
    """How many of the first attractors the order of the rows chose, among others as dense."""
    ordered = np.sort(np.asarray(density).ravel())[::-1]
    if len(ordered) <= n_attractors or ordered[n_attractors - 1] > ordered[n_attractors]:
        return 0
    return int((ordered[:n_attractors] == ordered[n_attractors]).sum())


def tie_note(values: npt.ArrayLike, n_attractors: int = 5) -> str | None:
    """A message if at least 95 % of densities tie, else None."""
    share = tie_share(values)
    if share < TIE_LIMIT:
        return None
    by_order = attractors_by_order(values, n_attractors)
    chosen = (
        f", so that the order of the rows, not their density, chose {by_order} of the "
        f"{n_attractors} attractors"
        if by_order
        else ""
    )
    return (
        f"{100.0 * share:.1f} % of the attractor densities tie{chosen}; see the variant with the "
        "adaptive radius"
    )

"""Entropic originality: how irregular, spread and remote a sample's address is."""

import numpy as np
import numpy.typing as npt

from latent_microscope.forensics.checks import as_matrix, in_range, one_of
from latent_microscope.forensics.density import DEFAULT_RADIUS
from latent_microscope.forensics.uniqueness import VARIANTS, row_entropy
from latent_microscope.neighbours.pairs import counts_within, neighbour_pass, pair_distances

_SCRIPT_BINS = 5

Floats = npt.NDArray[np.float64]


def originality(
    latents: npt.ArrayLike,
    variant: str = "script",
    k: int = 10,
    radius: float = DEFAULT_RADIUS,
    n_attractors: int = 5,
    *,
    block_size: int | None = None,
) -> Floats:
    """Originality of every sample, in sample order.

    Spatial entropy × spectral entropy × (1 + isolation); see :func:`spatial_entropy`,
    :func:`spectral_entropy` and :func:`attractor_isolation`. The notebook's isolation is the
    distance to the nearest other sample.

    Args:
        latents: (n, d) latent means, n >= 2.
        variant: ``script`` or ``notebook``.
        k: Nearest distances in the histogram; capped at n - 1.
        radius: Radius of the attractor density (script only).
        n_attractors: Attractors looked at (script only); capped at n - 1.
        block_size: Rows of the blocks of the pass over all pairs.

    Returns:
        n scores, float64.

    Raises:
        InputError: If ``latents`` is not a finite n×d matrix or an option is out of range.
    """
    matrix = as_matrix(latents, "latents")
    one_of(variant, "originality variant", VARIANTS)
    in_range(k, "k", 1)
    in_range(n_attractors, "n_attractors", 1)
    radius = in_range(radius, "radius", 0.0)
    distances = neighbour_pass(matrix, k=k, block_size=block_size).distances
    counts = None
    if variant == "script":
        counts = counts_within(matrix, distances, radius, block_size=block_size)
    return originality_of(matrix, distances, counts, variant, n_attractors)


def originality_of(
    latents: Floats,
    distances: Floats,
    attractor_counts: npt.NDArray[np.int64] | None,
    variant: str,
    n_attractors: int = 5,
) -> Floats:
    """Originality from the results of a neighbour pass.

    Args:
        latents: (n, d) checked matrix.
        distances: (n, k) distances to the nearest others, ascending.
        attractor_counts: Others within the radius (script); not needed by the notebook variant.
        variant: ``script`` or ``notebook``.
        n_attractors: Attractors looked at (script).

    Returns:
        n scores.
    """
    if variant == "script" and attractor_counts is not None:
        isolation = attractor_isolation(latents, attractor_counts, n_attractors)
    else:
        isolation = distances[:, 0]
    return spatial_entropy(distances, variant) * row_entropy(latents) * (1.0 + isolation)


def attractor_isolation(
    latents: Floats, density: npt.NDArray[np.number], n_attractors: int = 5
) -> Floats:
    """Distance of each sample to the nearest of the strongest attractors other than itself.

    All samples are ranked by ``density`` (ties by sample order); sample i is taken out and the
    first ``n_attractors`` left are looked at.
    """
    n = len(latents)
    top = np.argsort(-np.asarray(density), kind="stable")[: n_attractors + 1]
    rows = np.arange(n)
    distances = np.stack([pair_distances(latents, rows, np.full(n, t)) for t in top], axis=1)
    rank = np.full(n, len(top) - 1)
    rank[top] = np.arange(len(top))
    # A sample that is not among the first ones leaves out the last column, an attractor itself.
    if len(top) > 1:
        distances[rows, rank] = np.inf
    return distances.min(axis=1)


def spatial_entropy(distances: Floats, variant: str = "script") -> Floats:
    """Entropy (nats) of the histogram of each row of neighbour distances, counts + 1e-8.

    Args:
        distances: (n, k) distances.
        variant: ``script``: 5 equal bins over the row's range; ``notebook``: numpy's ``auto``.

    Returns:
        n entropies.
    """
    n = len(distances)
    low, high = distances.min(axis=1), distances.max(axis=1)
    bins = np.full(n, _SCRIPT_BINS) if variant == "script" else auto_bins(distances)
    entropy = np.empty(n)
    for count in np.unique(bins):
        rows = np.flatnonzero(bins == count)
        entropy[rows] = row_entropy(histograms(distances[rows], low[rows], high[rows], int(count)))
    return entropy


def auto_bins(values: Floats) -> npt.NDArray[np.int64]:
    """Number of bins of ``numpy.histogram(row, bins="auto")`` for every row.

    The width is the smaller of Sturges' and the Freedman–Diaconis width, the latter not below
    half the square-root rule's (numpy >= 2.0); a row without a spread gets one bin.
    """
    k = values.shape[1]
    spread = np.ptp(values, axis=1)
    upper, lower = np.percentile(values, [75, 25], axis=1)
    diaconis = np.maximum(2.0 * (upper - lower) * k ** (-1.0 / 3.0), spread / np.sqrt(k) / 2.0)
    width = np.minimum(diaconis, spread / (np.log2(k) + 1.0))
    bins = np.ones(len(values), dtype=np.int64)
    usable = width > 0.0
    bins[usable] = np.ceil(spread[usable] / width[usable]).astype(np.int64)
    return bins


def histograms(values: Floats, low: Floats, high: Floats, bins: int) -> Floats:
    """Counts of each row in ``bins`` equal bins from its ``low`` to its ``high``.

    Bins are half-open but for the last, with edges as ``numpy.linspace`` gives them; a row without
    a spread gets half a unit on both sides (all as in ``numpy.histogram``).
    """
    flat = low == high
    first = np.where(flat, low - 0.5, low)[:, None]
    last = np.where(flat, high + 0.5, high)[:, None]
    edges = np.arange(bins + 1) * ((last - first) / bins) + first
    edges[:, -1:] = last
    # Comparing with the inner edges leaves no rounding to correct: bin = inner edges reached.
    index = np.zeros(values.shape, dtype=np.int64)
    for edge in range(1, bins):
        index += values >= edges[:, edge, None]
    counts = np.zeros((len(values), bins))
    np.add.at(counts, (np.arange(len(values))[:, None], index), 1.0)
    return counts

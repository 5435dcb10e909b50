"""Chosen rows compared with all points: slower for each pair than :mod:`.scan`, for any input.

A matrix product gives all squared distances of a block at once. It rounds to about
``eps * d * norm²``, so whatever that could decide wrongly (near duplicates, a distance at the
radius, a tie at the k-th neighbour) is computed again from differences in float64. The product is
taken in float32 for as long as that leaves little doubt.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from latent_microscope.neighbours.blocks import (
    Floats,
    Ints,
    hits,
    kth_bound,
    pair_distances,
    row_blocks,
    rows_at_once,
)
from latent_microscope.neighbours.knn import Neighbours
from latent_microscope.neighbours.product import (
    ProductForm,
    product_form,
    screening_form,
    squared_block,
)

# Screening is given up when it leaves more than about so many candidates for each neighbour.
_DOUBT = 4


def row_pass(
    points: Floats, rows: Ints, k: int, radii: Sequence[float], block_size: int | None = None
) -> Neighbours:
    """The k nearest others of some rows and the numbers of others within radii.

    Args:
        points: (n, d) checked matrix, n >= 2.
        rows: Rows to look at, among all points.
        k: Neighbours wanted, at most n - 1.
        radii: Radii, strict (``distance < radius``); the point itself is not counted.
        block_size: Rows handled at once; memory is about ``block_size * n * 8`` bytes.

    Returns:
        A :class:`Neighbours`, one entry for each of ``rows``.
    """
    narrow = screening_form(points)
    form = product_form(points) if narrow is None else narrow
    parts = []
    for part in row_blocks(len(rows), block_size or rows_at_once(len(points))):
        found = _block(points, form, rows[part], k, radii, screen=narrow is not None)
        if found is None:
            # What is dense on the scale of float32 here is likely to be so elsewhere.
            narrow, form = None, product_form(points)
            found = _block(points, form, rows[part], k, radii, screen=False)
        parts.append(found)
    done = [found for found in parts if found is not None]
    return Neighbours(
        np.concatenate([np.zeros((0, k)), *(found.distances for found in done)]),
        np.concatenate([np.zeros((0, k), np.int64), *(found.indices for found in done)]),
        np.concatenate([np.zeros((0, len(radii)), np.int64), *(found.within for found in done)]),
    )


def _block(
    points: Floats,
    form: ProductForm,
    block: Ints,
    k: int,
    radii: Sequence[float],
    *,
    screen: bool,
) -> Neighbours | None:
    """Neighbours of a block of rows; None when screening leaves too many pairs in doubt."""
    most = len(block) * (_DOUBT * k + 16) if screen else None
    squared = squared_block(form.factor, block)
    squared[np.arange(len(block)), block] = np.inf
    slack = form.error[block, None]
    distances, indices = np.zeros((len(block), 0)), np.zeros((len(block), 0), dtype=np.int64)
    smallest = 0.0
    if k:
        nearest = _nearest(points, squared, slack, k, block, most)
        if nearest is None:
            return None
        distances, indices = nearest
        smallest = float(distances[:, 0].min())
    within = np.zeros((len(block), len(radii)), dtype=np.int64)
    for column, radius in enumerate(radii):
        if smallest < radius:
            counts = _within(points, squared, slack, radius, block, most)
            if counts is None:
                return None
            within[:, column] = counts
    return Neighbours(distances, indices, within)


def _nearest(
    points: Floats,
    squared: npt.NDArray[np.floating],
    slack: Floats,
    k: int,
    block: Ints,
    most: int | None,
) -> tuple[Floats, Ints] | None:
    """The k nearest of each row of a block, exact, ties by row; None beyond ``most`` candidates."""
    bound = kth_bound(squared, k)[:, None] + 2.0 * slack
    # Rounded up, so that a float32 comparison loses no candidate.
    near = squared <= np.nextafter(bound.astype(squared.dtype), np.inf, dtype=squared.dtype)
    if most is not None and np.count_nonzero(near) > most:
        return None
    row, col = hits(near)
    exact = pair_distances(points, block[row], col)
    order = np.lexsort((col, exact, row))
    first = np.searchsorted(row, np.arange(len(squared)))
    chosen = order[first[:, None] + np.arange(k)]
    return exact[chosen], col[chosen]


def _within(
    points: Floats,
    squared: npt.NDArray[np.floating],
    slack: Floats,
    radius: float,
    block: Ints,
    most: int | None,
) -> Ints | None:
    """Entries of each row closer than ``radius``, recomputed near it; None beyond ``most``."""
    limit = np.full_like(slack, radius * radius)
    low = np.nextafter((limit - slack).astype(squared.dtype), -np.inf, dtype=squared.dtype)
    high = np.nextafter((limit + slack).astype(squared.dtype), np.inf, dtype=squared.dtype)
    sure = squared < low
    doubt = (squared <= high) & ~sure
    if most is not None and np.count_nonzero(doubt) > most:
        return None
    counts = np.count_nonzero(sure, axis=1).astype(np.int64)
    row, col = hits(doubt)
    if row.size:
        inside = pair_distances(points, block[row], col) < radius
        counts += np.bincount(row[inside], minlength=len(counts))
    return counts

"""Neighbours of all samples, in blocks: memory grows with n, never with n²."""

from collections.abc import Sequence

import numpy as np

from latent_microscope.errors import InputError
from latent_microscope.neighbours.blocks import Floats, Ints, pair_distances
from latent_microscope.neighbours.exact_duplicates import copied_rows
from latent_microscope.neighbours.knn import Neighbours
from latent_microscope.neighbours.rows import row_pass
from latent_microscope.neighbours.scan import Overlaps, scan

__all__ = ["Neighbours", "all_pairs", "counts_within", "neighbour_pass", "pair_distances"]


def neighbour_pass(
    points: Floats,
    *,
    k: int = 0,
    radii: Sequence[float] = (),
    rows: Ints | None = None,
    block_size: int | None = None,
) -> Neighbours:
    """The k nearest others of every row and the numbers of others within radii.

    Args:
        points: (n, d) checked matrix, n >= 2.
        k: Neighbours wanted; capped at n - 1.
        radii: Radii, strict (``distance < radius``); the point itself is not counted.
        rows: Rows to look at, among all points; by default every row.
        block_size: Rows handled at once.

    Returns:
        A :class:`Neighbours`, one entry for each of ``rows``.

    Raises:
        InputError: If ``k`` or ``block_size`` is out of range.
    """
    n = len(points)
    if k < 0:
        raise InputError(f"k {k} must not be negative.")
    if block_size is not None and block_size < 1:
        raise InputError(f"block_size {block_size} must be at least 1.")
    k = min(k, n - 1)
    if k and not len(radii) and rows is None:
        return all_pairs(points, k, block_size=block_size)[0]
    return row_pass(points, np.arange(n) if rows is None else rows, k, radii, block_size)


def all_pairs(
    points: Floats,
    k: int,
    *,
    overlap_threshold: float | None = None,
    max_pairs: int = 0,
    block_size: int | None = None,
) -> tuple[Neighbours, Overlaps | None]:
    """The k nearest others of every row and, if asked for, the overlaps, in one pass.

    Args:
        points: (n, d) checked matrix, n >= 2.
        k: Neighbours wanted; capped at n - 1.
        overlap_threshold: Strict lower bound of the cosine of an overlap.
        max_pairs: Most overlaps listed; all are counted.
        block_size: Side of the square tiles.

    Returns:
        The neighbours (no radii) and the overlaps.
    """
    k = min(k, len(points) - 1)
    copied, copies = copied_rows(points, k)
    found = scan(
        points,
        k,
        known=copied,
        overlap_threshold=overlap_threshold,
        max_pairs=max_pairs,
        block_size=block_size,
    )
    found.distances[copied], found.indices[copied] = 0.0, copies
    if found.left.size:
        rest = row_pass(points, found.left, k, (), block_size)
        found.distances[found.left], found.indices[found.left] = rest.distances, rest.indices
    return Neighbours(found.distances, found.indices), found.overlaps


def counts_within(
    points: Floats, distances: Floats, radius: float, *, block_size: int | None = None
) -> Ints:
    """Numbers of others closer than ``radius``, from neighbour distances where these suffice.

    Only rows whose k-th neighbour is closer than the radius are compared with all points.

    Args:
        points: (n, d) checked matrix.
        distances: (n, k) distances to the nearest others, ascending, k >= 1.
        radius: Strict bound.
        block_size: Rows handled at once.

    Returns:
        n counts.
    """
    counts = np.count_nonzero(distances < radius, axis=1).astype(np.int64)
    rows = np.flatnonzero(distances[:, -1] < radius)
    if rows.size:
        found = neighbour_pass(points, radii=[radius], rows=rows, block_size=block_size)
        counts[rows] = found.within[:, 0]
    return counts

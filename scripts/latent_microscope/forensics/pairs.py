"""Passes over all pairs of samples, in blocks: memory grows with n, never with n².

A matrix product gives all squared distances of a block at once. It rounds to about
``eps * d * norm²``, so whatever that could decide wrongly (near duplicates, a distance at the
radius, a tie at the k-th neighbour) is computed again from differences in float64: exact
duplicates are at distance exactly 0, and neighbours do not depend on the block size. The search for
neighbours screens in float32, which takes half the time, for as long as that leaves little doubt.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError
from latent_microscope.forensics.duplicates import copied_rows
from latent_microscope.forensics.product import ProductForm, product_form, screened_forms

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_TILE = 512
_ROW_BLOCK_ELEMENTS = 1 << 21
_CHUNK = 4096
_GROUPS = 16
# Screening is given up when it leaves more than about so many candidates for each neighbour.
_DOUBT = 4
# Squared distances below this share of the norms are computed again from differences; above it
# the rounding of the product stays under 1e-8 of the value.
_NEAR = 1e-7
# … and so are distances below this multiple of the rounding of a row that has a large offset.
_NEAR_SHIFT = 1e7


@dataclass(frozen=True)
class Neighbours:
    """What one pass over all pairs of latents finds.

    Attributes:
        distances: (n, k) Euclidean distances to the k nearest others, ascending.
        indices: (n, k) rows of these neighbours; ties go to the smaller row.
        within: (n, r) number of others closer than each of the r radii.
    """

    distances: Floats
    indices: Ints
    within: Ints


def row_blocks(count: int, block_size: int) -> Iterator[slice]:
    """Slices that cover ``range(count)``.

    Raises:
        InputError: If ``block_size`` is below 1.
    """
    if block_size < 1:
        raise InputError(f"block_size {block_size} must be at least 1.")
    return (slice(i, min(i + block_size, count)) for i in range(0, count, block_size))


def rows_at_once(n: int) -> int:
    """Rows of a block with n columns: about 16 MB of float64, but enough for a fast product."""
    return int(np.clip(_ROW_BLOCK_ELEMENTS // max(n, 1), 64, 1024))


def pair_distances(
    points: Floats, i: npt.NDArray[np.integer], j: npt.NDArray[np.integer]
) -> Floats:
    """Euclidean distances of the pairs (i, j) from differences: exactly 0 for duplicates."""
    out = np.empty(len(i))
    for start in range(0, len(i), _CHUNK):
        part = slice(start, start + _CHUNK)
        difference = points[i[part]]
        difference -= points[j[part]]
        out[part] = np.einsum("ij,ij->i", difference, difference)
    return np.sqrt(out, out=out)


def unit_rows(points: Floats) -> Floats:
    """Rows scaled to length 1; a row of zeros stays, so its cosine with anything is 0."""
    norms = np.linalg.norm(points, axis=1, keepdims=True)
    return points / np.where(norms > 0.0, norms, 1.0)


def _kth_bound(squared: npt.NDArray[np.floating], k: int) -> npt.NDArray[np.floating]:
    """An upper bound of the k-th smallest value of each row, nearly tight, without a full sort.

    The k smallest of the minima of disjoint groups are k values of the row.
    """
    b, n = squared.shape
    m = n // _GROUPS
    if m < 2 * k:
        return np.partition(squared, k - 1, axis=1)[:, k - 1]
    minima = squared[:, : m * _GROUPS].reshape(b, _GROUPS, m).min(axis=1)
    return np.partition(minima, k - 1, axis=1)[:, k - 1]


def hits(mask: npt.NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Rows and columns of the True entries, in row order."""
    flat = np.flatnonzero(mask.ravel())
    return flat // mask.shape[1], flat % mask.shape[1]


def neighbour_pass(
    points: Floats,
    *,
    k: int = 0,
    radii: Sequence[float] = (),
    rows: Ints | None = None,
    block_size: int | None = None,
) -> Neighbours:
    """The k nearest others of every row and the numbers of others within radii, in one pass.

    Args:
        points: (n, d) checked matrix, n >= 2.
        k: Neighbours wanted; capped at n - 1.
        radii: Radii, strict (``distance < radius``); the point itself is not counted.
        rows: Rows to look at, among all points; by default every row.
        block_size: Rows handled at once; memory is about ``block_size * n * 8`` bytes.

    Returns:
        A :class:`Neighbours`, one entry for each of ``rows``.

    Raises:
        InputError: If ``k`` or ``block_size`` is out of range.
    """
    n = len(points)
    if k < 0:
        raise InputError(f"k {k} must not be negative.")
    k = min(k, n - 1)
    if k and not len(radii) and rows is None:
        return _around_copies(points, k, block_size)
    chosen = np.arange(n) if rows is None else rows
    forms = screened_forms(points)
    parts = []
    size = rows_at_once(n) if block_size is None else block_size
    for part in row_blocks(len(chosen), size):
        found = _neighbour_block(points, forms[0], chosen[part], k, radii, screen=len(forms) > 1)
        if found is None:
            # What is dense on the scale of float32 here is likely to be so elsewhere.
            forms = forms[1:]
            found = _neighbour_block(points, forms[0], chosen[part], k, radii, screen=False)
        parts.append(found)
    done = [found for found in parts if found is not None]
    return Neighbours(
        np.concatenate([found.distances for found in done]),
        np.concatenate([found.indices for found in done]),
        np.concatenate([found.within for found in done]),
    )


def _around_copies(points: Floats, k: int, block_size: int | None) -> Neighbours:
    """Neighbours of all rows, without a search for those with k exact copies."""
    n = len(points)
    distances, indices = np.zeros((n, k)), np.zeros((n, k), dtype=np.int64)
    copied, copies = copied_rows(points, k)
    indices[copied] = copies
    rest = np.setdiff1d(np.arange(n), copied, assume_unique=True)
    if rest.size:
        found = neighbour_pass(points, k=k, rows=rest, block_size=block_size)
        distances[rest], indices[rest] = found.distances, found.indices
    return Neighbours(distances, indices, np.zeros((n, 0), dtype=np.int64))


def _neighbour_block(
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
    squared = form.left[block] @ form.right
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


def _nearest(
    points: Floats,
    squared: npt.NDArray[np.floating],
    slack: Floats,
    k: int,
    block: Ints,
    most: int | None,
) -> tuple[Floats, Ints] | None:
    """The k nearest of each row of a block, exact, ties by row; None beyond ``most`` candidates."""
    bound = _kth_bound(squared, k)[:, None] + 2.0 * slack
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


def mean_distances(points: Floats, *, block_size: int | None = None) -> Floats:
    """Mean Euclidean distance of each row to all others that are not at distance exactly 0.

    Args:
        points: (n, d) checked matrix.
        block_size: Side of the square tiles.

    Returns:
        n means; 0 for a row whose others are all equal to it.
    """
    n = len(points)
    form = product_form(points)
    least = (_NEAR_SHIFT * form.shift) ** 2
    sums, counts = np.zeros(n), np.full(n, n - 1, dtype=np.int64)
    for rows, cols in _upper_tiles(n, block_size):
        squared = form.left[rows] @ form.right[:, cols]
        limit = max(_NEAR * (form.norms[rows].max() + form.norms[cols].max()), least)
        near = squared <= limit
        if rows == cols:
            np.fill_diagonal(squared, 0.0)
            np.fill_diagonal(near, False)
        if near.any():
            row, col = hits(near)
            exact = pair_distances(points, row + rows.start, col + cols.start)
            squared[row, col] = exact * exact
            zero = exact == 0.0
            np.subtract.at(counts, row[zero] + rows.start, 1)
            if rows != cols:
                np.subtract.at(counts, col[zero] + cols.start, 1)
        _add_tile(sums, np.sqrt(squared, out=squared), rows, cols)
    return np.where(counts > 0, sums / np.maximum(counts, 1), 0.0)


def mean_cosine_distances(
    points: Floats, *, floor: float = 1e-6, block_size: int | None = None
) -> Floats:
    """Mean cosine distance of each row to all others, values <= ``floor`` left out.

    Args:
        points: (n, d) checked matrix; a row of zeros is at cosine distance 1 from every other.
        floor: Distances up to this do not count.
        block_size: Side of the square tiles.

    Returns:
        n means; 0 where nothing is left.
    """
    n = len(points)
    unit = unit_rows(points)
    sums, counts = np.zeros(n), np.full(n, n - 1, dtype=np.int64)
    for rows, cols in _upper_tiles(n, block_size):
        distance = unit[rows] @ unit[cols].T
        np.subtract(1.0, distance, out=distance)
        out = distance <= floor
        if rows == cols:
            np.fill_diagonal(distance, 0.0)
            np.fill_diagonal(out, False)
        if out.any():
            distance[out] = 0.0
            counts[rows] -= np.count_nonzero(out, axis=1)
            if rows != cols:
                counts[cols] -= np.count_nonzero(out, axis=0)
        _add_tile(sums, distance, rows, cols)
    return np.where(counts > 0, sums / np.maximum(counts, 1), 0.0)


def _upper_tiles(n: int, block_size: int | None) -> Iterator[tuple[slice, slice]]:
    """Pairs of row and column slices that cover the upper triangle, diagonal tiles included."""
    blocks = list(row_blocks(n, _TILE if block_size is None else block_size))
    return ((a, b) for i, a in enumerate(blocks) for b in blocks[i:])


def _add_tile(sums: Floats, tile: Floats, rows: slice, cols: slice) -> None:
    """Add a tile's rows, and off the diagonal its columns too (the matrix is symmetric)."""
    sums[rows] += tile.sum(axis=1)
    if rows != cols:
        sums[cols] += tile.sum(axis=0)


def similar_counts(
    points: Floats, rows: Ints, threshold: float, *, block_size: int | None = None
) -> Ints:
    """Number of other rows with a cosine similarity above ``threshold``, for chosen rows."""
    unit = unit_rows(points)
    counts = np.zeros(len(rows), dtype=np.int64)
    for part in row_blocks(
        len(rows), rows_at_once(len(points)) if block_size is None else block_size
    ):
        similar = unit[rows[part]] @ unit.T > threshold
        similar[np.arange(len(similar)), rows[part]] = False
        counts[part] = np.count_nonzero(similar, axis=1)
    return counts

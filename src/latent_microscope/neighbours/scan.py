"""One pass over all pairs of latents: nearest neighbours and overlaps from the same product.

Each tile of the upper triangle serves its rows and its columns. Tiles are float32 and only screen:
whatever their rounding leaves possible is computed again from differences in float64, so that
results depend neither on tiles nor on threads. Rows where float32 says too little (tight clusters,
many copies) go to the slower exact pass.
"""

from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt

from latent_microscope.neighbours.blocks import (
    Floats,
    Ints,
    Neighbours,
    hits,
    in_parallel,
    kth_bound,
    pair_cosines,
    pair_distances,
    row_blocks,
    rows_at_once,
    squared_block,
    unit_rows,
)

Narrow = npt.NDArray[np.float32]

_TILE = 1024
_CENTRE_ROWS = 1001
# A row is given up when a tile leaves it more than about so many candidates for each neighbour,
_DOUBT = 4
# … and the search for overlaps when a tile has more of them than this for each row.
_OVERLAPS = 16
# … or all of them together.
_MOST_OVERLAPS = 1 << 23
# Candidates are thinned out when there are more than this for each row and neighbour.
_KEPT = 4
_EPS = float(np.finfo(np.float32).eps)
# Screening in float32 is given up for a block with more candidates than this for each row.
_CANDIDATES = 16


@dataclass(frozen=True)
class Overlaps:
    """The most similar pairs above a cosine threshold."""

    pairs: Ints  # (m, 2) rows i < j, most similar first, ties by i, then j
    similarity: Floats  # their cosines
    total: int  # number of all pairs above the threshold


def scan(
    points: Floats,
    k: int,
    *,
    known: Ints,
    overlap_threshold: float | None = None,
    max_pairs: int = 0,
    block_size: int | None = None,
) -> tuple[Neighbours, Ints, Overlaps | None]:
    """The k nearest others of all rows, the rows that were given up, and overlaps if asked for.

    Entries of rows given up and of ``known`` rows, which are not searched, are 0.
    """
    screen = _Screen(points, k, overlap_threshold)
    screen.nearest.give_up(np.argsort(screen.order)[known])
    blocks = row_blocks(len(points), block_size, _TILE)
    # The first strip meets all rows, so that bounds are tight from the second one on.
    tiles = ((a, b) for i, a in enumerate(blocks) for b in blocks[i:])
    for _ in in_parallel(screen.look, tiles):
        pass
    found, left = screen.nearest.result(points, screen.order)
    left = np.setdiff1d(left, known, assume_unique=True)
    return found, left, screen.overlaps(points, max_pairs, block_size)


class _Candidates:
    """Possible neighbours of every row, with a bound of its k-th squared distance."""

    def __init__(self, n: int, k: int) -> None:
        self.best = np.full((n, k), np.inf, dtype=np.float32)
        self.bound = np.full(n, np.inf, dtype=np.float32)
        none = np.empty(0, dtype=np.int32)
        self.kept = [(none, none, np.empty(0, dtype=np.float32))]
        self.count = 0
        self.lock = Lock()

    def add(
        self, rows: npt.NDArray[np.int32], cols: npt.NDArray[np.int32], low: Narrow, high: Narrow
    ) -> None:
        """Pairs (row, col) whose squared distance lies between ``low`` and ``high``."""
        if not len(rows):
            return
        n, k = self.best.shape
        key = (rows.astype(np.uint64) << np.uint64(32)) | high.view(np.uint32)
        order = np.argsort(key)
        rows, cols, low, high = rows[order], cols[order], low[order], high[order]
        first = np.flatnonzero(np.diff(rows, prepend=-1))
        rank = np.arange(len(rows)) - np.repeat(first, np.diff(first, append=len(rows)))
        few = rank < k
        fresh = np.full((len(first), 2 * k), np.inf, dtype=np.float32)
        group = np.repeat(np.arange(len(first)), np.diff(first, append=len(rows)))
        fresh[group[few], rank[few]] = high[few]
        changed = rows[first]
        with self.lock:
            fresh[:, k:] = self.best[changed]
            fresh.partition(k - 1, axis=1)
            self.best[changed] = fresh[:, :k]
            # Rows given up stay so.
            self.bound[changed] = np.minimum(self.bound[changed], fresh[:, k - 1])
            possible = low <= self.bound[rows]
            self.kept.append((rows[possible], cols[possible], low[possible]))
            self.count += len(self.kept[-1][0])
            if self.count > _KEPT * n * k:
                self._thin()

    def give_up(self, rows: npt.NDArray[np.integer]) -> None:
        """No more candidates of these rows."""
        with self.lock:
            self.bound[rows] = -np.inf

    def _thin(self) -> None:
        rows, cols, low = (np.concatenate(parts) for parts in zip(*self.kept, strict=True))
        possible = low <= self.bound[rows]
        self.kept = [(rows[possible], cols[possible], low[possible])]
        # All that is possible is kept; wait until as much again has come.
        self.count = min(len(self.kept[0][0]), _KEPT * self.best.size // 2)

    def result(self, points: Floats, order: Ints) -> tuple[Neighbours, Ints]:
        """The nearest others, exact, and the rows that were given up."""
        n, k = self.best.shape
        self._thin()
        row, col = order[self.kept[0][0]], order[self.kept[0][1]]
        exact = pair_distances(points, row, col)
        ranked = np.lexsort((col, exact, row))
        given_up = np.sort(order[np.isneginf(self.bound)])
        distances, indices = np.zeros((n, k)), np.zeros((n, k), dtype=np.int64)
        done = np.setdiff1d(np.arange(n), given_up, assume_unique=True)
        first = np.searchsorted(row[ranked], done)
        chosen = ranked[first[:, None] + np.arange(k)]
        distances[done], indices[done] = exact[chosen], col[chosen]
        return Neighbours(distances, indices), given_up


class _Screen:
    """The tiles in float32.

    Rows are taken by rising distance from the centre: norms then hardly differ within a tile,
    which keeps rounding small, and the first columns, near everything, bound the neighbours of
    all rows.
    """

    def __init__(self, points: Floats, k: int, threshold: float | None) -> None:
        n, d = points.shape
        # Some far points would carry a mean away, and cost all others their digits.
        some_rows = np.linspace(0, n - 1, min(n, _CENTRE_ROWS)).astype(np.int64)
        centre = np.median(points[some_rows], axis=0)
        blocks = row_blocks(n, _TILE)
        spread = max(float(np.abs(points[part] - centre).max()) for part in blocks)
        # In units of the spread nothing overflows, and what vanishes is below the rounding.
        scale = 1.0 / spread if spread > 0.0 else 1.0
        squared = np.empty(n)
        for part in blocks:
            centred = (points[part] - centre) * scale
            squared[part] = np.einsum("ij,ij->i", centred, centred)
        self.order = np.argsort(squared, kind="stable")
        self.norms = squared[self.order]
        self.factor = np.empty((n, d + 2), dtype=np.float32)
        lengths = np.empty(n)
        for part in blocks:
            some = points[self.order[part]]
            lengths[part] = np.linalg.norm(some, axis=1) * scale
            self.factor[part, :d] = (some - centre) * scale
        self.factor[:, d], self.factor[:, d + 1] = 1.0, self.norms
        offset = max(float(points.max()), -float(points.min())) * scale
        self.shift = 2.0 * float(np.finfo(np.float64).eps) * offset * np.sqrt(d)
        self.slack = 4.0 * _EPS * (d + 4)
        self.most = _DOUBT * k + 16
        self.nearest = _Candidates(n, k)
        self.threshold = threshold
        self.lengths = lengths.astype(np.float32)
        self.similar: list[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]] = []
        self.found = 0
        self.crowded = False

    def look(self, tile: tuple[slice, slice]) -> None:
        """Collect the candidates of one tile, of its rows and of its columns."""
        rows, cols = tile
        squared = squared_block(self.factor, rows, cols)
        if rows == cols:
            np.fill_diagonal(squared, np.inf)
        self._collect(squared, rows, cols, transposed=False)
        if self.threshold is not None and not self.crowded:
            self._overlapping(squared, rows, cols)
        if rows != cols:
            self._collect(squared, cols, rows, transposed=True)

    def _errors(self, rows: slice, cols: slice) -> Narrow:
        """Bounds of the rounding of the squared distances of ``rows`` to any of ``cols``."""
        a, b = self.norms[rows], float(self.norms[cols].max())
        error = self.slack * (a + b)
        error += 4.0 * self.shift * (np.sqrt(a) + np.sqrt(b) + self.shift)
        return np.nextafter(error.astype(np.float32), np.float32(np.inf))

    def _collect(self, squared: Narrow, rows: slice, cols: slice, *, transposed: bool) -> None:
        """Candidates of ``rows`` among ``cols``."""
        k = self.nearest.best.shape[1]
        error = self._errors(rows, cols)
        bound = self.nearest.bound[rows] + error
        mask = squared <= (bound[None, :] if transposed else bound[:, None])
        if np.count_nonzero(mask) > self.most * len(error):
            # Bounds are loose yet: the tile itself gives better ones, along contiguous rows.
            upright = np.ascontiguousarray(squared.T) if transposed else squared
            if upright.shape[1] > k:
                bound = np.minimum(bound, kth_bound(upright, k) + 2.0 * error)
            mask = upright <= bound[:, None]
            many = np.flatnonzero(np.count_nonzero(mask, axis=1) > max(self.most, k))
            if many.size:
                mask[many] = False
                self.nearest.give_up(many + rows.start)
            row, col = hits(mask)
            value = upright[row, col]
        else:
            col, row = hits(mask) if transposed else hits(mask)[::-1]
            value = squared[col, row] if transposed else squared[row, col]
        self.nearest.add(
            (row + rows.start).astype(np.int32),
            (col + cols.start).astype(np.int32),
            value - error[row],
            np.maximum(value + error[row], np.float32(0.0)),
        )

    def _overlapping(self, squared: Narrow, rows: slice, cols: slice) -> None:
        """Pairs of the tile whose cosine may exceed the threshold.

        A cosine above t means a squared distance below a² + b² - 2 t a b for lengths a and b.
        """
        a, b = self.lengths[rows, None], self.lengths[None, cols]
        error = self._errors(rows, cols) + 8.0 * _EPS * (a[:, 0] + b.max()) ** 2
        ends = np.array([[b.min(), b.max()]], dtype=np.float32)
        reach = self._reach(a, ends).max(axis=1) + error
        near = np.flatnonzero(squared.min(axis=1) <= reach)
        if not near.size:
            return
        mask = squared[near] <= self._reach(a[near], b) + error[near, None]
        row, col = hits(mask)
        i, j = near[row] + rows.start, col + cols.start
        if rows == cols:
            i, j = i[i < j], j[i < j]
        self.similar.append((i.astype(np.int32), j.astype(np.int32)))
        self.found += len(i)
        if len(i) > _OVERLAPS * len(a) or self.found > _MOST_OVERLAPS:
            self.crowded = True

    def _reach(self, a: Narrow, b: Narrow) -> Narrow:
        """Squared distances below which lengths a and b overlap."""
        return a * a + b * b - np.float32(2.0 * (self.threshold or 0.0)) * (a * b)

    def overlaps(self, points: Floats, max_pairs: int, block_size: int | None) -> Overlaps | None:
        """Exact overlaps among the candidates; by a pass of their own if there are too many."""
        if self.threshold is None:
            return None
        if self.crowded:
            return similar_pairs(points, self.threshold, max_pairs, block_size=block_size)
        none = np.empty((2, 0), dtype=np.int32)
        pairs = self.order[np.concatenate([none, *map(np.stack, self.similar)], axis=1)]
        i, j = np.sort(pairs, axis=0)
        return overlaps_among(points, i, j, self.threshold, max_pairs)


def overlaps_among(points: Floats, i: Ints, j: Ints, threshold: float, max_pairs: int) -> Overlaps:
    """Exact overlaps among candidate pairs i < j."""
    similarity = pair_cosines(points, i, j)
    above = similarity > threshold
    best = best_pairs(i[above], j[above], similarity[above], max_pairs)
    return Overlaps(np.column_stack(best[:2]), best[2], int(np.count_nonzero(above)))


def similar_pairs(
    points: Floats, threshold: float, max_pairs: int, *, block_size: int | None = None
) -> Overlaps:
    """The most similar pairs above a cosine threshold, and how many there are.

    Blocks are screened in float32 and what passes is computed again in float64.
    """
    n, d = points.shape
    unit = unit_rows(points)
    narrow = unit.astype(np.float32)
    slack = 4.0 * _EPS * (d + 4)
    keep_i, keep_j, keep_s = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    total, floor = 0, threshold
    for rows in row_blocks(n, block_size, rows_at_once(n)):
        row, col = hits(_products(narrow, rows) > np.float32(threshold - slack))
        if row.size <= _CANDIDATES * (rows.stop - rows.start):
            similarity = pair_cosines(points, row + rows.start, col + rows.start)
            total += int(np.count_nonzero(similarity > threshold))
        else:
            # Nearly all are similar: count from the product, keep what can be among the best.
            product = _products(unit, rows)
            total += int(np.count_nonzero(product > threshold))
            row, col = hits(product > max(threshold, floor - 1e-12))
            similarity = product[row, col].astype(np.float64)
        above = similarity > threshold
        keep_i = np.concatenate([keep_i, row[above] + rows.start])
        keep_j = np.concatenate([keep_j, col[above] + rows.start])
        keep_s = np.concatenate([keep_s, similarity[above]])
        if len(keep_s) > 2 * max(max_pairs, 1):
            keep_i, keep_j, keep_s = best_pairs(keep_i, keep_j, keep_s, max_pairs)
            floor = float(keep_s[-1]) if max_pairs else np.inf
    keep_s = pair_cosines(points, keep_i, keep_j)
    keep_i, keep_j, keep_s = best_pairs(keep_i, keep_j, keep_s, max_pairs)
    return Overlaps(np.column_stack([keep_i, keep_j]), keep_s, total)


def _products(unit: npt.NDArray[np.floating], rows: slice) -> npt.NDArray[np.floating]:
    """Cosines of a block with all rows from its start on; -inf for what is not i < j."""
    product = unit[rows] @ unit[rows.start :].T
    product[np.tril_indices(len(product), 0)] = -np.inf
    return product


def best_pairs(i: Ints, j: Ints, similarity: Floats, count: int) -> tuple[Ints, Ints, Floats]:
    """The ``count`` most similar pairs in order."""
    order = np.lexsort((j, i, -similarity))[:count]
    return i[order], j[order], similarity[order]

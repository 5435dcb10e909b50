"""One pass over all pairs of latents: nearest neighbours and overlaps from the same product.

Each tile of the upper triangle serves its rows and its columns. Tiles are float32 and only screen:
whatever their rounding leaves possible is computed again from differences in float64, so that
results depend neither on tiles nor on threads. Rows where float32 says too little (tight clusters,
many copies) go to the slower exact pass.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from threading import Lock

import numpy as np
import numpy.typing as npt

from latent_microscope.neighbours.blocks import (
    Floats,
    Ints,
    Neighbours,
    Points,
    hits,
    in_parallel,
    kth_bound,
    pair_distances,
    row_blocks,
    squared_block,
)
from latent_microscope.neighbours.similar import Overlaps, Similar

Narrow = npt.NDArray[np.float32]

_TILE = 1024
_CENTRE_ROWS = 1001
# A row is given up when a tile leaves it more than about so many candidates for each neighbour.
_DOUBT = 4
# Candidates are thinned out when there are more than this for each row and neighbour.
_KEPT = 4
# … and, if this many stay, by their exact distances.
_TIED = 2
# … and searched for the nearest for so many rows at once.
_ROWS = 1 << 16
# A tile with fewer than this share of candidates is looked through once.
_SHARE = 32
_EPS = float(np.finfo(np.float32).eps)


def scan(
    points: Points,
    k: int,
    *,
    known: Ints,
    overlaps: Mapping[str, float] | None = None,
    block_size: int | None = None,
    part: tuple[int, int] = (0, 1),
) -> tuple[Neighbours, Ints, Overlaps | None]:
    """The k nearest others of all rows, the rows that were given up, and overlaps if asked for.

    Args:
        points: (n, d) rows.
        k: Nearest others; 0 for overlaps alone.
        known: Rows that are not searched.
        overlaps: ``threshold``, ``listed`` and ``max_pairs`` of
            :class:`~latent_microscope.neighbours.similar.Similar`.
        block_size: Side of a tile.
        part: Which of how many parts of the tiles; distances to others of another part are
            infinite, and their rows -1. So are those of rows that are given up or known.
    """
    n = len(points)
    screen = _Screen(points, k, overlaps)
    if k:
        screen.nearest.give_up(np.argsort(screen.order)[known])
    blocks = row_blocks(n, block_size, _TILE)
    # The first strip meets all rows, so that bounds are tight from the second one on.
    strips = list(enumerate(blocks))[part[0] :: part[1]]
    tiles = ((a, b) for i, a in strips for b in blocks[i:])
    for _ in in_parallel(screen.look, tiles):
        pass
    found, left = screen.nearest.result()
    left = np.setdiff1d(left, known, assume_unique=True)
    return found, left, screen.similar.result() if screen.similar else None


class _Candidates:
    """Possible neighbours of every row, with a bound of its k-th squared distance."""

    def __init__(self, points: Points, order: Ints, k: int) -> None:
        n = len(points)
        self.points, self.order = points, order
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
        if len(self.kept[0][0]) > _TIED * self.best.size:
            # Ties at the k-th distance, which only exact distances and the order of rows decide.
            place = np.argsort(self.order).astype(np.int32)
            nearest = [(place[row], place[col]) for row, col, _, _ in self._nearest()]
            rows, cols = (np.concatenate(parts) for parts in zip(*nearest, strict=True))
            low = np.full(len(rows), np.finfo(np.float32).min, dtype=np.float32)
            self.kept = [(rows, cols, low)]
        self.count = len(self.kept[0][0])

    def _nearest(self) -> Iterator[tuple[Ints, Ints, Floats, Ints]]:
        """The k nearest candidates of all rows, exact: rows, columns, distances, ranks."""
        n, k = self.best.shape
        rows, cols, _ = self.kept[0]
        by_row, edges = np.arange(len(rows)), np.array([0, len(rows)])
        if n > _ROWS:
            by_row = np.argsort(rows, kind="stable")
            edges = np.searchsorted(rows[by_row], np.arange(0, n + _ROWS, _ROWS))
        for start, stop in pairwise(edges):
            some = by_row[start:stop]
            key = np.sort(self.order[rows[some]] * np.int64(n) + self.order[cols[some]])
            row, col = key // n, key % n
            exact = pair_distances(self.points, row, col)
            ranked = np.lexsort((exact, row))  # stable: ties stay in the order of columns
            row, col, exact = row[ranked], col[ranked], exact[ranked]
            first = np.flatnonzero(np.diff(row, prepend=-1))
            rank = np.arange(len(row)) - np.repeat(first, np.diff(first, append=len(row)))
            few = rank < k
            yield row[few], col[few], exact[few], rank[few]

    def result(self) -> tuple[Neighbours, Ints]:
        """The nearest others, exact, and the rows that were given up."""
        n, k = self.best.shape
        distances, indices = np.full((n, k), np.inf), np.full((n, k), -1, dtype=np.int64)
        if not k:
            return Neighbours(distances, indices), np.empty(0, dtype=np.int64)
        self._thin()
        for row, col, exact, rank in self._nearest():
            distances[row, rank], indices[row, rank] = exact, col
        return Neighbours(distances, indices), np.sort(self.order[np.isneginf(self.bound)])


class _Screen:
    """The tiles in float32.

    Rows are taken by rising distance from the centre: norms then hardly differ within a tile,
    which keeps rounding small, and the first columns, near everything, bound the neighbours of
    all rows.
    """

    def __init__(self, points: Points, k: int, overlaps: Mapping[str, float] | None = None) -> None:
        n, d = points.shape
        # Some far points would carry a mean away, and cost all others their digits.
        some_rows = np.linspace(0, n - 1, min(n, _CENTRE_ROWS)).astype(np.int64)
        centre = np.median(points[some_rows].astype(np.float64), axis=0)
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
            some = points[self.order[part]].astype(np.float64)
            lengths[part] = np.linalg.norm(some, axis=1) * scale
            self.factor[part, :d] = (some - centre) * scale
        self.factor[:, d], self.factor[:, d + 1] = 1.0, self.norms
        offset = max(float(points.max()), -float(points.min())) * scale
        self.shift = 2.0 * float(np.finfo(np.float64).eps) * offset * np.sqrt(d)
        self.slack = 4.0 * _EPS * (d + 4)
        self.most = _DOUBT * k + 16
        self.nearest = _Candidates(points, self.order, k)
        self.similar = (
            Similar(points, self.order, lengths, **overlaps)  # type: ignore[arg-type]
            if overlaps
            else None
        )

    def look(self, tile: tuple[slice, slice]) -> None:
        """Collect the candidates of one tile, of its rows and of its columns."""
        rows, cols = tile
        squared = squared_block(self.factor, rows, cols)
        if rows == cols:
            np.fill_diagonal(squared, np.inf)
        if self.nearest.best.shape[1] and not self._few(squared, rows, cols):
            self._collect(squared, rows, cols, transposed=False)
            if rows != cols:
                self._collect(squared, cols, rows, transposed=True)
        if self.similar is not None:
            self.similar.add(squared, rows, cols, self._errors(rows, cols))

    def _errors(self, rows: slice, cols: slice) -> Narrow:
        """Bounds of the rounding of the squared distances of ``rows`` to any of ``cols``."""
        a, b = self.norms[rows], float(self.norms[cols].max())
        error = self.slack * (a + b)
        error += 4.0 * self.shift * (np.sqrt(a) + np.sqrt(b) + self.shift)
        return np.nextafter(error.astype(np.float32), np.float32(np.inf))

    def _few(self, squared: Narrow, rows: slice, cols: slice) -> bool:
        """Collect what is below the loosest bound of the tile; False if that is much."""
        sides = [(rows, cols)] if rows == cols else [(rows, cols), (cols, rows)]
        errors = [self._errors(*side) for side in sides]
        bounds = [
            self.nearest.bound[side[0]] + error for side, error in zip(sides, errors, strict=True)
        ]
        loosest = max(float(bound.max()) for bound in bounds)
        if not np.isfinite(loosest):
            return False
        mask = squared <= np.float32(loosest)
        if np.count_nonzero(mask) > squared.size // _SHARE:
            return False
        ends = hits(mask)
        value = squared[ends]
        kept = [value <= bound[end] for bound, end in zip(bounds, ends, strict=False)]
        if any(np.count_nonzero(keep) > self.most * min(squared.shape) for keep in kept):
            return False
        for keep, error, end, other, side in zip(
            kept, errors, ends, ends[::-1], sides, strict=False
        ):
            self._add(end[keep], other[keep], value[keep], error, side)
        return True

    def _add(
        self, row: Ints, col: Ints, value: Narrow, error: Narrow, side: tuple[slice, slice]
    ) -> None:
        """Candidates of rows of a tile by their squared distances."""
        self.nearest.add(
            (row + side[0].start).astype(np.int32),
            (col + side[1].start).astype(np.int32),
            value - error[row],
            np.maximum(value + error[row], np.float32(0.0)),
        )

    def _collect(self, squared: Narrow, rows: slice, cols: slice, *, transposed: bool) -> None:
        """Candidates of ``rows`` among ``cols``."""
        k = self.nearest.best.shape[1]
        error = self._errors(rows, cols)
        bound = self.nearest.bound[rows] + error
        mask = squared <= (bound[None, :] if transposed else bound[:, None])
        if np.count_nonzero(mask) > self.most * len(error):
            # Bounds are loose yet: the tile itself gives better ones.
            axis = 0 if transposed else 1
            if squared.shape[axis] > k:
                own = kth_bound(squared.T if transposed else squared, k)
                bound = np.minimum(bound, own + 2.0 * error)
            mask = squared <= (bound[None, :] if transposed else bound[:, None])
            many = np.flatnonzero(np.count_nonzero(mask, axis=axis) > max(self.most, k))
            if many.size:
                mask[(slice(None), many) if transposed else many] = False
                self.nearest.give_up(many + rows.start)
        if rows == cols:  # without a bound yet, a row is as far from itself (infinitely) as that
            np.fill_diagonal(mask, False)
        ends = hits(mask)
        row, col = ends[::-1] if transposed else ends
        self._add(row, col, squared[ends], error, (rows, cols))

"""The most similar pairs of rows by cosine, and how many there are, from tiles of distances.

With lengths a and b, 1 - cosine is (squared distance - (a - b)²) / 2ab: points far from the origin,
whose cosines are all nearly 1, lose no digits to their offset.
"""

from dataclasses import dataclass
from functools import cached_property
from threading import Lock

import numpy as np
import numpy.typing as npt

from latent_microscope.neighbours.blocks import Floats, Ints, Points, hits, pair_cosines, unit_rows
from latent_microscope.neighbours.copies import first_copies

Narrow = npt.NDArray[np.float32]
Pairs = tuple[Ints, Ints, Floats, Floats]  # places i and j, bounds of their cosine

_EPS = float(np.finfo(np.float32).eps)
# Tiles that leave more in doubt than this for each row are multiplied again in float64.
_CROWD = 16
_FEW = 1 << 16


@dataclass(frozen=True)
class Overlaps:
    """The most similar pairs, and the number of those above a threshold."""

    pairs: Ints  # (m, 2) rows i < j, most similar first, ties by i, then j
    similarity: Floats  # their cosines
    total: int  # number of all pairs above the threshold

    def above(self, threshold: float, max_pairs: int) -> "Overlaps":
        """The first of these pairs, above a higher threshold."""
        count = min(int(np.count_nonzero(self.similarity > threshold)), max_pairs)
        return Overlaps(self.pairs[:count], self.similarity[:count], self.total)


class Similar:
    """Pairs of all tiles: how many have a cosine above ``threshold``, and the best of them.

    Up to ``max_pairs`` are kept; where these are fewer than ``candidates``, the best so many that
    are above ``listed``.
    """

    def __init__(
        self,
        points: Points,
        order: Ints,
        lengths: Floats,
        *,
        threshold: float,
        listed: float,
        max_pairs: int,
        candidates: int = 0,
    ) -> None:
        self.points, self.order, self.lengths = points, order, lengths
        self.threshold, self.listed, self.most = threshold, listed, max_pairs
        self.candidates, self.room = candidates, 2 * candidates + _FEW
        # Of a cosine in float64, which is all that tells points far from the origin apart.
        self.noise = 1e-15 * (points.shape[1] + 4)
        self.offset = (lengths - lengths.mean()).astype(np.float32)
        with np.errstate(divide="ignore", over="ignore"):
            self.inverse = (1.0 / lengths).astype(np.float32)
        self.total, self.floor = 0, listed
        none = np.empty(0, dtype=np.int64)
        self.kept: Pairs = (none, none, np.empty(0), np.empty(0))
        self.lock = Lock()

    def add(self, squared: Narrow, rows: slice, cols: slice, error: Narrow) -> None:
        """Pairs of one tile of squared distances, each row's to within ``error``."""
        low = self._lowest()
        a, b = self.lengths[rows, None], self.lengths[cols]
        farthest = (float(squared.max()) + float(error.max())) * (1.0 + 1e-5)
        room = 1.0 - self.threshold - self.noise
        counted = farthest < 2.0 * room * float(a.min()) * float(b.min())
        if counted:  # all pairs of the tile are above the threshold
            with self.lock:
                self.total += squared.size
            if not self.most:
                return
            low = self.floor
        ends = np.array([[b.min(), b.max()]])
        # The bound is convex in b, so that its largest value lies at an end.
        reach = ((a - ends) ** 2 + 2.0 * (1.0 - low + self.noise) * a * ends).max(axis=1)
        near = np.flatnonzero(squared.min(axis=1) <= reach * (1.0 + 1e-6) + 2.0 * error)
        if near.size:
            with np.errstate(invalid="ignore", over="ignore"):
                found = self._narrow(squared[near], near + rows.start, cols, error[near])
            if not self._judge(*found, near + rows.start, cols, counted):
                every = np.arange(rows.start, rows.stop)
                self._judge(*self._wide(every, cols), every, cols, counted, last=True)

    def _lowest(self) -> float:
        return min(self.threshold, self.floor) if self.most else self.threshold

    def _narrow(
        self, squared: Narrow, rows: Ints, cols: slice, error: Narrow
    ) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
        """1 - cosine of some rows with the columns, and bounds of its error."""
        a, b = self.offset[rows], self.offset[cols]
        error = error + np.float32(8.0 * _EPS) * (np.abs(a) + np.abs(b).max()) ** 2
        gap = np.subtract.outer(a, b)
        squared -= gap * gap
        scale = np.multiply.outer(np.float32(0.5) * self.inverse[rows], self.inverse[cols])
        squared *= scale
        scale *= error[:, None]
        scale += np.float32(16.0 * _EPS) * np.abs(squared) + np.float32(self.noise)
        # Rows of zeros and lengths whose inverse overflows: nothing is known.
        unknown = ~np.isfinite(squared)
        if unknown.any():
            squared[unknown], scale[unknown] = 0.0, np.inf
        return squared, scale

    def _wide(self, rows: Ints, cols: slice) -> tuple[Floats, Floats]:
        unit = unit_rows(self.points[self.order[rows]]), unit_rows(self.points[self.order[cols]])
        distance = 1.0 - unit[0] @ unit[1].T
        return distance, np.full((1, 1), 2.0 * self.noise)

    def _judge(
        self,
        distance: npt.NDArray[np.floating],
        error: npt.NDArray[np.floating],
        rows: Ints,
        cols: slice,
        counted: bool,
        *,
        last: bool = False,
    ) -> bool:
        """Count and keep pairs of a tile by their 1 - cosine; False if too much is in doubt."""
        if rows[0] <= cols.stop - 1 and rows[-1] >= cols.start:  # on the diagonal: i < j only
            twice = np.greater_equal.outer(rows, np.arange(cols.start, cols.stop))
            distance[twice] = np.inf
            if error.shape == distance.shape:
                error[twice] = 0.0
        limit = 1.0 - self.threshold
        sure = distance + error < limit
        doubt = (distance - error <= limit) & ~sure
        if counted or limit <= 0.0:  # counted before, or no cosine is above 1
            sure[:], doubt[:] = False, False
        most = _CROWD * len(rows)
        if np.count_nonzero(doubt) > most and not last:
            return False
        kept: Pairs | None = None
        if self.most:
            with self.lock:
                floor = self.floor
            row, col = hits(distance - error <= 1.0 - floor)
            value = distance[row, col].astype(np.float64)
            wrong = np.broadcast_to(error, distance.shape)[row, col].astype(np.float64)
            kept = (rows[row], col + cols.start, 1.0 - value - wrong, 1.0 - value + wrong)
            kept = self._best(kept)[0]
            if len(kept[0]) > self.most + max(most, _FEW):
                if not last:
                    return False
                kept = self._exact(kept)
        row, col = hits(doubt)
        exact = self._cosines(rows[row], col + cols.start)
        count = int(np.count_nonzero(sure)) + int(np.count_nonzero(exact > self.threshold))
        with self.lock:
            self.total += count
            if kept is not None and len(kept[0]):
                joined = map(np.concatenate, zip(self.kept, kept, strict=True))
                self.kept = tuple(joined)  # type: ignore[assignment]
                if len(self.kept[0]) > min(self.room, 2 * self.most + _FEW):
                    self.kept, self.floor = self._best(self.kept)
                    self.room = 2 * len(self.kept[0]) + _FEW
                if len(self.kept[0]) > 2 * self.most + _FEW:
                    self.kept = self._exact(self.kept)
                    self.floor = max(self.floor, float(self.kept[2].min()))
        return True

    def _best(self, pairs: Pairs) -> tuple[Pairs, float]:
        """Those that may be among the best, and the cosine that these have at least."""
        floor = self.floor
        for most, top in (self.most, np.inf), (self.candidates, self.threshold):
            if 0 < most < len(pairs[0]):
                floor = max(floor, min(float(-np.partition(-pairs[2], most - 1)[most - 1]), top))
        possible = pairs[3] >= floor
        return (
            pairs[0][possible],
            pairs[1][possible],
            pairs[2][possible],
            pairs[3][possible],
        ), floor

    @cached_property
    def _copies(self) -> tuple[Ints, Floats]:
        """The first copy of each row, and its cosine with itself."""
        rows = np.arange(len(self.points))
        return first_copies(self.points), pair_cosines(self.points, rows, rows)

    def _cosines(self, i: Ints, j: Ints) -> Floats:
        i, j = self.order[i], self.order[j]
        if len(i) <= _FEW:
            return pair_cosines(self.points, i, j)
        first, own = self._copies
        cosine, apart = own[i], first[i] != first[j]
        cosine[apart] = pair_cosines(self.points, i[apart], j[apart])
        return cosine

    def _exact(self, pairs: Pairs) -> Pairs:
        """The best of these, their cosines exact."""
        cosine = self._cosines(*pairs[:2])
        first, second = np.sort(self.order[np.stack(pairs[:2])], axis=0)
        some = np.arange(len(cosine))
        if len(cosine) > 2 * self.most:  # do not sort what is left out, such as ties
            least = -np.partition(-cosine, self.most - 1)[self.most - 1]
            some = np.flatnonzero(cosine >= least)
            key = np.where(cosine[some] > least, -1, first[some] * len(self.order) + second[some])
            some = some[np.argpartition(key, self.most - 1)[: self.most]]
        chosen = some[np.lexsort((second[some], first[some], -cosine[some]))[: self.most]]
        return pairs[0][chosen], pairs[1][chosen], cosine[chosen], cosine[chosen]

    def result(self) -> Overlaps:
        """The best pairs, exact and in order."""
        i, j, similarity, _ = self._exact(self.kept)
        above = similarity > self.listed
        # Below the threshold others than the candidates depend on the order of the tiles.
        above[max(int(np.count_nonzero(similarity > self.threshold)), self.candidates) :] = False
        pairs = np.sort(self.order[np.stack([i[above], j[above]], axis=1)], axis=1)
        return Overlaps(pairs, similarity[above], self.total)


def merged_overlaps(parts: list[Overlaps], max_pairs: int) -> Overlaps:
    """The best of pairs that were found in different tiles."""
    pairs = np.concatenate([part.pairs for part in parts])
    similarity = np.concatenate([part.similarity for part in parts])
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -similarity))[:max_pairs]
    return Overlaps(pairs[order], similarity[order], sum(part.total for part in parts))

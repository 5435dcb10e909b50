"""What a pass over all pairs of sources finds, from some of the others, with bounds that hold.

Sums of squared distances and of cosines over all others are known exactly without any pair. What
is left to chance is how unequal the distances are, and how many others are parallel or similar.
The rows that are farthest out, which a sample would miss, are compared with all.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from latent_microscope.errors import InputError
from latent_microscope.neighbours.blocks import (
    Floats,
    Ints,
    hits,
    in_parallel,
    row_blocks,
    unit_rows,
)
from latent_microscope.neighbours.copies import first_copies
from latent_microscope.neighbours.means import COSINE_FLOOR, SourceScan
from latent_microscope.seeds import rng

_TILE, _COLUMNS = 512, 2048
_MISS = 0.05  # of a bound
_LOG = float(np.log(4.0 / _MISS))  # two sides, and the variance is estimated as well
_LOOSE = 0.25  # of a mean distance; wider bounds tell nothing


def sample_sources(
    points: Floats, count: int, *, similarity: float, seed: int = 0
) -> tuple[SourceScan, SourceScan]:
    """:func:`scan_sources` by ``count`` rows in place of all, and 95 % bounds of its errors.

    All rows are compared with the same ones, half of them the farthest from the mean and half at
    random, so that most of an error is common to all and ranks keep. For each row the bound holds
    for at least 95 % of the samples drawn, whatever the distances are: the empirical Bernstein
    bound (Maurer & Pontil 2009, theorem 4) and Clopper and Pearson's intervals of numbers.

    Raises:
        InputError: If so few rows bound a mean distance by more than a quarter of it.
    """
    work = _Sample(points, min(count, len(points)), similarity, seed)
    blocks = row_blocks(len(points), None, _TILE)
    found = np.concatenate(list(in_parallel(work.block, blocks)), axis=1)[:, work.first]
    mean, bound, needed, *counts, total, alike, compared, left = found
    work.require(mean, bound, needed)
    far_parallel, parallel, far_similar, similar = counts
    off, low, high = _number(parallel, compared, left)
    base = len(points) - 1 - far_parallel
    # Of others above the floor; those below are near 0.
    rest = np.maximum(total - alike, 0.0)
    angle = np.where(base > off, rest / np.maximum(base - off, 1.0), 0.0)
    most = np.minimum(rest / np.maximum(base - high, 1.0), 2.0)
    least = rest / np.maximum(base - low, 1.0)
    unseen = COSINE_FLOOR * (high - parallel) / np.maximum(base - off, 1.0)
    angle_bound = np.maximum(most - angle, angle - least) + unseen
    others, low, high = _number(similar, compared, left)
    others = np.rint(others)
    estimate = SourceScan(mean, angle, (far_similar + others).astype(np.int64))
    gap = np.ceil(np.maximum(high - others, others - low) - 1e-9)
    return estimate, SourceScan(bound, angle_bound, gap.astype(np.int64))


@dataclass
class _Sums:
    """Of a block of rows over some others, without copies."""

    distance: Floats  # powers 1, or 2 and 4 of deviations from a root
    fourth: Floats
    parallel: Ints
    similar: Ints
    alike: Floats  # of 1 - cosine of the parallel ones


class _Sample:
    """The rows that all are compared with, and what is known of all without pairs."""

    def __init__(self, points: Floats, count: int, similarity: float, seed: int) -> None:
        n = len(points)
        self.points, self.count, self.similarity = points, count, similarity
        self.first = first_copies(points)
        squares = self._squares(points.mean(axis=0))
        self.far = np.sort(np.argsort(-squares, kind="stable")[: count // 2])
        rest = np.setdiff1d(np.arange(n), self.far, assume_unique=True)
        generator = rng(seed, "sampled-pairs")
        self.drawn = np.sort(generator.choice(rest, size=count - len(self.far), replace=False))
        self.centre = (points.sum(axis=0) - points[self.far].sum(axis=0)) / max(len(rest), 1)
        self.squares = self._squares(self.centre)
        self.spread, self.reach = self.squares[rest].sum(), np.sqrt(self.squares[rest].max())
        chunks = row_blocks(n, None, _COLUMNS)
        self.directions = sum(unit_rows(points[part]).sum(axis=0) for part in chunks)
        # Equal rows (with itself) of each row: among all, the farthest, and those drawn.
        self.copies = np.bincount(self.first, minlength=n)[self.first]
        self.copies_far, self.copies_drawn = (
            np.bincount(self.first[some], minlength=n)[self.first]
            for some in (self.far, self.drawn)
        )

    def _squares(self, centre: Floats) -> Floats:
        parts = (self.points[part] - centre for part in row_blocks(len(self.points), None, _TILE))
        return np.concatenate([np.einsum("ij,ij->i", part, part) for part in parts])

    def block(self, part: slice) -> Floats:
        """What :func:`sample_sources` needs of each row of a block."""
        n, h, square = len(self.points), len(self.far), self.squares[part]
        others = n - self.copies[part]
        left = n - h - (self.copies[part] - self.copies_far[part])
        compared = len(self.drawn) - self.copies_drawn[part]
        # Root mean square distance to what is not among the farthest, and its largest deviation.
        mean_square = ((n - h) * square + self.spread) / np.maximum(left, 1)
        root = np.maximum(np.sqrt(mean_square), np.finfo(np.float64).tiny)
        length = np.sqrt(square)
        nearest = np.maximum(length - self.reach, 0.0)
        largest = np.maximum(root - nearest, length + self.reach - root) ** 2
        far, drawn = self._sums(part, self.far, None), self._sums(part, self.drawn, root)
        # The mean is the root less half the mean squared deviation from it, over the root.
        size = np.maximum(compared, 1)
        deviation = np.where(compared > 0, drawn.distance / size, largest / 2.0)
        spread = (drawn.fourth - size * deviation**2) / np.maximum(compared - 1, 1)
        chance = np.sqrt(2.0 * _LOG * np.maximum(spread, 0.0))
        width = np.where(compared > 1, 7.0 * _LOG / 3.0 * largest, np.inf)
        error = chance / np.sqrt(size) + width / np.maximum(compared - 1, 1)
        unseen = 1.0 - compared / np.maximum(left, 1)
        sure = np.maximum(unseen * deviation, unseen * (largest - deviation))
        share = left / np.maximum(others, 1) / (2.0 * root)
        rest = left * (root - deviation / (2.0 * root))
        mean = (far.distance + rest) / np.maximum(others, 1)
        # Rows that would give a bound of _LOOSE: chance / t + width / t² with t² of them.
        wanted = _LOOSE * np.maximum(mean, np.finfo(np.float64).tiny) / np.maximum(share, 1e-300)
        needed = (
            len(self.drawn)
            / size
            * ((chance + np.sqrt(chance**2 + 4.0 * wanted * width)) / (2.0 * wanted)) ** 2
        )
        unit = unit_rows(self.points[part])
        own = np.einsum("ij,ij->i", unit, unit)
        # Copies of a row of zeros are parallel to nothing.
        copies, whole = self.copies[part] - 1, own > 0.5
        total = n - 1 - (unit @ self.directions - own) - np.where(whole, copies * (1.0 - own), 0.0)
        return np.stack(
            [
                mean,
                np.minimum(error, sure) * share,
                needed,
                far.parallel + np.where(whole, copies, 0),
                drawn.parallel,
                far.similar + np.where(own > self.similarity, copies, 0),
                drawn.similar,
                total,
                far.alike + drawn.alike,
                compared,
                left,
            ]
        )

    def _sums(self, part: slice, columns: Ints, root: Floats | None) -> _Sums:
        """Over some others; with roots of the squared deviations of distances from these."""
        rows, unit = self.points[part] - self.centre, unit_rows(self.points[part])
        size, first = len(rows), self.first[part]
        out = _Sums(*(np.zeros(size) for _ in range(5)))  # type: ignore[arg-type]
        for piece in row_blocks(len(columns), None, _COLUMNS):
            cols = columns[piece]
            others, theirs = self.points[cols], self.first[cols]
            again = np.flatnonzero(np.isin(first, theirs))
            row, copies = hits(first[again, None] == theirs)
            place = again[row], copies
            squared = self.squares[part, None] + self.squares[cols]
            squared -= 2.0 * (rows @ (others - self.centre).T)
            distance = np.sqrt(np.maximum(squared, 0.0, out=squared), out=squared)
            if root is not None:
                distance -= root[:, None]
                distance *= distance
            distance[place] = 0.0
            out.distance += distance.sum(axis=1)
            if root is not None:
                out.fourth += np.einsum("ij,ij->i", distance, distance)
            cosine = unit @ unit_rows(others).T
            cosine[place] = -np.inf
            out.similar += np.count_nonzero(cosine > self.similarity, axis=1)
            if 1.0 - cosine.max() <= COSINE_FLOOR:
                row, col = hits(1.0 - cosine <= COSINE_FLOOR)
                out.parallel += np.bincount(row, minlength=size)
                out.alike += np.bincount(row, 1.0 - cosine[row, col], minlength=size)
        return out

    def require(self, mean: Floats, bound: Floats, needed: Floats) -> None:
        """Refuse a sample that says next to nothing."""
        apart = mean > 0.0
        share = float(np.median(bound[apart] / mean[apart])) if apart.any() else 0.0
        if share > _LOOSE:
            usual = min(float(np.median(needed[apart])), float(len(mean)))
            enough = max(2 * int(usual) + 6, self.count + 1)
            advice = f"take {enough:,}, or pairs: exact" if enough < len(mean) else "pairs: exact"
            raise InputError(
                f"sampled_rows {self.count:,} of {len(mean):,}: mean distances would be known to "
                f"{share:.0%} (half of the samples worse), too little to rank by; {advice}"
            )


def _number(found: Floats, compared: Floats, left: Floats) -> tuple[Floats, Floats, Floats]:
    """How many of ``left`` others, of which ``found`` of ``compared``, and a 95 % interval."""
    keys, place = np.unique(np.stack([found, compared]), axis=1, return_inverse=True)
    k, m = keys
    with np.errstate(invalid="ignore"):
        low = np.where(k > 0, beta.ppf(_MISS / 2.0, k, m - k + 1.0), 0.0)
        high = np.where(k < m, beta.ppf(1.0 - _MISS / 2.0, k + 1.0, m - k), 1.0)
    share = (k / np.maximum(m, 1.0))[place.ravel()]
    least = np.maximum(left * low[place.ravel()], found)
    most = np.minimum(left * high[place.ravel()], found + left - compared)
    return left * share, least, np.maximum(most, found)

"""One pass over all pairs of sources: mean distances, mean cosine distances, similar others."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from latent_microscope.neighbours.blocks import (
    Floats,
    Ints,
    ProductForm,
    hits,
    in_parallel,
    pair_distances,
    product_form,
    row_blocks,
    rows_at_once,
    squared_block,
    unit_rows,
)
from latent_microscope.neighbours.copies import first_copies
from latent_microscope.seeds import rng

_TILE = 512
# Squared distances below this share of the norms are computed again from differences; above it
# the rounding of the product stays under 1e-8 of the value.
_NEAR = 1e-7
# … and so are distances below this multiple of the rounding of a row that has a large offset.
_NEAR_SHIFT = 1e7
COSINE_FLOOR = 1e-6
_NORMAL = 1.959963984540054

_Sides = list[tuple[Floats, Ints]]


@dataclass(frozen=True)
class SourceScan:
    """One value per row."""

    mean_distance: Floats  # mean Euclidean distance to all others but exact copies
    mean_cosine: Floats  # mean cosine distance to all others but those up to the floor
    similar: Ints  # number of others with a cosine above the similarity


def scan_sources(
    points: Floats,
    *,
    distances: bool = True,
    similarity: float | None = None,
    cosines: bool = True,
    block_size: int | None = None,
) -> SourceScan:
    """Mean distances, mean cosine distances and numbers of similar others, in one pass.

    What is not asked for is 0.
    """
    n = len(points)
    blocks = row_blocks(n, block_size, _TILE)
    work = _Strips(points, blocks, distances, cosines, similarity)
    sums = np.zeros((3, n))
    counts = np.zeros((3, n), dtype=np.int64)
    # Strips are added in their order, whichever thread made them.
    for start, (more, fewer) in zip(
        blocks, in_parallel(work.strip, range(len(blocks))), strict=True
    ):
        sums[:, start.start :] += more
        counts[:, start.start :] += fewer
    apart = n - 1 - counts[0]
    mean_distance = np.where(apart > 0, sums[0] / np.maximum(apart, 1), 0.0)
    mean_cosine = np.zeros(n)
    if cosines:
        # The sum of all cosines of a row is one product with the sum of all directions.
        left = n - 1 - counts[1]
        total = work.unit @ work.unit.sum(axis=0) - np.einsum("ij,ij->i", work.unit, work.unit)
        rest = np.maximum(left - (total - sums[1]), 0.0)
        mean_cosine = np.where(left > 0, rest / np.maximum(left, 1), 0.0)
    first = first_copies(points)
    return SourceScan(mean_distance[first], mean_cosine[first], counts[2][first])


def sample_sources(
    points: Floats, count: int, *, similarity: float, seed: int = 0
) -> tuple[SourceScan, SourceScan]:
    """:func:`scan_sources` by ``count`` random rows in place of all, and 95 % bounds of its errors.

    All rows are compared with the same ones, so that most of an error is common to all and ranks
    keep. A bound holds for 95 % of the samples drawn: normal quantiles of the means, with the
    correction for a finite population; Wilson's interval of the share of similar others.
    """
    n = len(points)
    chosen = np.sort(rng(seed, "sampled-pairs").choice(n, size=min(count, n), replace=False))
    unit, first = unit_rows(points), first_copies(points)
    some, some_unit, theirs = points[chosen], unit[chosen], first[chosen]
    squares = np.einsum("ij,ij->i", some, some)

    def block(part: slice) -> Floats:
        rows, cosine = points[part], unit[part] @ some_unit.T
        squared = np.einsum("ij,ij->i", rows, rows)[:, None] + squares
        squared -= 2.0 * (rows @ some.T)
        distance = np.sqrt(np.maximum(squared, 0.0, out=squared), out=squared)
        again = np.flatnonzero(np.isin(first[part], theirs))
        distance[again] *= first[part][again, None] != theirs
        ends = np.searchsorted(chosen, (part.start, part.stop))
        own = chosen[slice(*ends)] - part.start, np.arange(*ends)
        cosine[own] = -np.inf
        others = np.full(len(rows), len(chosen))
        others[own[0]] -= 1
        share = np.count_nonzero(cosine > similarity, axis=1) / others
        cosine[own] = 1.0
        np.subtract(1.0, cosine, out=cosine)
        cosine *= cosine > COSINE_FLOOR
        z = _NORMAL * np.sqrt(np.maximum(1.0 - others / (n - 1), 0.0))
        wide = z * np.sqrt(share * (1.0 - share) / others + (z / (2.0 * others)) ** 2)
        # The farther end of Wilson's interval: it is not centred at the share.
        off = np.abs(z * z * (1.0 - 2.0 * share) / (2.0 * others))
        bound = (n - 1) * (wide + off) / (1.0 + z * z / others)
        means = *_mean_and_bound(distance, z), *_mean_and_bound(cosine, z)
        return np.stack([*means, (n - 1) * share, bound])

    parts = in_parallel(block, row_blocks(n, None, _TILE))
    mean, mean_bound, angle, angle_bound, similar, similar_bound = np.concatenate(
        list(parts), axis=1
    )[:, first]
    estimate = SourceScan(mean, angle, np.rint(similar).astype(np.int64))
    bound = SourceScan(mean_bound, angle_bound, np.ceil(similar_bound).astype(np.int64))
    return estimate, bound


def _mean_and_bound(values: Floats, quantile: Floats) -> tuple[Floats, Floats]:
    """Means of the values of each row that are not 0, and so many of their standard errors."""
    count = np.maximum(np.count_nonzero(values, axis=1), 1)
    mean = values.sum(axis=1) / count
    squares = np.einsum("ij,ij->i", values, values)
    variance = np.maximum(squares - count * mean * mean, 0.0) / np.maximum(count - 1, 1)
    return mean, quantile * np.sqrt(variance / count)


class _Strips:
    """Tiles of the upper triangle, one strip of rows at a time.

    A strip gives, for its rows and all after them: sums of distances, sums of the cosines left
    out; numbers of copies, of cosines left out, of similar others.
    """

    def __init__(
        self,
        points: Floats,
        blocks: list[slice],
        distances: bool,
        cosines: bool,
        similarity: float | None,
    ) -> None:
        self.points, self.blocks = points, blocks
        self.form = product_form(points) if distances else None
        self.cosines, self.similarity = cosines, similarity
        self.unit = unit_rows(points) if cosines or similarity is not None else points[:, :0]

    def strip(self, number: int) -> tuple[Floats, Ints]:
        """Sums and counts of one strip, from its first row on."""
        rows = self.blocks[number]
        width = len(self.points) - rows.start
        sums, counts = np.zeros((3, width)), np.zeros((3, width), dtype=np.int64)
        for cols in self.blocks[number:]:
            # Views of the tile's rows and, off the diagonal, of its columns.
            ends = [rows] if rows == cols else [rows, cols]
            places = [slice(end.start - rows.start, end.stop - rows.start) for end in ends]
            sides = [(sums[:, place], counts[:, place]) for place in places]
            if self.form is not None:
                self._distances(self.form, rows, cols, sides)
            if self.unit.shape[1]:
                self._cosines(rows, cols, sides)
        return sums, counts

    def _distances(self, form: ProductForm, rows: slice, cols: slice, sides: _Sides) -> None:
        squared = squared_block(form.factor, rows, cols)
        limit = _NEAR * (form.norms[rows].max() + form.norms[cols].max())
        limit = max(limit, (_NEAR_SHIFT * form.shift) ** 2)
        if rows == cols:
            np.fill_diagonal(squared, np.inf)
        if squared.min() <= limit:
            pairs = hits(squared <= limit)
            exact = pair_distances(self.points, pairs[0] + rows.start, pairs[1] + cols.start)
            squared[pairs] = exact * exact
            for (_, counts), ends in zip(sides, pairs, strict=False):
                counts[0] += np.bincount(ends[exact == 0.0], minlength=counts.shape[1])
        if rows == cols:
            np.fill_diagonal(squared, 0.0)
        np.sqrt(squared, out=squared)
        for (sums, _), axis in zip(sides, (1, 0), strict=False):
            sums[0] += squared.sum(axis=axis)

    def _cosines(self, rows: slice, cols: slice, sides: _Sides) -> None:
        cosine = self.unit[rows] @ self.unit[cols].T
        if rows == cols:
            np.fill_diagonal(cosine, -np.inf)
        if self.similarity is not None:
            similar = cosine > self.similarity
            sides[0][1][2] += np.count_nonzero(similar, axis=1)
            if rows != cols:
                sides[1][1][2] += _column_counts(similar)
        if self.cosines and 1.0 - cosine.max() <= COSINE_FLOOR:
            pairs = hits(1.0 - cosine <= COSINE_FLOOR)
            value = cosine[pairs]
            for (sums, counts), ends in zip(sides, pairs, strict=False):
                counts[1] += np.bincount(ends, minlength=counts.shape[1])
                sums[1] += np.bincount(ends, value, minlength=counts.shape[1])


def _column_counts(mask: npt.NDArray[np.bool_]) -> Ints:
    """True entries of each column; sums of few bytes are fast in their own type."""
    counts = np.zeros(mask.shape[1], dtype=np.int64)
    edges = [*range(0, len(mask), 255), len(mask)]
    for start, stop in pairwise(edges):
        counts += np.add.reduce(mask[start:stop].view(np.uint8), axis=0, dtype=np.uint8)
    return counts


def similar_counts(
    points: Floats, rows: Ints, threshold: float, *, block_size: int | None = None
) -> Ints:
    """Number of other rows with a cosine similarity above ``threshold``, for chosen rows."""
    unit = unit_rows(points)
    rows, place = np.unique(first_copies(points)[rows], return_inverse=True)
    counts = np.zeros(len(rows), dtype=np.int64)
    for part in row_blocks(len(rows), block_size, rows_at_once(len(points))):
        similar = unit[rows[part]] @ unit.T > threshold
        similar[np.arange(len(similar)), rows[part]] = False
        counts[part] = np.count_nonzero(similar, axis=1)
    return counts[place]

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

_TILE = 512
# Squared distances below this share of the norms are computed again from differences; above it
# the rounding of the product stays under 1e-8 of the value.
_NEAR = 1e-7
# … and so are distances below this multiple of the rounding of a row that has a large offset.
_NEAR_SHIFT = 1e7
COSINE_FLOOR = 1e-6

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

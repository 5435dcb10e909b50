"""One pass over all pairs of sources: mean distances, mean cosine distances, similar others."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from latent_microscope.neighbours.blocks import (
    Floats,
    Ints,
    hits,
    in_parallel,
    pair_distances,
    row_blocks,
    rows_at_once,
    unit_rows,
)
from latent_microscope.neighbours.product import ProductForm, product_form, squared_block

_TILE = 512
# Squared distances below this share of the norms are computed again from differences; above it
# the rounding of the product stays under 1e-8 of the value.
_NEAR = 1e-7
# … and so are distances below this multiple of the rounding of a row that has a large offset.
_NEAR_SHIFT = 1e7
COSINE_FLOOR = 1e-6


@dataclass(frozen=True)
class SourceScan:
    """What one pass finds about every row; see the functions of this module.

    Attributes:
        mean_distance: Mean Euclidean distance to all others but exact copies.
        mean_cosine: Mean cosine distance to all others but those up to the floor.
        similar: Number of others with a cosine above the similarity.
    """

    mean_distance: Floats
    mean_cosine: Floats
    similar: Ints


def scan_sources(
    points: Floats,
    *,
    distances: bool = True,
    similarity: float | None = None,
    cosines: bool = True,
    block_size: int | None = None,
) -> SourceScan:
    """Mean distances, mean cosine distances and numbers of similar others, in one pass.

    Args:
        points: (n, d) checked matrix.
        distances: Whether mean distances are wanted (else 0).
        similarity: Others with a larger cosine are counted; None: no count (0).
        cosines: Whether mean cosine distances are wanted (else 0).
        block_size: Side of the square tiles.
    """
    n = len(points)
    blocks = row_blocks(n, _TILE if block_size is None else block_size)
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
    return SourceScan(mean_distance, mean_cosine, counts[2])


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
        self.form: ProductForm | None = product_form(points) if distances else None
        self.cosines, self.similarity = cosines, similarity
        self.unit = unit_rows(points) if cosines or similarity is not None else points[:, :0]

    def strip(self, number: int) -> tuple[Floats, Ints]:
        """Sums and counts of one strip, from its first row on."""
        rows = self.blocks[number]
        width = len(self.points) - rows.start
        sums, counts = np.zeros((3, width)), np.zeros((3, width), dtype=np.int64)
        for cols in self.blocks[number:]:
            own, other = (
                slice(0, rows.stop - rows.start),
                slice(cols.start - rows.start, cols.stop - rows.start),
            )
            if self.form is not None:
                self._distances(self.form, rows, cols, sums, counts, own, other)
            if self.unit.shape[1]:
                self._cosines(rows, cols, sums, counts, own, other)
        return sums, counts

    def _distances(
        self,
        form: ProductForm,
        rows: slice,
        cols: slice,
        sums: Floats,
        counts: Ints,
        own: slice,
        other: slice,
    ) -> None:
        squared = squared_block(form.factor, rows, cols)
        limit = _NEAR * (form.norms[rows].max() + form.norms[cols].max())
        limit = max(limit, (_NEAR_SHIFT * form.shift) ** 2)
        if rows == cols:
            np.fill_diagonal(squared, np.inf)
        if squared.min() <= limit:
            row, col = hits(squared <= limit)
            exact = pair_distances(self.points, row + rows.start, col + cols.start)
            squared[row, col] = exact * exact
            zero = exact == 0.0
            counts[0, own] += np.bincount(row[zero], minlength=own.stop)
            if rows != cols:
                counts[0, other] += np.bincount(col[zero], minlength=squared.shape[1])
        if rows == cols:
            np.fill_diagonal(squared, 0.0)
        np.sqrt(squared, out=squared)
        sums[0, own] += squared.sum(axis=1)
        if rows != cols:
            sums[0, other] += squared.sum(axis=0)

    def _cosines(
        self, rows: slice, cols: slice, sums: Floats, counts: Ints, own: slice, other: slice
    ) -> None:
        cosine = self.unit[rows] @ self.unit[cols].T
        if rows == cols:
            np.fill_diagonal(cosine, -np.inf)
        if self.similarity is not None:
            similar = cosine > self.similarity
            counts[2, own] += np.count_nonzero(similar, axis=1)
            if rows != cols:
                counts[2, other] += _column_counts(similar)
        if self.cosines and 1.0 - cosine.max() <= COSINE_FLOOR:
            out = 1.0 - cosine <= COSINE_FLOOR
            row, col = hits(out)
            value = cosine[row, col]
            counts[1, own] += np.bincount(row, minlength=own.stop)
            sums[1, own] += np.bincount(row, value, minlength=own.stop)
            if rows != cols:
                counts[1, other] += np.bincount(col, minlength=out.shape[1])
                sums[1, other] += np.bincount(col, value, minlength=out.shape[1])


def _column_counts(mask: npt.NDArray[np.bool_]) -> Ints:
    """True entries of each column; sums of few bytes are fast in their own type."""
    counts = np.zeros(mask.shape[1], dtype=np.int64)
    edges = [*range(0, len(mask), 255), len(mask)]
    for start, stop in pairwise(edges):
        counts += np.add.reduce(mask[start:stop].view(np.uint8), axis=0, dtype=np.uint8)
    return counts


def mean_distances(points: Floats, *, block_size: int | None = None) -> Floats:
    """Mean Euclidean distance of each row to all others that are not at distance exactly 0.

    Args:
        points: (n, d) checked matrix.
        block_size: Side of the square tiles.

    Returns:
        n means; 0 for a row whose others are all equal to it.
    """
    return scan_sources(points, cosines=False, block_size=block_size).mean_distance


def mean_cosine_distances(points: Floats, *, block_size: int | None = None) -> Floats:
    """Mean cosine distance of each row to all others, values <= 1e-6 left out.

    Args:
        points: (n, d) checked matrix; a row of zeros is at cosine distance 1 from every other.
        block_size: Side of the square tiles.

    Returns:
        n means; 0 where nothing is left.
    """
    return scan_sources(points, distances=False, block_size=block_size).mean_cosine


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

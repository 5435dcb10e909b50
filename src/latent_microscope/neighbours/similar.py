"""The most similar pairs of rows by cosine."""

import numpy as np
import numpy.typing as npt

from latent_microscope.neighbours.blocks import (
    Floats,
    Ints,
    hits,
    pair_cosines,
    row_blocks,
    rows_at_once,
    unit_rows,
)

# Screening in float32 is given up for a block with more candidates than this for each row.
_CANDIDATES = 16


def similar_pairs(
    points: Floats, threshold: float, max_pairs: int, *, block_size: int | None = None
) -> tuple[Ints, Floats, int]:
    """The most similar pairs above a cosine threshold, and how many there are in all.

    Blocks are screened in float32 and what passes is computed again in float64.

    Args:
        points: (n, d) checked matrix.
        threshold: Strict lower bound of the similarity.
        max_pairs: Pairs kept.
        block_size: Rows handled at once.

    Returns:
        (m, 2) pairs i < j and their similarities, most similar first (ties by i, then j), and the
        total number of pairs above the threshold.
    """
    n, d = points.shape
    unit = unit_rows(points)
    narrow = unit.astype(np.float32)
    slack = 4.0 * float(np.finfo(np.float32).eps) * (d + 4)
    keep_i, keep_j, keep_s = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    total, floor = 0, threshold
    for rows in row_blocks(n, rows_at_once(n) if block_size is None else block_size):
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
    return np.column_stack([keep_i, keep_j]), keep_s, total


def _products(unit: npt.NDArray[np.floating], rows: slice) -> npt.NDArray[np.floating]:
    """Cosines of a block with all rows from its start on; -inf for what is not i < j."""
    product = unit[rows] @ unit[rows.start :].T
    product[np.tril_indices(len(product), 0)] = -np.inf
    return product


def best_pairs(i: Ints, j: Ints, similarity: Floats, count: int) -> tuple[Ints, Ints, Floats]:
    """The ``count`` most similar pairs in order."""
    order = np.lexsort((j, i, -similarity))[:count]
    return i[order], j[order], similarity[order]

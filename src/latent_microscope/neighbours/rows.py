"""Chosen rows compared with all points: slower per pair than :mod:`.scan`, for any input.

A matrix product rounds to about ``eps * d * norm²``, so whatever that could decide wrongly (near
duplicates, a distance at the radius, a tie) is computed again from differences in float64. The
product is float32 for as long as that leaves little doubt.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latent_microscope.neighbours.blocks import (
    Floats,
    Ints,
    Neighbours,
    ProductForm,
    hits,
    kth_bound,
    pair_distances,
    product_form,
    row_blocks,
    rows_at_once,
    screening_form,
    squared_block,
)

# Screening is given up when it leaves more than about so many candidates for each neighbour.
_DOUBT = 4


class _ScreeningError(Exception):
    """Float32 screening leaves too many pairs in doubt."""


def row_pass(
    points: Floats, rows: Ints, k: int, radii: Sequence[float], block_size: int | None = None
) -> Neighbours:
    """The k nearest others of some rows and the numbers of others within (strict) radii.

    Memory is about ``block_size * n * 8`` bytes.
    """
    narrow = screening_form(points)
    form = product_form(points) if narrow is None else narrow
    none = np.zeros((0, k), np.int64), np.zeros((0, len(radii)), np.int64)
    parts = [Neighbours(np.zeros((0, k)), *none)]
    for part in row_blocks(len(rows), block_size or rows_at_once(len(points))):
        try:
            found = _block(points, form, rows[part], k, radii, screen=narrow is not None)
        except _ScreeningError:
            # What is dense on the scale of float32 here is likely to be so elsewhere.
            narrow, form = None, product_form(points)
            found = _block(points, form, rows[part], k, radii, screen=False)
        parts.append(found)
    fields = ("distances", "indices", "within")
    return Neighbours(*(np.concatenate([getattr(p, field) for p in parts]) for field in fields))


def _block(
    points: Floats, form: ProductForm, rows: Ints, k: int, radii: Sequence[float], *, screen: bool
) -> Neighbours:
    """Neighbours of a block of rows."""
    squared = squared_block(form.factor, rows)
    squared[np.arange(len(rows)), rows] = np.inf
    most = len(rows) * (_DOUBT * k + 16) if screen else squared.size
    block = _Block(points, rows, squared, form.error[rows, None], most)
    distances, indices = block.nearest(k)
    smallest = float(distances[:, 0].min()) if k else 0.0
    within = np.zeros((len(rows), len(radii)), dtype=np.int64)
    for column, radius in enumerate(radii):
        if smallest < radius:
            within[:, column] = block.within(radius)
    return Neighbours(distances, indices, within)


@dataclass(frozen=True)
class _Block:
    """Some rows and their squared distances to all points, known up to ``slack``."""

    points: Floats
    rows: Ints
    squared: npt.NDArray[np.floating]
    slack: Floats
    most: int  # candidates; beyond, screening is given up

    def nearest(self, k: int) -> tuple[Floats, Ints]:
        """The k nearest of each row, exact, ties by row."""
        if not k:
            return np.zeros((len(self.rows), 0)), np.zeros((len(self.rows), 0), dtype=np.int64)
        squared = self.squared
        bound = kth_bound(squared, k)[:, None] + 2.0 * self.slack
        # Rounded up, so that a float32 comparison loses no candidate.
        near = squared <= np.nextafter(bound.astype(squared.dtype), np.inf, dtype=squared.dtype)
        if np.count_nonzero(near) > self.most:
            raise _ScreeningError
        row, col = hits(near)
        exact = pair_distances(self.points, self.rows[row], col)
        order = np.lexsort((col, exact, row))
        first = np.searchsorted(row, np.arange(len(squared)))
        chosen = order[first[:, None] + np.arange(k)]
        return exact[chosen], col[chosen]

    def within(self, radius: float) -> Ints:
        """Entries of each row closer than ``radius``, recomputed near it."""
        squared, kind = self.squared, self.squared.dtype
        limit = np.full_like(self.slack, radius * radius)
        low = np.nextafter((limit - self.slack).astype(kind), -np.inf, dtype=kind)
        high = np.nextafter((limit + self.slack).astype(kind), np.inf, dtype=kind)
        sure = squared < low
        doubt = (squared <= high) & ~sure
        if np.count_nonzero(doubt) > self.most:
            raise _ScreeningError
        counts = np.count_nonzero(sure, axis=1).astype(np.int64)
        row, col = hits(doubt)
        inside = pair_distances(self.points, self.rows[row], col) < radius
        return counts + np.bincount(row[inside], minlength=len(counts))

"""Exact copies among rows: which rows are equal, in little memory."""

import numpy as np

from latent_microscope.neighbours.blocks import Floats, Ints, Points, row_blocks

_CHUNK = 4096


def first_copies(points: Points) -> Ints:
    """Of each of the (n, d) rows the first row that is equal to it, itself where there is none.

    What depends on the values of a row alone is taken from there: the rounding of a product, and
    the choice among ties, depend on the place of a row.
    """
    first = np.arange(len(points))
    group, sizes = np.unique(_hashes(points), return_inverse=True, return_counts=True)[1:]
    # Only what may be copies is compared byte by byte.
    likely = np.flatnonzero(sizes[group] > 1)
    if likely.size:
        # Adding 0 turns -0.0 into 0.0: equal numbers, but not equal bytes.
        rows = np.ascontiguousarray(points[likely] + 0.0)
        keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
        place, group = np.unique(keys, return_index=True, return_inverse=True)[1:]
        first[likely] = likely[place[group]]
    return first


def value_order(points: Points) -> Ints:
    """The rows in an order that their values decide; copies in that of their rows."""
    return np.argsort(_hashes(points), kind="stable")


def copy_counts(points: Points) -> Ints:
    """Number of other rows that are equal to each row."""
    first = first_copies(points)
    return np.bincount(first, minlength=len(first))[first] - 1


def copied_rows(points: Points, k: int) -> tuple[Ints, Ints]:
    """Rows with at least k exact copies, ascending, and the first k of these, in row order.

    A collapsed model maps many images to one latent; searching all pairs of copies is slow.
    """
    first = first_copies(points)
    copied = np.flatnonzero(np.bincount(first)[first] > k)
    order = np.argsort(first, kind="stable")
    starts = np.searchsorted(first[order], first[copied])
    listed = order[starts[:, None] + np.arange(k + 1)]
    # Leave out the row itself where it is among the first, else the last of them.
    own = listed == copied[:, None]
    own[~own.any(axis=1), k] = True
    return copied, listed[~own].reshape(len(copied), k)


def _hashes(points: Points) -> Floats:
    """One number per row, the same for equal rows: each is summed on its own, in one order."""
    weights = np.random.default_rng(0).normal(size=points.shape[1])
    hashes = np.empty(len(points))
    with np.errstate(over="ignore", invalid="ignore"):
        for part in row_blocks(len(points), _CHUNK):
            rows = np.asarray(points[part], dtype=np.float64)
            hashes[part] = np.einsum("ij,j->i", rows, weights)
    return hashes

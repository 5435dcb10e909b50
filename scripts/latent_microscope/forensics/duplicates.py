"""Rows with so many exact copies that their nearest neighbours need no search."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def copied_rows(points: npt.NDArray[np.float64], k: int) -> tuple[Ints, Ints]:
    """Rows with at least k other rows equal to them, and the first k of these.

    A collapsed model maps many images to one latent; comparing all pairs of copies would cost as
    much as all pairs of samples, in float64.

    Args:
        points: (n, d) checked matrix.
        k: Neighbours wanted, at least 1.

    Returns:
        The rows, ascending, and their (rows, k) neighbours at distance 0 in row order.
    """
    # Adding 0 turns -0.0 into 0.0: equal numbers, but not equal bytes.
    rows = np.ascontiguousarray(points + 0.0)
    keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    group, sizes = np.unique(keys, return_inverse=True, return_counts=True)[1:]
    copied = np.flatnonzero(sizes[group] > k)
    order = np.argsort(group, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    first = order[starts[group[copied], None] + np.arange(k + 1)]
    # Leave out the row itself where it is among the first, else the last of them.
    own = first == copied[:, None]
    own[~own.any(axis=1), k] = True
    return copied, first[~own].reshape(len(copied), k).astype(np.int64)

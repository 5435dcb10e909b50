"""Rows with so many exact copies that their nearest neighbours need no search."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

_CHUNK = 4096


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
    hashes = _hashes(points)
    group, sizes = np.unique(hashes, return_inverse=True, return_counts=True)[1:]
    # Mostly no hash is that frequent; only what may be copies is compared byte by byte.
    likely = np.flatnonzero(sizes[group] > k)
    if not likely.size:
        return likely, np.empty((0, k), dtype=np.int64)
    # Adding 0 turns -0.0 into 0.0: equal numbers, but not equal bytes.
    rows = np.ascontiguousarray(points[likely] + 0.0)
    keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    group, sizes = np.unique(keys, return_inverse=True, return_counts=True)[1:]
    copied = np.flatnonzero(sizes[group] > k)
    order = np.argsort(group, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    first = order[starts[group[copied], None] + np.arange(k + 1)]
    # Leave out the row itself where it is among the first, else the last of them.
    own = first == copied[:, None]
    own[~own.any(axis=1), k] = True
    return likely[copied], likely[first[~own]].reshape(len(copied), k).astype(np.int64)


def _hashes(points: npt.NDArray[np.float64]) -> npt.NDArray[np.uint64]:
    """One number a row, the same for equal rows, in little memory."""
    factors = np.random.default_rng(0).integers(1, 2**63, points.shape[1], dtype=np.uint64) | 1
    hashes = np.empty(len(points), dtype=np.uint64)
    for start in range(0, len(points), _CHUNK):
        part = slice(start, start + _CHUNK)
        numbers = np.ascontiguousarray(points[part] + 0.0).view(np.uint64)
        # The low bits of short numbers are all 0, and stay so under multiplication: mix them.
        numbers ^= numbers >> np.uint64(29)
        hashes[part] = (numbers * factors).sum(axis=1, dtype=np.uint64)
    return hashes

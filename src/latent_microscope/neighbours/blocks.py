"""Blocks, tiles and pairs of rows: what all passes over pairs of samples are made of."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from latent_microscope.errors import InputError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Item = TypeVar("Item")
Result = TypeVar("Result")

_ROW_BLOCK_ELEMENTS = 1 << 21
_CHUNK = 2048
_GROUPS = 16


def row_blocks(count: int, block_size: int) -> list[slice]:
    """Slices that cover ``range(count)``.

    Raises:
        InputError: If ``block_size`` is below 1.
    """
    if block_size < 1:
        raise InputError(f"block_size {block_size} must be at least 1.")
    return [slice(i, min(i + block_size, count)) for i in range(0, count, block_size)]


def rows_at_once(n: int) -> int:
    """Rows of a block with n columns: about 16 MB of float64, but enough for a fast product."""
    return int(np.clip(_ROW_BLOCK_ELEMENTS // max(n, 1), 64, 1024))


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Results of ``work`` in the order of ``items``, on as many threads as BLAS may use.

    Each thread multiplies on its own: tiles are too small to share one product. What comes out
    does not depend on the number of threads. Few results wait at a time.
    """
    controller = ThreadpoolController().select(user_api="blas")
    workers = max([library["num_threads"] for library in controller.info()], default=1)
    with controller.limit(limits=1):
        if workers == 1:
            yield from map(work, items)
            return
        pending = iter(items)
        with ThreadPoolExecutor(workers) as pool:
            queue: list[Future[Result]] = [
                pool.submit(work, item) for item in islice(pending, 4 * workers)
            ]
            while queue:
                yield queue.pop(0).result()
                queue.extend(pool.submit(work, item) for item in islice(pending, 1))


def hits(mask: npt.NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Rows and columns of the True entries, in row order."""
    flat = np.flatnonzero(mask.ravel())
    return flat // mask.shape[1], flat % mask.shape[1]


def kth_bound(squared: npt.NDArray[np.floating], k: int) -> npt.NDArray[np.floating]:
    """An upper bound of the k-th smallest value of each row, nearly tight, without a full sort.

    The k smallest of the minima of disjoint groups are k values of the row.
    """
    b, n = squared.shape
    m = n // _GROUPS
    if m < 2 * k:
        return np.partition(squared, k - 1, axis=1)[:, k - 1]
    minima = squared[:, : m * _GROUPS].reshape(b, _GROUPS, m).min(axis=1)
    return np.partition(minima, k - 1, axis=1)[:, k - 1]


def pair_distances(
    points: Floats, i: npt.NDArray[np.integer], j: npt.NDArray[np.integer]
) -> Floats:
    """Euclidean distances of the pairs (i, j) from differences: exactly 0 for duplicates."""
    out = np.empty(len(i))

    def fill(part: slice) -> None:
        difference = points[i[part]]
        difference -= points[j[part]]
        out[part] = np.einsum("ij,ij->i", difference, difference)

    _in_chunks(fill, len(i))
    return np.sqrt(out, out=out)


def unit_rows(points: Floats) -> Floats:
    """Rows scaled to length 1; a row of zeros stays, so its cosine with anything is 0."""
    norms = np.linalg.norm(points, axis=1, keepdims=True)
    return points / np.where(norms > 0.0, norms, 1.0)


def pair_cosines(points: Floats, i: npt.NDArray[np.integer], j: npt.NDArray[np.integer]) -> Floats:
    """Cosine similarities of pairs of rows in [-1, 1]; 0 where a row is zero."""
    out = np.empty(len(i))

    def fill(part: slice) -> None:
        out[part] = np.einsum("ij,ij->i", unit_rows(points[i[part]]), unit_rows(points[j[part]]))

    _in_chunks(fill, len(i))
    return np.clip(out, -1.0, 1.0, out=out)


def _in_chunks(fill: Callable[[slice], None], count: int) -> None:
    chunks = row_blocks(count, _CHUNK)
    # Threads cost more than a few chunks take.
    for _ in in_parallel(fill, chunks) if len(chunks) > 16 else map(fill, chunks):
        pass

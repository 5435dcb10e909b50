"""Blocks, tiles and pairs of rows, squared distances as a product and its rounding."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from latent_microscope.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")
Scalar = TypeVar("Scalar", bound=np.floating)

_ROW_BLOCK_ELEMENTS = 1 << 21
_CHUNK = 2048
_GROUPS = 16
# Squared norms beyond this would overflow in a float32 product.
_FLOAT32_LIMIT = 1e30

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rows = slice | Ints


@dataclass(frozen=True)
class Neighbours:
    """Nearest others of rows."""

    distances: Floats  # (n, k) Euclidean distances to the k nearest others, ascending
    indices: Ints  # (n, k) rows of these neighbours; ties go to the smaller row
    # (n, r) numbers of others closer than each of r radii
    within: Ints = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))


def row_blocks(count: int, block_size: int) -> list[slice]:
    """Slices that cover ``range(count)``."""
    if block_size < 1:
        raise InputError(f"block_size {block_size} must be at least 1")
    return [slice(i, min(i + block_size, count)) for i in range(0, count, block_size)]


def rows_at_once(n: int) -> int:
    """Rows of a block with n columns: about 16 MB of float64, but enough for a fast product."""
    return int(np.clip(_ROW_BLOCK_ELEMENTS // max(n, 1), 64, 1024))


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Results of ``work`` in the order of ``items``, on as many threads as BLAS may use.

    Each thread multiplies on its own: tiles are too small to share one product. Results do not
    depend on the number of threads, and few wait at a time.
    """
    controller = ThreadpoolController().select(user_api="blas")
    workers = max([library["num_threads"] for library in controller.info()], default=1)
    with controller.limit(limits=1):
        if workers == 1:
            yield from map(work, items)
            return
        pending = iter(items)
        with ThreadPoolExecutor(workers) as pool:
            queue = [pool.submit(work, item) for item in islice(pending, 4 * workers)]
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


@dataclass(frozen=True)
class ProductForm:
    """The matrix of squared distances as a product, with what rounding does to it."""

    factor: npt.NDArray[np.floating]  # (n, d + 2) rows of coordinates, 1 and squared norm
    norms: Floats  # squared norms of the centred rows
    error: Floats  # bound of the error of the squared distances of each row
    shift: float  # rounding of one centred row, as a length


def squared_block(
    factor: npt.NDArray[Scalar], rows: Rows, cols: slice = slice(None)
) -> npt.NDArray[Scalar]:
    """Squared distances of some rows to others: (-2 z, |z|², 1) times (z, 1, |z|²)."""
    left = factor[rows].copy()
    left[:, :-2] *= -2.0
    left[:, -2:] = left[:, :-3:-1]
    product: npt.NDArray[Scalar] = np.matmul(left, factor[cols].T)
    return product


def product_form(points: Floats, dtype: type[np.floating] = np.float64) -> ProductForm:
    """Centred rows (an offset would cost digits) and the bounds of their rounding."""
    n, d = points.shape
    centred = points - points.mean(axis=0)
    norms = np.einsum("ij,ij->i", centred, centred)
    largest = max(float(points.max()), -float(points.min()))
    shift = 2.0 * np.finfo(np.float64).eps * largest * np.sqrt(d)
    top = norms.max()
    error = 4.0 * float(np.finfo(dtype).eps) * (d + 4) * (norms + top)
    error += 4.0 * shift * (np.sqrt(norms) + np.sqrt(top) + shift)
    factor = np.empty((n, d + 2), dtype=dtype)
    factor[:, :d], factor[:, d], factor[:, d + 1] = centred, 1.0, norms
    return ProductForm(factor, norms, error, shift)


def screening_form(points: Floats) -> ProductForm | None:
    """A float32 product, or None where it would overflow."""
    centre = points.mean(axis=0)
    peak = float(np.maximum(points.max(axis=0) - centre, centre - points.min(axis=0)).max())
    if peak * peak * points.shape[1] > _FLOAT32_LIMIT:
        return None
    return product_form(points, np.float32)

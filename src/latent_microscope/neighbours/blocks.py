"""Blocks and pairs of rows; chosen rows compared with all points, in any input.

A matrix product rounds to about ``eps * d * norm²``, so whatever that could decide wrongly (near
duplicates, a distance at the radius, a tie) is computed again from differences in float64. The
product is float32 for as long as that leaves little doubt.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from latent_microscope import width
from latent_microscope.arrays import whole

Item = TypeVar("Item")
Result = TypeVar("Result")
Scalar = TypeVar("Scalar", bound=np.floating)

_ROW_BLOCK_ELEMENTS = 1 << 21
_CHUNK = 2048
_GROUPS = 16
# Screening is given up when it leaves more than about so many candidates for each neighbour.
_DOUBT = 4
# Squared norms beyond this would overflow in a float32 product.
_FLOAT32_LIMIT = 1e30

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Points = npt.NDArray[np.floating]
"""Rows of float64, or of float32: what is exact is computed in float64."""
Rows = slice | Ints


@dataclass(frozen=True)
class Neighbours:
    """Nearest others of rows."""

    distances: Floats  # (n, k) Euclidean distances to the k nearest others, ascending
    indices: Ints  # (n, k) rows of these neighbours; ties go to the smaller row
    # (n, r) numbers of others closer than each of r radii
    within: Ints = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))


def row_blocks(count: int, block_size: int | None, usual: int = 1) -> list[slice]:
    """Slices of ``block_size`` rows, or of the ``usual`` number, that cover ``range(count)``."""
    block_size = usual if block_size is None else whole(block_size, "block_size", 1)
    return [slice(i, min(i + block_size, count)) for i in range(0, count, block_size)]


def fingerprint(points: Points) -> str:
    """A hash of the values of (n, d) rows, the same in float32 and float64: 12 digits."""
    found = hashlib.blake2b(str(points.shape).encode(), digest_size=6)
    for part in row_blocks(len(points), None, _CHUNK):
        found.update(np.ascontiguousarray(_wide(points[part]) + 0.0).data)  # no -0.0
    return found.hexdigest()


def rows_at_once(n: int) -> int:
    """Rows of a block with n columns: about 16 MB of float64, but enough for a fast product."""
    return int(np.clip(_ROW_BLOCK_ELEMENTS // max(n, 1), 64, 1024))


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Results of ``work`` in the order of ``items``, on the cores that this process may use.

    Those are the cores of a workflow's job, elsewhere as many as BLAS has threads. Each thread
    multiplies on its own: tiles are too small to share one product. Results do not depend on the
    number of threads, and few wait at a time.
    """
    controller = ThreadpoolController().select(user_api="blas")
    workers = width.granted or max(
        [library["num_threads"] for library in controller.info()], default=1
    )
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
    if squared.flags.c_contiguous:
        minima = squared[:, : m * _GROUPS].reshape(b, _GROUPS, m).min(axis=1)
    else:  # columns in place of rows: no copy
        minima = squared.T[: m * _GROUPS].reshape(_GROUPS, m, b).min(axis=0).T
    return np.partition(minima, k - 1, axis=1)[:, k - 1]


def pair_distances(
    points: Points, i: npt.NDArray[np.integer], j: npt.NDArray[np.integer]
) -> Floats:
    """Euclidean distances of the pairs (i, j) from differences: exactly 0 for duplicates."""
    out = np.empty(len(i))

    def fill(part: slice) -> None:
        difference = _wide(points[i[part]])
        difference -= points[j[part]]
        out[part] = np.einsum("ij,ij->i", difference, difference)

    _in_chunks(fill, len(i))
    return np.sqrt(out, out=out)


def _wide(points: Points) -> Floats:
    return np.asarray(points, dtype=np.float64)


def unit_rows(points: Points) -> Floats:
    """Rows scaled to length 1; a row of zeros stays, so its cosine with anything is 0."""
    points = _wide(points)
    norms = np.linalg.norm(points, axis=1, keepdims=True)
    return points / np.where(norms > 0.0, norms, 1.0)


def pair_cosines(points: Points, i: npt.NDArray[np.integer], j: npt.NDArray[np.integer]) -> Floats:
    """Cosine similarities of pairs of rows in [-1, 1]; 0 where a row is zero."""
    out = np.empty(len(i))

    def fill(part: slice) -> None:
        left, right = unit_rows(points[i[part]]), unit_rows(points[j[part]])
        out[part] = np.einsum("ij,ij->i", left, right)

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


def product_form(points: Points, dtype: type[np.floating] = np.float64) -> ProductForm:
    """Centred rows (an offset would cost digits) and the bounds of their rounding."""
    n, d = points.shape
    mean, norms = points.mean(axis=0, dtype=np.float64), np.empty(n)
    factor = np.empty((n, d + 2), dtype=dtype)
    for part in row_blocks(n, None, _CHUNK):
        centred = points[part] - mean
        norms[part] = np.einsum("ij,ij->i", centred, centred)
        factor[part, :d] = centred
    largest = max(float(points.max()), -float(points.min()))
    shift = 2.0 * np.finfo(np.float64).eps * largest * np.sqrt(d)
    top = norms.max()
    error = 4.0 * float(np.finfo(dtype).eps) * (d + 4) * (norms + top)
    error += 4.0 * shift * (np.sqrt(norms) + np.sqrt(top) + shift)
    factor[:, d], factor[:, d + 1] = 1.0, norms
    return ProductForm(factor, norms, error, shift)


def screening_form(points: Points) -> ProductForm | None:
    """A float32 product, or None where it would overflow."""
    centre = points.mean(axis=0, dtype=np.float64)
    peak = float(np.maximum(points.max(axis=0) - centre, centre - points.min(axis=0)).max())
    if peak * peak * points.shape[1] > _FLOAT32_LIMIT:
        return None
    return product_form(points, np.float32)


class _ScreeningError(Exception):
    """Float32 screening leaves too many pairs in doubt."""


def row_pass(
    points: Points, rows: Ints, k: int, radii: Sequence[float], block_size: int | None = None
) -> Neighbours:
    """The k nearest others of some rows and the numbers of others within (strict) radii.

    Memory is about ``block_size * n * 8`` bytes.
    """
    narrow = screening_form(points)
    form = product_form(points) if narrow is None else narrow
    none = np.zeros((0, k), np.int64), np.zeros((0, len(radii)), np.int64)
    parts = [Neighbours(np.zeros((0, k)), *none)]
    for part in row_blocks(len(rows), block_size, rows_at_once(len(points))):
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
    points: Points, form: ProductForm, rows: Ints, k: int, radii: Sequence[float], *, screen: bool
) -> Neighbours:
    """Neighbours of a block of rows: the k nearest, exact, ties by row; others within radii."""
    squared = squared_block(form.factor, rows)
    squared[np.arange(len(rows)), rows] = np.inf
    slack, kind = form.error[rows, None], squared.dtype
    most = len(rows) * (_DOUBT * k + 16) if screen else squared.size

    def few(mask: npt.NDArray[np.bool_]) -> tuple[Ints, Ints, Floats]:
        """Rows, columns and exact distances of what is in doubt."""
        if np.count_nonzero(mask) > most:
            raise _ScreeningError
        row, col = hits(mask)
        return row, col, pair_distances(points, rows[row], col)

    distances, indices = np.zeros((len(rows), k)), np.zeros((len(rows), k), dtype=np.int64)
    smallest = 0.0
    if k:
        bound = kth_bound(squared, k)[:, None] + 2.0 * slack
        # Rounded up, so that a float32 comparison loses no candidate.
        row, col, exact = few(squared <= np.nextafter(bound.astype(kind), np.inf, dtype=kind))
        order = np.lexsort((col, exact, row))
        chosen = order[np.searchsorted(row, np.arange(len(rows)))[:, None] + np.arange(k)]
        distances, indices = exact[chosen], col[chosen]
        smallest = float(distances[:, 0].min())
    within = np.zeros((len(rows), len(radii)), dtype=np.int64)
    for column, radius in enumerate(radii):
        if smallest < radius:
            limit = np.full_like(slack, radius * radius)
            sure = squared < np.nextafter((limit - slack).astype(kind), -np.inf, dtype=kind)
            high = np.nextafter((limit + slack).astype(kind), np.inf, dtype=kind)
            row, _, exact = few((squared <= high) & ~sure)
            doubtful = np.bincount(row[exact < radius], minlength=len(rows))
            within[:, column] = np.count_nonzero(sure, axis=1) + doubtful
    return Neighbours(distances, indices, within)

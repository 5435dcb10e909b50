"""Representational dissimilarity matrices (RDMs), and positions of pairs in condensed form."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import squareform

from latent_microscope.arrays import as_numbers, plain
from latent_microscope.errors import InputError
from latent_microscope.io.pages import release
from latent_microscope.similarity.distances import SMALLEST, Rows, prepare

Ints = npt.NDArray[np.int64]
_RELEASED = 64  # rows of a file, after which its pages are released
_SIDE = 512  # images of a tile: 2 MB of float64 distances, and the same time per pair at any n
_LARGEST = float(np.finfo(np.float32).max)


def n_pairs(n: int) -> int:
    """Number of pairs of ``n`` images, the length of a condensed RDM."""
    return n * (n - 1) // 2


def n_images(pairs: int) -> int:
    """Number of images of a condensed RDM of length ``pairs``."""
    n = round((1.0 + (1.0 + 8.0 * pairs) ** 0.5) / 2.0)
    if pairs < 1 or n_pairs(n) != pairs:
        raise InputError(
            f"A condensed RDM has n(n-1)/2 values, and no n gives {pairs}; "
            "pass the upper triangle without the diagonal."
        )
    return n


def row_start(row: int, n: int) -> int:
    """Position in the condensed array of the pair (row, row + 1)."""
    return row * (n - 1) - row * (row - 1) // 2


def sides(first: int, stop: int) -> list[slice]:
    """Rows, or columns, of the tiles of some images that follow each other."""
    return [slice(low, min(low + _SIDE, stop)) for low in range(first, stop, _SIDE)]


def tiles(n: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of square tiles that cover the pairs row < column of ``n`` images."""
    bounds = sides(0, n)
    for place, rows in enumerate(bounds):
        for others in bounds[place:]:
            yield rows, others


_row_start = numba.njit(cache=True, nogil=True)(row_start)


# Two functions: a file that is read has pages that compiled code may not write to.
@numba.njit(cache=True, nogil=True)
def _write(block, row, column, n, values):  # type: ignore[no-untyped-def]
    """Put the pairs of a tile from ``row`` and ``column`` on where they are in ``values``."""
    for i in range(block.shape[0]):
        first = max(row + i + 1 - column, 0)
        start = _row_start(row + i, n) + column - row - i - 1
        for j in range(first, block.shape[1]):
            values[start + j] = block[i, j]


@numba.njit(cache=True, nogil=True)
def _read(block, row, column, n, values):  # type: ignore[no-untyped-def]
    """Fill a tile with its pairs; the others are left."""
    for i in range(block.shape[0]):
        first = max(row + i + 1 - column, 0)
        start = _row_start(row + i, n) + column - row - i - 1
        for j in range(first, block.shape[1]):
            block[i, j] = values[start + j]


def condensed_index(i: Ints, j: Ints, n: int) -> Ints:
    """Positions of the pairs (i, j), in either order, i != j, of ``n`` images."""
    low, high = np.minimum(i, j).astype(np.int64), np.maximum(i, j).astype(np.int64)
    return low * (n - 1) - low * (low - 1) // 2 + high - low - 1


def pairs_within(groups: npt.ArrayLike) -> Ints:
    """Ascending condensed positions of the pairs whose images have the same label in ``groups``."""
    labels = np.asarray(groups)
    n = labels.size
    parts = [
        row_start(row, n) + np.flatnonzero(labels[row + 1 :] == labels[row]) for row in range(n - 1)
    ]
    return np.concatenate(parts).astype(np.int64) if parts else np.empty(0, dtype=np.int64)


def pairs_among(members: npt.ArrayLike) -> Ints:
    """Ascending condensed positions of the pairs whose images are both members (one bool each)."""
    inside = np.asarray(members, dtype=bool)
    chosen = np.flatnonzero(inside)
    n = inside.size
    parts = [row_start(int(i), n) + chosen[k + 1 :] - i - 1 for k, i in enumerate(chosen[:-1])]
    return np.concatenate(parts).astype(np.int64) if parts else np.empty(0, dtype=np.int64)


def chosen_pairs(pairs: npt.ArrayLike | None, total: int) -> np.ndarray | None:
    """Some of ``total`` pairs: a mask, or distinct positions; None for all of them."""
    if pairs is None:
        return None
    chosen = np.asarray(plain(pairs))
    if chosen.dtype == bool and chosen.shape == (total,):
        known, count = True, int(np.count_nonzero(chosen))
    else:
        known = chosen.dtype.kind in "iu" and chosen.ndim == 1 and chosen.size > 0
        known = known and int(chosen.min()) >= 0 and int(chosen.max()) < total
        count = chosen.size
        if known and not (chosen[1:] > chosen[:-1]).all():
            marks = np.zeros(total, dtype=bool)
            marks[chosen] = True
            known = int(np.count_nonzero(marks)) == count
    if not known or not count:
        raise InputError(
            f"pairs must be a mask of all {total} pairs, or positions from 0 to {total - 1}, each "
            f"once, and at least one; not {chosen.size} values of {chosen.dtype}"
        )
    return chosen


def as_ids(ids: npt.ArrayLike | None, n: int) -> np.ndarray:
    """``n`` unique image ids as a 1-d array of integers or strings; 0..n-1 if None."""
    if ids is None:
        return np.arange(n, dtype=np.int64)
    array = np.asarray(plain(ids))
    if array.dtype.kind not in "iuSU":
        for row, one in enumerate(array.ravel()):
            if one is None or (not isinstance(one, str) and str(one) in ("nan", "<NA>", "NaT")):
                raise InputError(f"The id of image {row} is missing; give every image an id.")
        array = np.asarray([str(i) for i in array.ravel()])
    if array.shape != (n,):
        raise InputError(f"There are {array.size} ids for {n} images; give one id per image.")
    unique, number = np.unique(array, return_counts=True)
    if unique.size < n:
        twice = unique[np.argmax(number > 1)]
        raise InputError(f"Image id {twice!s} occurs more than once; ids must be unique.")
    return array


def _as_float32(values: np.ndarray) -> npt.NDArray[np.float32]:
    sizes = np.abs(values.astype(np.float64))
    largest = float(np.max(sizes, initial=0.0, where=np.isfinite(sizes)))
    if largest > _LARGEST or 0.0 < largest < SMALLEST:
        raise InputError(
            f"The largest dissimilarity is {largest:.3g}, which float32 does not hold; scale the "
            f"dissimilarities {'down' if largest > 1.0 else 'up'}."
        )
    return values.astype(np.float32)


@dataclass(frozen=True, eq=False, repr=False)
class RDM:
    """Condensed upper triangle of a dissimilarity matrix.

    Attributes:
        values: float32, length n(n-1)/2, row-major as scipy's ``pdist``; may be a memory map.
        ids: The n image ids, integers or strings.
        metric: Name of the dissimilarity.

    Raises:
        InputError: If float32 cannot hold the values: one is too large, or the largest is below
            2e-31.
    """

    values: npt.NDArray[np.float32]
    ids: np.ndarray = field(default=None)  # type: ignore[arg-type]
    metric: str = "euclidean"

    def __post_init__(self) -> None:
        own = self.values
        values = own if isinstance(own, np.ndarray) else as_numbers(own, "values of an RDM")
        if values.ndim != 1:
            raise InputError(
                f"An RDM is a condensed (1-d) upper triangle, not an array of shape "
                f"{values.shape}; apply scipy's squareform to it."
            )
        if values.dtype != np.float32:
            values = _as_float32(values)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "ids", as_ids(self.ids, n_images(values.size)))

    @property
    def n(self) -> int:
        """Number of images."""
        return int(self.ids.size)

    def __repr__(self) -> str:
        low, high = (float(f(self.values)) for f in (np.min, np.max))
        return (
            f"RDM({self.n:,} images, {len(self):,} pairs, {self.metric}, {low:.4g} to {high:.4g})"
        )

    def __len__(self) -> int:
        return int(self.values.size)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype, copy=copy)

    def tile(self, rows: slice, others: slice) -> npt.NDArray[np.float32]:
        """Values of some rows and columns; 0 where there is no pair row < column."""
        found = np.zeros((rows.stop - rows.start, others.stop - others.start), dtype=np.float32)
        _read(found, rows.start, others.start, self.n, np.asarray(self.values))
        if others.stop == self.n:
            release(self.values)
        return found

    def square(self) -> npt.NDArray[np.float32]:
        """The full symmetric matrix, shape (n, n), zeros on the diagonal."""
        return np.asarray(squareform(self.values, checks=False))

    def select(self, ids: npt.ArrayLike) -> "RDM":
        """The RDM of the given ids only, in their order (a subset, or a permutation).

        Raises:
            InputError: If an id is missing or given twice.
        """
        wanted = as_ids(ids, np.asarray(ids).size)
        order = np.argsort(self.ids, kind="stable")
        place = np.minimum(np.searchsorted(self.ids, wanted, sorter=order), self.n - 1)
        index = order[place]
        missing = np.flatnonzero(self.ids[index] != wanted)
        if missing.size:
            raise InputError(
                f"Image id {wanted[missing[0]]!s} is not among the RDM's {self.n} ids."
            )
        return self.at(index)

    def at(self, places: Ints) -> "RDM":
        """The RDM of the images at these places, in this order."""
        m = places.size
        values = np.empty(n_pairs(m), dtype=np.float32)
        order = np.argsort(places)  # a file is read from its beginning to its end
        for k in range(m - 1):
            one, others = order[k : k + 1], order[k + 1 :]
            where = condensed_index(places[one], places[others], self.n)
            values[condensed_index(one, others, m)] = self.values[where]
            if k % _RELEASED == 0:
                release(self.values)
        release(self.values)
        return RDM(values, self.ids[places], self.metric)

    def among(self, places: Ints) -> "View":
        """The same without a copy, for passes over tiles."""
        return View(self, places)


@dataclass(frozen=True, eq=False)
class View:
    """The RDM of some images of another one, whose values are read tile by tile."""

    matrix: RDM
    places: Ints

    @property
    def n(self) -> int:
        """Number of images."""
        return self.places.size

    def tile(self, rows: slice, others: slice) -> npt.NDArray[np.float32]:
        """Values of some rows and columns; of any use only where row < column."""
        i, j = self.places[rows, None], self.places[None, others]
        found = np.asarray(self.matrix.values[condensed_index(i, j, self.matrix.n)])
        release(self.matrix.values)
        return found

    def among(self, places: Ints) -> "View":
        """That of the images at these places."""
        return View(self.matrix, self.places[places])


def _checked(
    features: npt.ArrayLike,
    ids: npt.ArrayLike | None,
    *,
    keep: bool = True,
    places: Ints | None = None,
) -> tuple[Rows, np.ndarray]:
    """Finite features of shape (n, d), read as float64 on access, and their ids."""
    x = features if isinstance(features, np.memmap) else as_numbers(features, "features")
    if x.ndim != 2 or x.shape[0] < 2 or x.shape[1] < 1:
        raise InputError(
            f"An RDM needs features of shape (images, columns) with at least 2 images, "
            f"not {x.shape}; flatten images to rows."
        )
    rows = Rows(x, keep=keep, places=places)
    names = as_ids(ids, rows.n)
    for low, high in rows.tiles():
        part = rows[low:high]
        for row in np.flatnonzero(~np.isfinite(np.einsum("ij->i", part))):
            # A sum may overflow although every value is finite.
            bad = np.flatnonzero(~np.isfinite(part[row]))
            if bad.size:
                raise InputError(
                    f"Image id {names[low + row]!s} has a non-finite feature (column {bad[0]}: "
                    f"{part[row, bad[0]]}); extract the features again or leave the image out."
                )
    return rows, names


class Distances:
    """The RDM of features that is computed tile by tile, each time that a tile is asked for.

    Args:
        features: As for :func:`rdm`, and so are ``metric``, ``ids`` and the errors.
        keep: Whether float64 copies of small features are held; else they are read tile by tile.
        places: Only these rows of the features, in this order.
    """

    def __init__(
        self,
        features: npt.ArrayLike,
        metric: str = "euclidean",
        ids: npt.ArrayLike | None = None,
        *,
        keep: bool = True,
        places: Ints | None = None,
    ) -> None:
        rows, self.ids = _checked(features, ids, keep=keep, places=places)
        self.n, self.metric, self._features, self._keep = rows.n, metric, features, keep
        self._places = np.arange(rows.n) if places is None else places
        self._block = prepare(rows, metric, self.ids)

    def __len__(self) -> int:
        return n_pairs(self.n)

    def tile(self, rows: slice, others: slice) -> npt.NDArray[np.float32]:
        """Values of some rows and columns."""
        block = self._block(rows, others)
        if not block.max() <= _LARGEST:
            row, column = np.argwhere(~(block <= _LARGEST))[0]
            raise InputError(
                f"The {self.metric} distance of image ids {self.ids[rows.start + row]!s} and "
                f"{self.ids[others.start + column]!s} is too large for float32; scale the features "
                "down."
            )
        return block.astype(np.float32)

    def among(self, places: Ints) -> "Distances":
        """The distances of the images at these places, in this order."""
        ids, rows = self.ids[places], self._places[places]
        return Distances(self._features, self.metric, ids, keep=self._keep, places=rows)


def rdm(
    features: npt.ArrayLike,
    metric: str = "euclidean",
    ids: npt.ArrayLike | None = None,
    *,
    out: npt.NDArray[np.float32] | None = None,
) -> RDM:
    """The RDM of features, one row per image.

    Computed in square tiles in float64 and rounded once to float32; peak memory is one tile, the
    result, and float64 copies of the features (two at most) if these are small; larger ones
    are read tile by tile.

    Args:
        features: Shape (n, d); any real dtype.
        metric: ``euclidean``, ``cosine``, ``correlation`` (both 1 - similarity) or
            ``jensenshannon`` (the distance, nats, rows normalised to sum 1; d up to 100).
        ids: One id per row (integers or strings); 0..n-1 if None.
        out: Where to write: a float32 array or ``np.memmap`` of length n(n-1)/2.

    Returns:
        The RDM. Each value is within 1e-5 of scipy's ``pdist`` rounded to float32 (for values
        too large for that, within one float32 step); identical rows give exactly 0.

    Raises:
        InputError: A non-finite value, zero variance under ``correlation``, zero norm under
            ``cosine``, no distribution under ``jensenshannon`` (the id is named); ``euclidean``
            distances that float32 does not hold (one too large, or all below 2e-31); an unknown
            metric; wrong shapes.
    """
    computed = Distances(features, metric, ids)
    n = computed.n
    if out is None:
        out = np.empty(n_pairs(n), dtype=np.float32)
    elif not isinstance(out, np.ndarray) or not out.flags.writeable:
        raise InputError("out must be a numpy array that can be written to.")
    elif out.shape != (n_pairs(n),) or out.dtype != np.float32:
        raise InputError(
            f"out has shape {out.shape} and dtype {out.dtype}; {n} images need float32 of "
            f"shape ({n_pairs(n)},)."
        )
    for rows, others in tiles(n):
        block = computed.tile(rows, others)
        _write(block, rows.start, others.start, n, np.asarray(out))
        if others.stop == n:
            release(out)
    return RDM(out, computed.ids, metric)


def class_rdm(features: npt.ArrayLike, labels: npt.ArrayLike, metric: str = "euclidean") -> RDM:
    """The RDM of the mean features (or votes) of each class that occurs; its ids are the labels."""
    x, _ = _checked(features, None)
    classes, group = np.unique(np.asarray(labels), return_inverse=True)
    if group.shape != (x.n,):
        raise InputError(f"There are {group.size} labels for {x.n} images; give one each.")
    sums = np.zeros((classes.size, x.d))
    for low, high in x.tiles():
        np.add.at(sums, group[low:high], x[low:high])
    return rdm(sums / np.bincount(group)[:, None], metric, classes)

"""Representational dissimilarity matrices: the type and how to make one from features."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError
from latent_microscope.similarity.distances import prepare
from latent_microscope.similarity.pairs import condensed_index, n_images, n_pairs, row_start
from latent_microscope.similarity.rows import Rows

# Bytes of one float64 block of distances.
_BLOCK_BYTES = 24 << 20
_LARGEST = float(np.finfo(np.float32).max)


def as_ids(ids: npt.ArrayLike | None, n: int) -> np.ndarray:
    """Image ids as a 1-d array of integers or strings; 0..n-1 when none are given.

    Raises:
        InputError: If there are not ``n`` of them, or one occurs twice.
    """
    if ids is None:
        return np.arange(n, dtype=np.int64)
    array = np.asarray(ids)
    if array.dtype.kind not in "iuSU":
        array = np.asarray([str(i) for i in array.ravel()])
    if array.shape != (n,):
        raise InputError(f"There are {array.size} ids for {n} images; give one id an image.")
    unique, number = np.unique(array, return_counts=True)
    if unique.size < n:
        twice = unique[np.argmax(number > 1)]
        raise InputError(f"Image id {twice!s} occurs more than once; ids must be unique.")
    return array


def same_ids(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two id arrays name the same images in the same order."""
    return a is b or (a.shape == b.shape and bool(np.all(a == b)))


@dataclass(frozen=True, eq=False)
class RDM:
    """Condensed upper triangle of a dissimilarity matrix.

    Attributes:
        values: float32, length n(n-1)/2, row-major as scipy's ``pdist``; may be a memory map.
        ids: The n image ids, integers or strings.
        metric: Name of the dissimilarity.
    """

    values: npt.NDArray[np.float32]
    ids: np.ndarray = field(default=None)  # type: ignore[arg-type]
    metric: str = "euclidean"

    def __post_init__(self) -> None:
        values = np.asanyarray(self.values)
        if values.ndim != 1:
            raise InputError(
                f"An RDM holds a condensed (1-d) upper triangle, not an array of shape "
                f"{values.shape}; take scipy's squareform of it."
            )
        if values.dtype != np.float32:
            values = values.astype(np.float32)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "ids", as_ids(self.ids, n_images(values.size)))

    @property
    def n(self) -> int:
        """Number of images."""
        return int(self.ids.size)

    def __len__(self) -> int:
        return int(self.values.size)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype, copy=copy)

    def square(self) -> npt.NDArray[np.float32]:
        """The full symmetric matrix, shape (n, n), zeros on the diagonal."""
        n = self.n
        full = np.zeros((n, n), dtype=np.float32)
        for row in range(n - 1):
            start = row_start(row, n)
            full[row, row + 1 :] = self.values[start : start + n - 1 - row]
        full += full.T
        return full

    def positions(self, ids: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Positions of the given ids.

        Raises:
            InputError: If one of them is not in this RDM.
        """
        wanted = np.asarray(ids)
        order = np.argsort(self.ids, kind="stable")
        sorted_ids = self.ids[order]
        place = np.minimum(np.searchsorted(sorted_ids, wanted), self.n - 1)
        missing = np.flatnonzero(sorted_ids[place] != wanted)
        if missing.size:
            raise InputError(f"Image id {wanted[missing[0]]!s} is not in this RDM of {self.n}.")
        return order[place].astype(np.int64)

    def select(self, ids: npt.ArrayLike) -> "RDM":
        """The RDM of the given ids only, in their order (a subset, or a permutation).

        Raises:
            InputError: If an id is missing or given twice.
        """
        wanted = as_ids(ids, np.asarray(ids).size)
        index = self.positions(wanted)
        m = index.size
        values = np.empty(n_pairs(m), dtype=np.float32)
        for row in range(m - 1):
            start = row_start(row, m)
            where = condensed_index(index[row : row + 1], index[row + 1 :], self.n)
            values[start : start + m - 1 - row] = self.values[where]
        return RDM(values, wanted, self.metric)


def _checked(features: npt.ArrayLike, ids: npt.ArrayLike | None) -> tuple[Rows, np.ndarray]:
    """Finite features of shape (n, d), read as float64 when wanted, and their ids."""
    x = features if isinstance(features, np.memmap) else np.asarray(features)
    if x.ndim != 2 or x.shape[0] < 2 or x.shape[1] < 1:
        raise InputError(
            f"An RDM needs features of shape (images, columns) with at least 2 images, "
            f"not {x.shape}; flatten images to rows."
        )
    names = as_ids(ids, x.shape[0])
    rows = Rows(x)
    for low, high in rows.tiles():
        part = rows[low:high]
        for row in np.flatnonzero(~np.isfinite(part.sum(axis=1))):
            # A sum may overflow although every value is finite.
            bad = np.flatnonzero(~np.isfinite(part[row]))
            if bad.size:
                raise InputError(
                    f"Image id {names[low + row]!s} has a non-finite feature (column {bad[0]}: "
                    f"{part[row, bad[0]]}); mend the extraction or leave the image out."
                )
    return rows, names


def rdm(
    features: npt.ArrayLike,
    metric: str = "euclidean",
    ids: npt.ArrayLike | None = None,
    *,
    out: npt.NDArray[np.float32] | None = None,
) -> RDM:
    """The RDM of one row of features an image.

    Computed block by block in float64 and rounded once to float32; peak memory is one block, the
    result, and float64 copies of the features (two at most) where these are small; larger ones
    are read tile by tile (:mod:`latent_microscope.similarity.rows`).

    Args:
        features: Shape (n, d); any real dtype.
        metric: ``euclidean``, ``cosine``, ``correlation`` (both 1 - similarity) or
            ``jensenshannon`` (the distance, nats, rows normalised to sum 1; d up to 100).
        ids: One id a row (integers or strings); 0..n-1 if None.
        out: Where to write: a float32 array or ``np.memmap`` of length n(n-1)/2.

    Returns:
        The RDM. Each value is within 1e-5 of scipy's ``pdist`` rounded to float32 (for values
        too large for that, within one float32 step); identical rows give exactly 0.

    Raises:
        InputError: A non-finite value, zero variance under ``correlation``, zero norm under
            ``cosine``, no distribution under ``jensenshannon`` (the id is named); an unknown
            metric; wrong shapes.
    """
    x, names = _checked(features, ids)
    n = x.n
    if out is None:
        out = np.empty(n_pairs(n), dtype=np.float32)
    elif out.shape != (n_pairs(n),) or out.dtype != np.float32:
        raise InputError(
            f"out has shape {out.shape} and dtype {out.dtype}; {n} images need float32 of "
            f"shape ({n_pairs(n)},)."
        )
    prepared = prepare(x, metric, names)
    rows = int(np.clip(_BLOCK_BYTES // (8 * n), 1, 512))
    for start in range(0, n - 1, rows):
        stop = min(start + rows, n - 1)
        block = prepared.block(start, stop)
        if not block.max() <= _LARGEST:
            row, column = np.argwhere(~(block <= _LARGEST))[0]
            raise InputError(
                f"The {metric} distance of image ids {names[start + row]!s} and "
                f"{names[start + column]!s} is too large for float32; scale the features down."
            )
        for row in range(start, stop):
            at = row_start(row, n)
            out[at : at + n - 1 - row] = block[row - start, row + 1 - start :]
    return RDM(out, names, metric)


def class_rdm(
    features: npt.ArrayLike,
    labels: npt.ArrayLike,
    metric: str = "euclidean",
    names: npt.ArrayLike | None = None,
) -> RDM:
    """The RDM of the mean features (or votes) of each class.

    Args:
        features: Shape (n, d).
        labels: Class of each image.
        metric: As for :func:`rdm`.
        names: Ids of the classes in ascending order of their labels; the labels if None.

    Returns:
        The RDM of the classes that occur.

    Raises:
        InputError: As :func:`rdm`, an image's fault being named by its position.
    """
    x, _ = _checked(features, None)
    classes, group = np.unique(np.asarray(labels), return_inverse=True)
    if group.shape != (x.n,):
        raise InputError(f"There are {group.size} labels for {x.n} images; give one each.")
    sums = np.zeros((classes.size, x.d))
    for low, high in x.tiles():
        np.add.at(sums, group[low:high], x[low:high])
    means = sums / np.bincount(group)[:, None]
    return rdm(means, metric, classes if names is None else names)

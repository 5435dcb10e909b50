"""Features or logits of a model from elsewhere, joined to our images by id."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.io.artefacts import load_npy, load_table, require_finite
from latent_microscope.data.npz import load_arrays
from latent_microscope.errors import InputError

log = logging.getLogger("latent_microscope")
_ID_NAMES = ("id", "ids")
_LABEL_NAMES = ("label", "labels")


@dataclass(frozen=True)
class External:
    """What a file holds.

    Attributes:
        rows: (m, f) numbers.
        ids: m image ids, or None when the file has none.
        labels: m true classes, or None when the file has none; a check of the row order.
    """

    rows: np.ndarray
    ids: npt.NDArray[np.object_] | None = None
    labels: npt.NDArray[np.int64] | None = None


def read_external(path: Path, array: str | None = None) -> External:
    """Read ``.npy``, ``.npz`` (ids in the array ``ids``) or Parquet (ids in the column ``id``).

    Args:
        path: The file.
        array: Name of the array of an ``.npz``; may be left out when there is just one.

    Raises:
        InputError: Another kind of file, no such array, or rows that are no matrix of numbers.
    """
    if path.suffix == ".npy":
        found = External(load_npy(path, mmap=True))
    elif path.suffix == ".npz":
        found = _from_archive(path, array)
    elif path.suffix == ".parquet":
        table = load_table(path)
        rest = table.drop(columns=[n for n in (*_ID_NAMES, *_LABEL_NAMES) if n in table])
        columns = {str(name): table[name].to_numpy() for name in table}
        found = External(rest.to_numpy(), _ids(columns, path), _labels(columns, path))
    else:
        raise InputError(f"{path}: give features or logits as .npy, .npz or .parquet")
    if found.rows.ndim != 2 or found.rows.dtype.kind not in "fiu":
        raise InputError(
            f"{path}: {found.rows.dtype} of shape {found.rows.shape}; a matrix of numbers, one row "
            "an image, is needed"
        )
    return found


def _from_archive(path: Path, array: str | None) -> External:
    arrays = load_arrays(path)
    names = [name for name in arrays if name not in (*_ID_NAMES, *_LABEL_NAMES)]
    if array is None and len(names) == 1:
        array = names[0]
    if array is None or array not in arrays:
        raise InputError(f"{path}: no array {array!r}; set `array` to one of {', '.join(names)}")
    return External(arrays[array], _ids(arrays, path), _labels(arrays, path))


def _ids(arrays: Mapping[str, np.ndarray], path: Path) -> npt.NDArray[np.object_] | None:
    for name in _ID_NAMES:
        if name in arrays:
            try:
                return arrays[name].astype(str).astype(object)
            except ValueError as error:  # bytes of another encoding than ASCII
                raise InputError(f"{path}: its {name!r} are no texts ({error})") from error
    return None


def _labels(arrays: Mapping[str, np.ndarray], path: Path) -> npt.NDArray[np.int64] | None:
    for name in _LABEL_NAMES:
        if name in arrays:
            if arrays[name].dtype.kind not in "iu":
                raise InputError(f"{path}: its {name!r} must be whole numbers")
            return arrays[name].astype(np.int64)
    return None


def rows_for(external: External, samples: pd.DataFrame, path: Path) -> npt.NDArray[np.float32]:
    """Rows of the given images, in their order.

    By id where the file has ids, which may cover more images than these. Else by position, said
    in the log: then the number of rows must be that of the images, and labels in the file must be
    theirs.

    Args:
        external: From :func:`read_external`.
        samples: ``id`` and, to check a file without ids, ``label``.
        path: The file, for messages.

    Returns:
        (n, f) float32.

    Raises:
        InputError: A missing or repeated id, another number of rows, other labels, a value that is
            not finite.
    """
    wanted = samples["id"].astype(str)
    if external.ids is None:
        if len(external.rows) != len(wanted):
            raise InputError(
                f"{path}: {len(external.rows)} rows and no ids, for {len(wanted)} images; give one "
                "row an image in their order, or add ids"
            )
        log.info("%s has no ids: row i is taken for image i", path)
        order = np.arange(len(wanted))
    else:
        index = pd.Index(external.ids)
        if len(index) != len(external.rows):
            raise InputError(f"{path}: {len(index)} ids for {len(external.rows)} rows")
        if not index.is_unique:
            twice = index[index.duplicated()][0]
            raise InputError(f"{path}: the id {twice!r} stands in it more than once")
        order = index.get_indexer(pd.Index(wanted))
        if (order < 0).any():
            raise InputError(
                f"{path}: {int((order < 0).sum())} images have no row in it, first the id "
                f"{wanted.iloc[int(np.argmax(order < 0))]!r}"
            )
    if external.labels is not None and "label" in samples:
        wrong = np.flatnonzero(external.labels[order] != samples["label"].to_numpy())
        if wrong.size:
            raise InputError(
                f"{path}: its label of the image {wanted.iloc[wrong[0]]!r} is not ours, nor are "
                f"{wrong.size - 1} more; its rows are in another order"
            )
    rows = np.asarray(external.rows[order], dtype=np.float32)
    require_finite(rows, path, wanted.tolist())
    return rows

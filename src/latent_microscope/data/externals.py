"""Features or logits of a model from elsewhere, joined to our images by id."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.data.archives import load_arrays
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_table, require_finite

log = logging.getLogger("latent_microscope")
_IDS, _LABELS = ("id", "ids"), ("label", "labels")


@dataclass(frozen=True)
class External:
    """What a file holds."""

    rows: np.ndarray  # (m, f) numbers
    ids: npt.NDArray[np.object_] | None = None  # m image ids, where the file has them
    labels: npt.NDArray[np.int64] | None = None  # m true classes, a check of the row order


def read_external(path: Path, array: str | None = None) -> External:
    """Read ``.npy``, ``.npz`` (ids in the array ``ids``) or Parquet (ids in the column ``id``).

    ``array`` names the array of an ``.npz``; it may be left out when there is just one.

    Raises:
        InputError: Another kind of file, no such array, or rows that are no matrix of numbers.
    """
    if path.suffix == ".npy":
        external = External(load_npy(path, mmap=True))
    elif path.suffix == ".npz":
        external = _from_archive(path, array)
    elif path.suffix == ".parquet":
        table = load_table(path)
        rest = table.drop(columns=[name for name in (*_IDS, *_LABELS) if name in table])
        columns = {str(name): table[name].to_numpy() for name in table}
        external = External(rest.to_numpy(), _ids(columns, path), _labels(columns, path))
    else:
        raise InputError(f"{path}: give features or logits as .npy, .npz or .parquet")
    rows = external.rows
    if rows.ndim != 2 or rows.dtype.kind not in "fiu":
        raise InputError(
            f"{path}: {rows.dtype} of shape {rows.shape}; must be a matrix of numbers, one row per "
            "image"
        )
    return external


def _from_archive(path: Path, array: str | None) -> External:
    arrays = load_arrays(path)
    names = [name for name in arrays if name not in (*_IDS, *_LABELS)]
    if array is None and len(names) == 1:
        array = names[0]
    if array is None or array not in arrays:
        raise InputError(f"{path}: no array {array!r}; set `array` to one of {', '.join(names)}")
    return External(arrays[array], _ids(arrays, path), _labels(arrays, path))


def _ids(arrays: Mapping[str, np.ndarray], path: Path) -> npt.NDArray[np.object_] | None:
    name = next((name for name in _IDS if name in arrays), None)
    if name is None:
        return None
    try:
        return arrays[name].astype(str).astype(object)
    except ValueError as error:  # bytes of another encoding than ASCII
        raise InputError(f"{path}: {name!r} must hold texts ({error})") from error


def _labels(arrays: Mapping[str, np.ndarray], path: Path) -> npt.NDArray[np.int64] | None:
    name = next((name for name in _LABELS if name in arrays), None)
    if name is None:
        return None
    if arrays[name].dtype.kind not in "iu":
        raise InputError(f"{path}: {name!r} must hold whole numbers")
    return arrays[name].astype(np.int64)


def rows_for(external: External, samples: pd.DataFrame, path: Path) -> npt.NDArray[np.float32]:
    """Rows (n, f) of the images ``samples``, in their order.

    By id where the file has ids, which may cover more images than these. Else by position, which is
    logged: then the number of rows must be that of the images, and labels in the file must be those
    of ``samples``. ``path`` is for messages.

    Raises:
        InputError: A missing or repeated id, another number of rows, other labels, a value that is
            not finite.
    """
    wanted = samples["id"].astype(str)
    order = _order(external, wanted, path)
    if external.labels is not None and "label" in samples:
        wrong = np.flatnonzero(external.labels[order] != samples["label"].to_numpy())
        if wrong.size:
            raise InputError(
                f"{path}: its label of the image {wanted.iloc[wrong[0]]!r} differs from ours, as "
                f"do {wrong.size - 1} more; its rows are in another order"
            )
    rows = np.asarray(external.rows[order], dtype=np.float32)
    require_finite(rows, path, wanted.tolist())
    return rows


def _order(external: External, wanted: pd.Series, path: Path) -> npt.NDArray[np.intp]:
    """The row of each wanted id."""
    n = len(external.rows)
    if external.ids is None:
        if n != len(wanted):
            raise InputError(
                f"{path}: {n} rows and no ids, for {len(wanted)} images; give one row per image in "
                "their order, or add ids"
            )
        log.info("%s has no ids: row i is taken for image i", path)
        return np.arange(len(wanted))
    index = pd.Index(external.ids)
    if len(index) != n:
        raise InputError(f"{path}: {len(index)} ids for {n} rows")
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise InputError(f"{path}: the id {twice!r} occurs in it more than once")
    order = index.get_indexer(pd.Index(wanted))
    if (order < 0).any():
        raise InputError(
            f"{path}: {int((order < 0).sum())} images have no row in it, first the id "
            f"{wanted.iloc[int(np.argmax(order < 0))]!r}"
        )
    return order

"""A user's rows of numbers: embeddings, features or logits, with their ids."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.custom.tables import TABLE_ENDINGS, clean_ids, id_column, read_table
from latent_microscope.data.archives import load_arrays
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, require_finite

log = logging.getLogger("latent_microscope")
ID_ARRAYS = ("ids", "id")


@dataclass(frozen=True)
class Rows:
    """A matrix of numbers."""

    values: np.ndarray
    ids: npt.NDArray[np.object_] | None


def read_rows(
    path: Path,
    *,
    array: str | None = None,
    ids: Path | None = None,
    id_name: str | None = None,
    left_out: Sequence[str] = (),
) -> Rows:
    """Read ``.npy``, ``.npz`` (ids in the array ``ids``) or Parquet.

    Args:
        path: The file.
        array: Name of the array of an ``.npz``; may be left out when there is just one. Of a
            Parquet file: the column with one list of numbers per row.
        ids: A file of the ids of the rows, see :func:`read_ids`.
        id_name: Column (or array of an ``.npz``) that holds the ids.
        left_out: Columns (or arrays) that are no numbers of the rows.
    """
    own: npt.NDArray[np.object_] | None = None
    if path.suffix == ".npy":
        values = load_npy(path, mmap=True)
    elif path.suffix == ".npz":
        values, own = array_of(path, array, id_name, left_out=left_out)
    elif path.suffix == ".parquet":
        values, own = _from_table(path, array, id_name, left_out)
    else:
        raise InputError(f"{path}: not numbers; give them as .npy, .npz or .parquet")
    if values.ndim != 2 or values.dtype.kind not in "fiub" or not values.size:
        raise InputError(
            f"{path}: {values.dtype} of shape {values.shape}; give a matrix of numbers, one row "
            "per sample"
        )
    own = own if ids is None else read_ids(ids)
    if own is not None and len(own) != len(values):
        raise InputError(f"{ids or path}: {len(own)} ids for the {len(values)} rows of {path}")
    return Rows(values, own)


def read_ids(path: Path) -> npt.NDArray[np.object_]:
    """Ids of a file by themselves: ``.npy``, a table with a column of ids, or one id a line."""
    if path.suffix == ".npy":
        array = load_npy(path)
        if array.ndim != 1:
            raise InputError(f"{path}: has the shape {array.shape}; give a list of ids")
        return clean_ids(array, path)
    if path.suffix not in TABLE_ENDINGS:
        raise InputError(f"{path}: not ids; give .npy, {', '.join(TABLE_ENDINGS)}")
    table = read_table(path)
    column = id_column(table, None, path)
    if column is None and len(table.columns) != 1:
        raise InputError(f"{path}: no column of ids; name it `id`")
    if column is None:  # one id a line: the first is no header
        first = pd.Series([table.columns[0]], dtype=object)
        return clean_ids(pd.concat([first, table.iloc[:, 0]]), path)
    return clean_ids(table[column], path)


def array_of(
    path: Path,
    array: str | None,
    id_name: str | None = None,
    *,
    dimensions: Sequence[int] = (2,),
    left_out: Sequence[str] = (),
) -> tuple[np.ndarray, npt.NDArray[np.object_] | None]:
    """One array of an ``.npz``, by its name or the only one of such dimensions, and its ids."""
    arrays = load_arrays(path)
    if id_name is not None and id_name not in arrays:
        raise InputError(f"{path}: has no array {id_name!r}; it has {', '.join(arrays)}")
    id_array = id_name or next((name for name in ID_ARRAYS if name in arrays), None)
    ids = clean_ids(arrays[id_array], path) if id_array else None
    others = (id_array, *left_out)
    names = [name for name, one in arrays.items() if name not in others and one.ndim in dimensions]
    if array is None and len(names) == 1:
        array = names[0]
    if array is None or array not in arrays:
        choices = ", ".join(names) or "its matrices"
        raise InputError(f"{path}: no array {array!r}; set `array` to one of {choices}")
    return arrays[array], ids


def _from_table(
    path: Path, array: str | None, id_name: str | None, left_out: Sequence[str]
) -> tuple[np.ndarray, npt.NDArray[np.object_] | None]:
    table = read_table(path)
    table = table.drop(columns=[name for name in left_out if name in table])
    column = id_column(table, id_name, path)
    ids = clean_ids(table[column], path) if column else None
    rest = table.drop(columns=[column] if column else [])
    if array is not None:
        if array not in rest:
            raise InputError(f"{path}: has no column {array!r}; it has {list(rest.columns)}")
        rest = rest[[array]]
    if len(rest.columns) == 1 and rest.iloc[:, 0].dtype == object:
        return _stacked(rest.iloc[:, 0], path), ids
    numbers = rest.select_dtypes(["number", "bool"])
    if len(numbers.columns) < len(rest.columns):
        other = next(name for name in rest if name not in numbers)
        raise InputError(
            f"{path}: the column {other!r} contains no numbers; set `array` to the column with "
            "the vectors, or keep only an id and numbers in the file"
        )
    return numbers.to_numpy(dtype=np.float64), ids


def _stacked(column: pd.Series, path: Path) -> np.ndarray:
    try:
        return np.stack([np.asarray(row, dtype=np.float64) for row in column])
    except (ValueError, TypeError):
        raise InputError(
            f"{path}: the column {column.name!r} must contain one list of numbers per row, all of "
            "one length"
        ) from None


def chosen_rows(
    found: Rows, order: npt.NDArray[np.int64], ids: npt.NDArray[np.object_], path: Path
) -> npt.NDArray[np.float32]:
    """Rows of a file in this order as finite float32; ``ids`` are theirs, for messages."""
    with np.errstate(over="ignore"):
        rows = np.asarray(found.values[order], dtype=np.float32)
    require_finite(rows, path, ids.tolist())
    return rows


def varying_columns(rows: npt.NDArray[np.float32], path: Path) -> npt.NDArray[np.float32]:
    """Columns of embeddings that vary, at least two; the number of the others is logged."""
    varies = np.ptp(rows, axis=0) > 0
    if varies.sum() < 2:
        raise InputError(f"{path}: {varies.sum()} of its columns vary; at least 2 must")
    if not varies.all():
        log.info("%d of %d columns are constant and left out", (~varies).sum(), len(varies))
    return np.ascontiguousarray(rows[:, varies])  # sums follow the layout: as in a file

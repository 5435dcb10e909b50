"""A user's rows of numbers: embeddings, features or logits, with their ids."""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.custom.tables import (
    clean_ids,
    column_list,
    id_column,
    read_table,
    usual_id,
)
from latent_microscope.errors import InputError
from latent_microscope.files.contents import Contents, Entry, open_contents
from latent_microscope.files.text_files import INDEX, is_text
from latent_microscope.io.artefacts import require_finite

log = logging.getLogger("latent_microscope")
_CERTAIN = ("ids", "id")  # names that leave no doubt: another number of them is a mistake
_DIFFERENT = 5
_NUMBERED = re.compile(r"(.*?)(\d+)")
Ids = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Rows:
    """A matrix of numbers in a file.

    Attributes:
        entry: The matrix, (n, columns).
        ids: Ids of its rows, or None if the file has none.
        array: What it is called in the file: an array, or a pattern of columns.
        left_out: Other arrays and columns of the file with as many rows.
    """

    entry: Entry
    ids: Ids | None
    array: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Number of rows."""
        return self.entry.shape[0]

    @property
    def columns(self) -> int:
        """Number of columns."""
        return self.entry.shape[1]

    @property
    def values(self) -> np.ndarray:
        """The whole matrix as it is stored."""
        return self.entry.read()


def read_rows(
    path: Path,
    *,
    array: str | None = None,
    ids: Path | None = None,
    id_name: str | None = None,
    left_out: Sequence[str] = (),
) -> Rows:
    """Find a matrix in a file of any format, and the ids of its rows.

    Args:
        path: The file.
        array: Name of the array or of the column of vectors, or a pattern of columns such as
            ``d*``; may be left out where there is just one.
        ids: A file of the ids of the rows, see :func:`read_ids`.
        id_name: Column or array that holds the ids; else a usual name (:data:`ID_NAMES`), else the
            only texts that differ in all rows.
        left_out: Columns or arrays that are no numbers of the rows.

    Raises:
        InputError: Names what ``array`` or ``id_name`` can be, where it is not clear.
    """
    contents = open_contents(path)
    if id_name is not None and id_name not in contents.entries:
        has = column_list(contents.entries)
        raise InputError(f"{path}: has no array {id_name!r}; it has {has}")
    entry, name, used = _matrix(contents, array, id_name, left_out)
    if len(entry.shape) != 2 or not min(entry.shape):
        raise InputError(
            f"{path}: {entry.dtype} of shape {entry.shape}; give a matrix of numbers, one row "
            "per sample"
        )
    if ids is None:
        key, own = find_ids(contents, entry.shape[0], id_name, used)
    else:
        key, own = None, read_ids(ids)
    if own is not None and len(own) != entry.shape[0]:
        raise InputError(f"{ids or path}: {len(own)} ids for the {entry.shape[0]} rows of {path}")
    count = entry.shape[0]
    others = [n for n, e in contents.entries.items() if n not in used and e.shape[:1] == (count,)]
    return Rows(entry, own, name, tuple(other for other in others if other != key))


def _matrix(
    contents: Contents, array: str | None, id_name: str | None, left_out: Sequence[str]
) -> tuple[Entry, str, set[str]]:
    """The matrix, what it is called, and the entries that it is made of."""
    path, every = contents.path, contents.entries
    columns = [name for name, one in every.items() if len(one.shape) == 1 and name not in left_out]
    if array is not None:
        if array in every and len(every[array].shape) > 1:
            return _usable(every[array]), array, {array}
        names = [n for n in columns if fnmatchcase(n, array) and n != id_name]
        if not names:
            raise InputError(f"{path}: has no array {array!r}; it has {column_list(every)}")
        return _side_by_side(contents, names, array), array, set(names)
    matrices = [n for n, one in every.items() if len(one.shape) == 2 and n not in left_out]
    if len(matrices) == 1 or (len(every) == 1 and not columns):
        name = (matrices or list(every))[0]
        return _usable(every[name]), name, {name}
    if matrices:
        raise InputError(f"{path}: set `array` to one of {column_list(matrices)}")
    names, pattern = _vector(contents, columns, id_name)
    return _side_by_side(contents, names, pattern), pattern, set(names)


def _usable(entry: Entry) -> Entry:
    if entry.unusable:
        raise InputError(entry.unusable)
    if entry.is_text:
        return Entry(entry.name, (), entry.dtype, entry.blocks)  # refused by its shape
    return entry


def _side_by_side(contents: Contents, names: Sequence[str], pattern: str) -> Entry:
    """Columns as a matrix; all must be numbers."""
    for name in names:
        if contents.entries[name].is_text:
            raise InputError(
                f"{contents.path}: the column {name!r} contains no numbers; set `array` to the "
                "column with the vectors or a pattern of columns such as d*, or keep only an id "
                f"and numbers in the file (now {pattern or 'all columns'})"
            )
    return contents.matrix_of(names)


def numbered(names: Iterable[str]) -> dict[str, list[str]]:
    """Names that end with a number, by what stands before it."""
    stems: dict[str, list[str]] = {}
    for name in names:
        match = _NUMBERED.fullmatch(name)
        if match:
            stems.setdefault(match[1], []).append(name)
    return stems


def _vector(
    contents: Contents, columns: Sequence[str], id_name: str | None
) -> tuple[list[str], str]:
    """The columns that are a vector: numbered ones, else all but the ids; and their pattern."""
    numbers = [n for n in columns if not contents.entries[n].is_text and n != id_name]
    stems = {stem: names for stem, names in numbered(numbers).items() if len(names) > 1}
    if len(stems) > 1:
        patterns = ", ".join(f"{stem}*" for stem in stems)
        raise InputError(
            f"{contents.path}: several groups of numbered columns; set `array` to one of {patterns}"
        )
    if stems:
        ((stem, names),) = stems.items()
        others = [n for n in numbers if n not in names and n.startswith(stem)]
        return names, f"{stem}*" if stem and not others else f"{stem}[0-9]*"
    key = id_name or usual_id(columns, [INDEX])
    rest = [name for name in columns if name != key]
    if len(rest) < 2:
        shapes = ", ".join(f"{one.dtype} {one.shape}" for one in contents.entries.values())
        raise InputError(f"{contents.path}: {shapes}; give a matrix of numbers, one row per sample")
    return rest, ""


def find_ids(
    contents: Contents, count: int, id_name: str | None, used: set[str]
) -> tuple[str | None, Ids | None]:
    """Name and values of the ids of ``count`` rows among the entries that are not ``used``.

    Raises:
        InputError: Python objects could be ids, or several columns of texts could.
    """
    path = contents.path
    if id_name is not None:
        return id_name, clean_ids(contents.entries[id_name].as_ids(), path)
    others = {
        name: one
        for name, one in contents.entries.items()
        if name not in used and (one.shape == (count,) or (name in _CERTAIN and one.shape))
    }
    if path.suffix not in (".npy", ".npz"):  # structs; there they are objects, which may be ids
        others = {name: one for name, one in others.items() if not one.unusable}
    usual = usual_id(others, ["_index", INDEX], paths=True)
    if usual is not None:
        return usual, clean_ids(others[usual].as_ids(), path)
    found = {}
    for name, one in others.items():
        if one.is_text:
            texts = one.read()
            if all(texts) and len(set(texts)) == count:
                found[name] = texts
    if len(found) > 1:
        raise InputError(f"{path}: set `id` to the column of the ids, one of {column_list(found)}")
    for name, texts in found.items():
        return name, clean_ids(texts, path)
    return None, None


def read_ids(path: Path) -> Ids:
    """Ids of a file by themselves: one array, a table with a column of ids, or one id a line."""
    if is_text(path):
        table = read_table(path, may_be_list=True)
        column = id_column(table, None, path)
        if column is None and len(table.columns) != 1:
            raise InputError(f"{path}: no column of ids; name it `id`")
        if column is None:  # one id a line: the first is no header
            first = pd.Series([table.columns[0]], dtype=object)
            return clean_ids(pd.concat([first, table.iloc[:, 0]]), path)
        return clean_ids(table[column], path)
    contents = open_contents(path)
    flat = {name: one for name, one in contents.entries.items() if len(one.shape) == 1}
    if len(flat) == 1:
        return clean_ids(next(iter(flat.values())).read(), path)
    count = max((one.shape[0] for one in flat.values()), default=0)
    _, ids = find_ids(contents, count, None, set())
    if ids is None:
        shapes = ", ".join(str(one.shape) for one in contents.entries.values())
        raise InputError(f"{path}: has the shape {shapes}; give a list of ids")
    return ids


def array_of(
    path: Path, array: str | None, dimensions: Sequence[int], count: Callable[[np.ndarray], int]
) -> tuple[np.ndarray, Ids | None]:
    """One array of a file, by its name or the only one of such dimensions, and its ids.

    ``count``: number of samples of an array.
    """
    contents = open_contents(path)
    every = contents.entries
    names = [n for n, one in every.items() if len(one.shape) in dimensions and not one.is_text]
    if array is None and len(names) == 1:
        array = names[0]
    if array is None and len(every) == 1:
        array = next(iter(every))
    if array is None or array not in every:
        choices = column_list(names) if names else "its matrices"
        raise InputError(f"{path}: no array {array!r}; set `array` to one of {choices}")
    values = every[array].read()
    return values, find_ids(contents, count(values), None, {array})[1]


def chosen_rows(
    found: Rows, order: npt.NDArray[np.int64], ids: Ids, path: Path
) -> npt.NDArray[np.float32]:
    """Rows of a file in this order as finite float32; ``ids`` are theirs, for messages.

    :class:`InputError` if they are all the same.
    """
    rows = found.entry.take(order, np.float32)
    require_finite(rows, path, ids.tolist())
    if len(rows) > 1 and all(np.array_equal(row, rows[0]) for row in rows):
        raise InputError(
            f"{path}: all {len(rows)} rows are equal, so nothing can tell samples apart; write "
            "the file again, or leave it out"
        )
    return rows


def varying_columns(rows: npt.NDArray[np.float32], path: Path) -> npt.NDArray[np.float32]:
    """Columns of embeddings that vary, at least two; the number of the others is logged.

    :class:`InputError` if fewer than five rows differ, too few for any map.
    """
    varies = np.ptp(rows, axis=0) > 0
    if varies.sum() < 2:
        raise InputError(f"{path}: {varies.sum()} of its columns vary; at least 2 must")
    different: set[bytes] = set()
    for row in rows:
        different.add(row.tobytes())
        if len(different) == _DIFFERENT:
            break
    else:
        raise InputError(
            f"{path}: {len(different)} different rows among {len(rows)}; at least {_DIFFERENT} "
            "samples must differ"
        )
    if not varies.all():
        log.info("%d of %d columns are constant and left out", (~varies).sum(), len(varies))
    return np.ascontiguousarray(rows[:, varies])  # sums follow the layout: as in a file

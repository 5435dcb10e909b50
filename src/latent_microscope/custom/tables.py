"""Tables of unknown origin: CSV or Parquet, their ids, and text as text."""

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table

ID_NAMES = ("id", "ids", "image_id", "image", "filename", "file_name", "file", "name", "path")
"""Columns that are taken for the ids where the config names none, the first that is there."""
TEXT_ENDINGS = (".csv", ".tsv", ".txt")
TABLE_ENDINGS = (*TEXT_ENDINGS, ".parquet")
MAX_BYTES = 2**29
_MISSING = {"", "na", "nan", "null", "none", "n/a", "#n/a"}
_IMAGE_ENDING = re.compile(r"\.(jpe?g|png|bmp)$", re.IGNORECASE)


def read_table(path: Path) -> pd.DataFrame:
    """Read a table; cells of a text file are texts, empty ones (or NA, NaN, null) are None.

    Args:
        path: ``.parquet``, or ``.csv``, ``.tsv``, ``.txt``: UTF-8, separated by commas, semicolons
            or tabs, the first row the header.

    Raises:
        InputError: Missing, of another kind, not UTF-8, a row of another length than the header,
            or a column that stands in it twice.
    """
    if path.suffix.lower() == ".parquet":
        return _parquet(path)
    if path.suffix.lower() not in TEXT_ENDINGS:
        raise InputError(f"{path}: not a table; give {', '.join(TABLE_ENDINGS)}")
    lines = _lines(path)
    if not lines or not lines[0]:
        raise InputError(f"{path}: is empty; a header and rows are needed")
    header, rows = [name.strip() for name in lines[0]], lines[1:]
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise InputError(f"{path}: the column {twice[0]!r} stands in its header more than once")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise InputError(
                f"{path}: line {number} has {len(row)} cells and the header {len(header)}; mend "
                "it, or quote cells that hold the separator"
            )
    if not rows:
        raise InputError(f"{path}: has a header and no rows")
    if not header[0] and len(header) > 1:  # as pandas writes an index
        known = {name.lower() for name in header} & set(ID_NAMES)
        header, rows = (
            (header[1:], [row[1:] for row in rows]) if known else (["id", *header[1:]], rows)
        )
    cells = [[None if c.strip().lower() in _MISSING else c.strip() for c in row] for row in rows]
    return pd.DataFrame(cells, columns=header, dtype=object)


def _parquet(path: Path) -> pd.DataFrame:
    """A table with names that are texts; an index that is no mere numbering becomes a column."""
    try:
        table = load_table(path)
    except InputError:
        raise
    except Exception as error:  # of a damaged file pyarrow and pandas raise what they like
        raise InputError(f"{path}: not a readable Parquet file ({error})") from error
    if not isinstance(table.index, pd.RangeIndex):
        name = table.index.name
        if name is None and not {str(c).lower() for c in table.columns} & set(ID_NAMES):
            name = "id"
        table = table.reset_index(drop=name is None, names=None if name is None else [name])
    table.columns = [str(name) for name in table.columns]
    twice = table.columns[table.columns.duplicated()]
    if len(twice) or not len(table):
        what = f"the column {twice[0]!r} stands in it more than once" if len(twice) else "no rows"
        raise InputError(f"{path}: {what}")
    return table


def _lines(path: Path) -> list[list[str]]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES // 2**20} MiB; give it as Parquet")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; a table is needed") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 text (byte {error.start}); save it anew with the encoding UTF-8"
        ) from None
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)  # the first of them on a tie
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        return [row for row in reader if row]
    except csv.Error as error:
        raise InputError(f"{path}: not a readable CSV file ({error})") from None


def id_column(table: pd.DataFrame, named: str | None, path: Path) -> str | None:
    """Name of the column of ids: the one of the config, else the first usual name; None: none.

    Raises:
        InputError: The named column is not there.
    """
    if named is not None:
        if named not in table.columns:
            raise InputError(f"{path}: has no column {named!r}; it has {_some(table.columns)}")
        return named
    by_lower = {str(name).lower(): str(name) for name in reversed(table.columns)}
    return next((by_lower[name] for name in ID_NAMES if name in by_lower), None)


def _some(names: Iterable[Any], count: int = 12) -> str:
    shown = [str(name) for name in names]
    return ", ".join(shown[:count]) + (f" and {len(shown) - count} more" * (len(shown) > count))


def clean_ids(values: npt.ArrayLike | pd.Series, path: Path | str) -> npt.NDArray[np.object_]:
    """Ids as texts: whole numbers without a fraction, file names without an image's ending.

    Raises:
        InputError: An empty id, or one that stands in it more than once.
    """
    ids = np.array([_clean(value) for value in np.asarray(values, dtype=object)], dtype=object)
    empty = np.flatnonzero([not one for one in ids])
    if empty.size:
        raise InputError(f"{path}: row {empty[0]} has no id; give every row one, or remove it")
    index = pd.Index(ids)
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise InputError(
            f"{path}: the id {twice!r} stands in it more than once; ids must be unique"
        )
    return ids


def _clean(value: Any) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and not np.isfinite(value)):
        return ""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        value = int(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = str(value).strip().replace("\\", "/").removeprefix("./")
    return _IMAGE_ENDING.sub("", text)


def ids_of(table: pd.DataFrame, named: str | None, path: Path) -> npt.NDArray[np.object_] | None:
    """The ids of a table's rows; None when it has no column of ids."""
    column = id_column(table, named, path)
    return None if column is None else clean_ids(table[column], path)

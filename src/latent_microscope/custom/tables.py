"""A user's tables: CSV or Parquet, their ids, and text as text."""

import csv
import io
import re
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
    """
    if path.suffix.lower() == ".parquet":
        return _parquet(path)
    if path.suffix.lower() not in TEXT_ENDINGS:
        raise InputError(f"{path}: not a table; give {', '.join(TABLE_ENDINGS)}")
    lines = _lines(path)
    if not lines or not lines[0]:
        raise InputError(f"{path}: is empty; give a header and rows")
    header, rows = [name.strip() for name in lines[0]], lines[1:]
    _require_unique(pd.Index(header), "column", path)
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise InputError(
                f"{path}: line {number} has {len(row)} cells but the header {len(header)}; fix it, "
                "or quote cells that contain the separator"
            )
    if not rows:
        raise InputError(f"{path}: has a header but no rows")
    if not header[0] and len(header) > 1:  # as pandas writes an index
        known = {name.lower() for name in header} & set(ID_NAMES)
        header = header[1:] if known else ["id", *header[1:]]
        rows = [row[1:] for row in rows] if known else rows
    cells = [[None if c.strip().lower() in _MISSING else c.strip() for c in row] for row in rows]
    return pd.DataFrame(cells, columns=header, dtype=object)


def _parquet(path: Path) -> pd.DataFrame:
    """A table whose column names are texts; an index that is not just a count becomes a column."""
    table = load_table(path)
    if not isinstance(table.index, pd.RangeIndex):
        name = table.index.name
        if name is None and not {str(c).lower() for c in table.columns} & set(ID_NAMES):
            name = "id"
        table = table.reset_index(drop=name is None, names=None if name is None else [name])
    table.columns = [str(name) for name in table.columns]
    _require_unique(table.columns, "column", path)
    if not len(table):
        raise InputError(f"{path}: has no rows")
    return table


def _require_unique(names: pd.Index, what: str, path: Path | str) -> None:
    repeated = names[names.duplicated()]
    if len(repeated):
        raise InputError(f"{path}: the {what} {repeated[0]!r} occurs more than once")


def _lines(path: Path) -> list[list[str]]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES // 2**20} MiB; save it as Parquet")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; give a table") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 text (byte {error.start}); save it with the encoding UTF-8"
        ) from None
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)  # the first of them on a tie
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        return [row for row in reader if row]
    except csv.Error as error:
        raise InputError(f"{path}: not a readable CSV file ({error})") from None


def id_column(table: pd.DataFrame, named: str | None, path: Path) -> str | None:
    """Name of the column of ids: the one of the config, else the first usual name, or None."""
    if named is not None:
        if named not in table.columns:
            shown = ", ".join(map(str, table.columns[:12]))
            more = len(table.columns) - 12
            shown += f" and {more} more" if more > 0 else ""
            raise InputError(f"{path}: has no column {named!r}; it has {shown}")
        return named
    by_lower = {str(name).lower(): str(name) for name in reversed(table.columns)}
    return next((by_lower[name] for name in ID_NAMES if name in by_lower), None)


def clean_ids(values: npt.ArrayLike | pd.Series, path: Path | str) -> npt.NDArray[np.object_]:
    """Unique ids as texts: whole numbers without a fraction, image files without their ending."""
    ids = np.array([_clean(value) for value in np.asarray(values, dtype=object)], dtype=object)
    empty = np.flatnonzero([not one for one in ids])
    if empty.size:
        raise InputError(f"{path}: row {empty[0]} has no id; give every row one, or remove it")
    _require_unique(pd.Index(ids), "id", path)
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

"""A user's tables: their columns, ids, and which texts mean an empty cell."""

import logging
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.data.decoding import ENDINGS as IMAGE_ENDINGS
from latent_microscope.data.decoding import UNREADABLE_ENDINGS
from latent_microscope.errors import InputError
from latent_microscope.files.contents import ENDINGS, ID_NAMES, Contents, open_contents
from latent_microscope.files.numbers import EMPTY, MISSING, plain_numbers
from latent_microscope.files.text_files import INDEX, holds_ids, is_text, read_text_table

log = logging.getLogger("latent_microscope")
FEW_TEXTS = 20
"""Texts such as NA are values in a column of at most so many texts, else empty cells."""
_TABLES = (".parquet", ".feather", ".arrow", ".jsonl", ".ndjson")
_IMAGE_ENDING = re.compile(
    rf"({'|'.join(map(re.escape, (*IMAGE_ENDINGS, *UNREADABLE_ENDINGS)))})$", re.IGNORECASE
)


def read_table(
    path: Path, missing: Sequence[str] | None = None, *, may_be_list: bool = False
) -> pd.DataFrame:
    """Read the columns of a table; cells of a text file are texts, empty ones are None.

    Args:
        path: A file of any format; of one that is no table, its arrays of one dimension with as
            many rows as most have; of AnnData the columns of ``obs``.
        missing: Texts that stand for an empty cell, upper or lower case; None: NaN, null and N/A,
            and NA, None, - and . among numbers and in columns of more than 20 texts.
        may_be_list: As of :func:`~latent_microscope.files.text_files.read_text_table`.

    Raises:
        InputError: Not a readable table, or without rows.
    """
    if is_text(path):
        return _text_table(path, missing, may_be_list=may_be_list)
    contents = open_contents(path)
    flat = {name: one for name, one in contents.entries.items() if len(one.shape) == 1}
    if path.suffix.lower() == ".h5ad":
        own = {name[4:]: one for name, one in flat.items() if name.startswith("obs/")}
        flat = {INDEX if name == "_index" else name: one for name, one in own.items()}
    counts = [one.shape[0] for one in flat.values()]
    if not counts:
        raise InputError(f"{path}: not a table; give columns, in one of {', '.join(ENDINGS)}")
    rows = max(counts, key=counts.count)
    if not rows:
        raise InputError(f"{path}: has no rows")
    flat = {name: one for name, one in flat.items() if one.shape[0] == rows and not one.unusable}
    cells = {name: (one.read(), object if one.is_text else None) for name, one in flat.items()}
    table = pd.DataFrame({name: pd.Series(own, dtype=kind) for name, (own, kind) in cells.items()})
    if INDEX in table.columns and not {str(c).lower() for c in table.columns} & set(ID_NAMES):
        table = table.rename(columns={INDEX: "id"})
    texts = [name for name, one in flat.items() if one.is_text and name in table.columns]
    for name in texts:
        table[name] = _without_missing(table[name].tolist(), missing)
    return table


def _text_table(path: Path, missing: Sequence[str] | None, *, may_be_list: bool) -> pd.DataFrame:
    found = read_text_table(path, may_be_list=may_be_list)
    for note in found.notes:
        log.info("%s: %s", path, note)
    columns = {}
    for name, cells in found.columns.items():
        where = f"{path}: the column {name!r}"
        plain, note = (cells, "") if holds_ids(name) else plain_numbers(cells, where)
        if note:
            log.info("%s: the column %r has numbers with %s", path, name, note)
        columns[name] = _without_missing(plain, missing)
    table = pd.DataFrame(columns, dtype=object)
    known = {name.lower() for name in table.columns} & set(ID_NAMES)
    if known:
        return table.drop(columns=INDEX, errors="ignore")
    return table.rename(columns={INDEX: "id"})


def _without_missing(cells: Sequence[str | None], missing: Sequence[str] | None) -> Any:
    """Cells as objects, None where empty."""
    if missing is not None:
        empty = frozenset(one.lower() for one in missing)
    else:
        texts = {one for one in cells if one and one.lower() not in MISSING}
        numbers = all(_is_number(one) for one in texts)
        ids = all(cells) and len(set(cells)) == len(cells)
        many = len(texts) > FEW_TEXTS and not ids
        empty = MISSING if numbers or many else EMPTY
    found = [None if not one or one.lower() in empty else one for one in cells]
    return pd.Series(found, dtype=object)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def is_table(contents: Contents) -> bool:
    """Whether a file holds columns: by its format, or as all that it holds is of one length."""
    path, every = contents.path, contents.entries
    if is_text(path) or path.suffix.lower() in _TABLES:
        return True
    grouped = path.suffix.lower() in (".h5", ".hdf5") and any("/" in name for name in every)
    shapes = {one.shape for one in every.values()}
    return len(every) > 1 and len(shapes) == 1 and len(*shapes) == 1 and not grouped


def column_list(names: Iterable[Any]) -> str:
    """Names of columns for a message, the first ones of many."""
    known = list(map(str, names))
    more = len(known) - 12
    return ", ".join(known[:12]) + (f" and {more} more" if more > 0 else "")


def _require_unique(names: pd.Index, what: str, path: Path | str) -> None:
    repeated = names[names.duplicated()]
    if len(repeated):
        raise InputError(f"{path}: the {what} {repeated[0]!r} occurs more than once")


def id_column(table: pd.DataFrame, named: str | None, path: Path) -> str | None:
    """Name of the column of ids: the one of the config, else the first usual name, or None."""
    if named is not None:
        if named not in table.columns:
            raise InputError(f"{path}: has no column {named!r}; it has {column_list(table)}")
        return named
    return usual_id(table.columns)


def id_beside_numbers(table: pd.DataFrame, named: str | None, path: Path) -> str | None:
    """As :func:`id_column` in a table of numbers: also its only column of texts, each once."""
    key = id_column(table, named, path)
    texts = [str(name) for name in table.columns if not _all_numbers(table[name].dropna())]
    return texts[0] if key is None and len(texts) == 1 and table[texts[0]].is_unique else key


def _all_numbers(cells: Iterable[Any]) -> bool:
    return all(not isinstance(one, str) or _is_number(one) for one in cells)


def usual_id(names: Iterable[Any], more: Sequence[str] = (), *, paths: bool = False) -> str | None:
    """The first of :data:`ID_NAMES` (and ``more``) among names; of ``paths`` by their last part."""
    own = reversed([str(name) for name in names])
    by_lower = {(name.rsplit("/", 1)[-1] if paths else name).lower(): name for name in own}
    return next((by_lower[name] for name in (*ID_NAMES, *more) if name in by_lower), None)


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

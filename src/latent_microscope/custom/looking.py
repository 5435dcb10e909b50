"""Detect what a file is; where it is not clear, one message says what to do."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.custom.arrays import chosen_rows, numbered, read_ids, read_rows
from latent_microscope.custom.attributes import MAX_CATEGORIES, column_of, found_type
from latent_microscope.custom.dissimilarity import is_square_table, read_square
from latent_microscope.custom.images import has_images, only_images, open_pictures
from latent_microscope.custom.joining import UNREADABLE
from latent_microscope.custom.meaning import (
    OUTPUTS,
    kind_of_square,
    require_outputs,
    side_of_condensed,
)
from latent_microscope.custom.tables import (
    clean_ids,
    column_list,
    id_beside_numbers,
    id_column,
    is_table,
    read_table,
)
from latent_microscope.custom.votes import (
    CHOICE_NAMES,
    HOLDS,
    LABELS,
    labels_beside,
    looks_soft,
    read_votes,
)
from latent_microscope.errors import InputError
from latent_microscope.files.contents import Contents, Entry, open_contents
from latent_microscope.files.meadows import PAIRS

ROLES = (
    *("embeddings", "images", "attributes", "votes", "dissimilarity"),
    *("features", "logits", "ids", "identities", "labels"),
)
MATRIX = "matrix"
"""A matrix of numbers that may be embeddings, or features or logits of a model."""
PEOPLE = ("identity", "person", "subject", "participant", "speaker", "people", "patient", "who")
"""Columns that are taken for identities where their values repeat."""
_NUMERIC_ROLES = ("embeddings", "features", *OUTPUTS)
_FEW_COLUMNS, _MANY_COLUMNS = 8, 64
_SAYS_VOTES = re.compile(r"vote|count|judg|human|annotat|soft", re.IGNORECASE)
_MOST_CLASSES = 100
_PAIRS = ("dissimilarities", PAIRS)  # as rsatoolbox and Meadows call them
_SMALL_BYTES = 2**28
_SIZED = 64  # images whose sizes are looked at
Ids = npt.NDArray[np.object_]


@dataclass
class Found:
    """One file and what it was detected to be."""

    path: str  # as it was given
    role: str  # one of ROLES, or MATRIX
    count: int  # samples in it
    ids: Ids | None
    what: str  # one line for the user
    facts: dict[str, Any] = field(default_factory=dict)  # what else the config needs

    @property
    def is_small(self) -> bool:
        """Whether its numbers can be read as a whole in a moment."""
        entry = self.facts.get("entry")
        return entry is not None and entry.dtype.itemsize * np.prod(entry.shape) <= _SMALL_BYTES

    def make_absolute(self) -> None:
        """Name its files from the root."""
        self.path = str(Path(self.path).resolve())
        if "ids" in self.facts:
            self.facts["ids"] = str(Path(self.facts["ids"]).resolve())


def look(given: str) -> Found:
    """Detect what one file or folder is.

    Args:
        given: A path, ``path:array`` of a file with several arrays, or ``role=path`` to say its
            role; of a model's files also ``role:name=path``, with a name for the model, and of
            votes ``votes:counts=path`` or ``votes:percentages=path`` where they could be either.
    """
    role, _, rest = given.partition("=")
    role, _, name = role.partition(":")
    wanted = role if rest and role in (*ROLES, *OUTPUTS, "similarity") else None
    text = rest if wanted else given
    text, array = path_and_array(text)
    path = Path(text)
    if path.is_dir() or path.suffix.lower() == ".zip" or wanted == "images":
        found = _images(text, path, array)
    elif wanted == "votes":
        found = _votes(text, path, name if name in HOLDS else None)
    elif wanted in ("dissimilarity", "similarity"):
        found = _square(text, path, similarity=wanted == "similarity", array=array)
        wanted = "dissimilarity"
    elif wanted in ("identities", "labels"):
        found = _table_of_one(text, path, wanted, array)
    elif wanted == "ids":
        found = _ids(text, path)
    elif wanted == "attributes":
        found = _table(text, path, wanted)
    elif array is not None:
        found = _numbers(text, path, array)
    else:
        found = _contents(text, open_contents(path), wanted)
    if wanted in _NUMERIC_ROLES and found.role == MATRIX:
        found.role = "logits" if wanted in OUTPUTS else wanted
        found.facts["name"] = name or None
        if wanted in OUTPUTS:
            found.facts["holds"] = wanted
    elif wanted and found.role != wanted:
        raise InputError(f"{text}: expected {wanted}, but it contains {found.what}")
    return found


def path_and_array(text: str) -> tuple[str, str | None]:
    """The path, and the array behind its last colon; :class:`InputError` if there is no such."""
    if Path(text).exists():
        return text, None
    path, colon, array = text.rpartition(":")
    if not colon or not array or not Path(path).is_file():
        raise InputError(f"{text}: no such file or folder")
    return path, array


def read_whole(found: Found) -> None:
    """Read all of a file, so that whatever is wrong in it is found; votes and pairs were read."""
    path = Path(found.path)
    if found.role == "images":
        with open_pictures(path, column=found.facts.get("column")) as pictures:
            unusable = pictures.unusable()
            if unusable:
                found.facts["incomplete"] = unusable
                found.what += f", {len(unusable)} that cannot be read"
    elif found.role in (MATRIX, *_NUMERIC_ROLES):
        rows = read_rows(path, array=found.facts.get("array"))
        order = np.arange(rows.count)
        chosen_rows(rows, order, order.astype(str) if rows.ids is None else rows.ids, path)
        if found.facts.get("holds"):
            require_outputs(rows.entry, found.facts["holds"], path)


def _images(text: str, path: Path, column: str | None = None) -> Found:
    with open_pictures(path, column=column) as found:
        what = f"{found.count} images"
        tried = found.sides(_SIZED)
        sides = [one for one in tried if isinstance(one, int)]
        if not sides:
            raise InputError(f"{text}: no image can be read; {tried[0]}")
        side = int(np.median(sides))
        facts: dict[str, Any] = {"names": None, "folders": 0, "side": side}
        facts |= {"column": column} if column else {}
        if found.pixels is not None:
            what += f" of {found.pixels.shape[1]} x {found.pixels.shape[2]} pixels"
        if found.names is not None:
            names = [PurePosixPath(name) for name in found.names]
            folders = {name.parent for name in names}
            facts["names"] = _unique_ids([name.name for name in names], path)
            facts["folders"] = len(folders) if all(name.parent.name for name in names) else 0
            what += f" in {len(folders)} folders" if facts["folders"] > 1 else ""
        if found.left_out:
            what += f", without {column_list(found.left_out)}"
        if found.unreadable:
            what += f", {len(found.unreadable)} of formats that cannot be read"
            facts["incomplete"] = dict.fromkeys(found.unreadable, UNREADABLE)
        count = found.count + len(found.unreadable)
        return Found(text, "images", count, found.every_id, what, facts)


def _unique_ids(values: Sequence[str], path: Path) -> Ids | None:
    """Ids, or None where two are the same."""
    try:
        return clean_ids(values, path)
    except InputError:
        return None


def _contents(text: str, contents: Contents, wanted: str | None) -> Found:
    path, every = contents.path, contents.entries
    arrays = {name: one for name, one in every.items() if len(one.shape) > 1 and not one.is_text}
    if wanted is None and _has_images(path, every):
        return _images(text, path)
    if len(arrays) == 1:
        ((name, entry),) = arrays.items()
        if wanted is None and name.lower() in _PAIRS:
            return _square(text, path)
        if wanted is None:
            found = _detected(text, path, entry)
            if found is not None:
                return found
        return _numbers(text, path, name if len(every) > 1 else None)
    if len(arrays) > 1:
        return _numbers(text, path, None)
    only = next(iter(every.values())) if len(every) == 1 else None
    if only is not None and not is_table(contents):
        side = side_of_condensed(only.shape[0]) if len(only.shape) == 1 else None
        if only.is_text or side is None or wanted in _NUMERIC_ROLES:
            return _ids(text, path) if wanted not in _NUMERIC_ROLES else _numbers(text, path)
        return _square(text, path)
    if wanted is None and is_square_table(contents):
        return _square(text, path)
    if wanted in _NUMERIC_ROLES or (wanted is None and _is_wide(contents)):
        found = _numbers(text, path)
        square = _detected(text, path, found.facts["entry"]) if wanted is None else None
        return square or found
    return _table(text, path, wanted)


def _has_images(path: Path, every: Mapping[str, Entry]) -> bool:
    """Whether a file has encoded images, or an array that can be nothing else."""
    parquet = path.suffix.lower() == ".parquet"
    return has_images(path) if parquet else only_images(every) is not None


def _is_wide(contents: Contents) -> bool:
    """Whether the columns of a table are a vector: numbered ones, or many of fractions."""
    flat = {name: one for name, one in contents.entries.items() if len(one.shape) == 1}
    fractions = [name for name, one in flat.items() if one.dtype.kind == "f"]
    if len(fractions) >= _FEW_COLUMNS and len(flat) - len(fractions) <= 1:
        return True
    if any(len(names) >= _FEW_COLUMNS for names in numbered(fractions).values()):
        return True
    whole = numbered(name for name, one in flat.items() if not one.is_text)
    most = max(map(len, whole.values()), default=0)
    if _FEW_COLUMNS <= most < _MANY_COLUMNS:
        stem = max(whole, key=lambda one: len(whole[one]))
        raise InputError(
            f"{contents.path}: {most} columns {stem}1, {stem}2, … of whole numbers could be a "
            f"vector or attributes; say embeddings={contents.path} or attributes={contents.path}"
        )
    return most >= _MANY_COLUMNS


def _detected(text: str, path: Path, entry: Entry) -> Found | None:
    """Dissimilarities or votes, if the array looks like them."""
    square = len(entry.shape) in (2, 3) and entry.shape[-1] == entry.shape[-2]
    kind = kind_of_square(entry.read()) if square else None
    if kind == "similarity":
        raise InputError(
            f"{text}: similarities of {entry.shape[-1]} samples; say similarity={text} to take 1 "
            f"- s, or embeddings={text}"
        )
    if kind is not None:
        return _square(text, path)
    named = len(entry.shape) == 2 and entry.dtype.kind == "f" and _SAYS_VOTES.search(path.stem)
    if named and looks_soft(entry.read()):
        return _votes(text, path)
    if len(entry.shape) == 2 and entry.dtype.kind in "iu":
        if _SAYS_VOTES.search(path.stem):
            return _votes(text, path)
        array = entry.read()
        few = 2 <= array.shape[1] <= _MOST_CLASSES and array.shape[1] < array.shape[0]
        if few and array.min() >= 0 and array.max() > 1 and array.sum(axis=1).min() > 1:
            raise InputError(
                f"{text}: whole numbers that could be votes of {array.shape[1]} classes or "
                f"embeddings; say votes={text} or embeddings={text}"
            )
    return None


def _square(text: str, path: Path, *, similarity: bool = False, array: str | None = None) -> Found:
    found = read_square(path, {"similarity": similarity, "array": array})
    observers, n = found.values.shape[:2]
    what = f"dissimilarities of {n} samples" + (f" by {observers} observers" * (observers > 1))
    empty = int(np.isnan(found.values).sum()) // 2
    what += f", {empty} pairs missing" if empty else ""
    facts: dict[str, Any] = {"similarity": True} if similarity else {}
    facts |= {"array": array} if array else {}
    return Found(text, "dissimilarity", n, found.ids, what, facts)


def _votes(text: str, path: Path, holds: str | None = None) -> Found:
    found = read_votes(path, {"holds": holds})
    what, n = found.what, len(found.answers)
    facts: dict[str, Any] = {"classes": found.classes} | ({"holds": holds} if holds else {})
    if found.labels:
        facts["labels"] = found.labels
        what += f", true classes in {found.labels['column']!r}"
    without = found.source(path).incomplete
    if without:
        what += f", {len(without)} samples without votes"
        facts["incomplete"] = without
    return Found(text, "votes", n, found.ids, what, facts)


def _numbers(text: str, path: Path, array: str | None = None) -> Found:
    rows = read_rows(path, array=array)
    facts: dict[str, Any] = {"columns": rows.columns, "entry": rows.entry}
    if array or rows.left_out:
        facts["array"] = array or rows.array
    what = f"{rows.count} rows of {rows.columns} numbers ({rows.entry.dtype})"
    if rows.left_out:
        what += f", without {column_list(rows.left_out)}"
    return Found(text, MATRIX, rows.count, rows.ids, what, facts)


def _ids(text: str, path: Path) -> Found:
    ids = read_ids(path)
    return Found(text, "ids", len(ids), ids, f"{len(ids)} ids")


def _table_of_one(text: str, path: Path, role: str, column: str | None) -> Found:
    """A table of identities or labels: ids and the one column that is meant."""
    found = _table(text, path, "attributes")
    usual = PEOPLE if role == "identities" else LABELS
    names = list(found.facts.get("types", {}))
    likely = [name for name in names if _base(name) in usual]
    others = [name for name in names if name not in found.facts["keys"]]
    wanted = [column] if column else others if len(others) == 1 else likely
    if len(wanted) != 1 or wanted[0] not in names:
        raise InputError(
            f"{text}: which column has the {role}? say {role}={text}:COLUMN, one of "
            f"{column_list(names)}"
        )
    return _one_column(text, role, found.count, found.ids, found.facts, wanted[0])


def _one_column(
    text: str, role: str, count: int, ids: Ids | None, facts: Mapping[str, Any], column: str
) -> Found:
    what = f"{count} rows, {role} in {column!r}"
    own = {"id": facts["id"], "keys": facts["keys"], "column": column}
    return Found(text, role, count, ids, what, own)


def _table(text: str, path: Path, wanted: str | None) -> Found:
    table = read_table(path)
    if wanted == "ids" or (path.suffix.lower() == ".txt" and len(table.columns) == 1):
        return _ids(text, path)
    key = id_column(table, None, path)
    votes = table.drop(columns=labels_beside(table) or [])
    if wanted is None and _could_be_votes(votes, id_beside_numbers(votes, None, path), path):
        return _votes(text, path)
    ids = None if key is None else clean_ids(table[key], path)
    names = [str(name) for name in table.columns if name != key]
    if not names:
        return Found(text, "ids", len(table), ids, f"{len(table)} ids")
    types, values = {}, {}
    keys: dict[str, Ids] = {}
    for name in names:
        column = column_of(table, name)
        if not column.is_number and table[name].notna().all() and table[name].is_unique:
            unique = _unique_ids(table[name].astype(str).tolist(), path)
            if unique is not None:
                keys[name] = unique
        types[name] = (found_type(column, MAX_CATEGORIES), len(column.values))
        values[name] = column.values[: _MOST_CLASSES + 1]
    facts: dict[str, Any] = {"id": key, "keys": keys, "types": types, "values": values}
    facts["people"] = _identity_column(table, names)
    if wanted is None and names == [facts["people"]]:
        return _one_column(text, "identities", len(table), ids, facts, names[0])
    empty = int(table[names].isna().to_numpy().sum())
    what = f"{len(table)} rows of {len(names)} columns" + f", {empty} cells empty" * (empty > 0)
    left = {name: values for name, (kind, values) in types.items() if kind in ("constant", "text")}
    ids_of_others = keys if key is None else {}  # which another file may show to be the ids
    left = {n: v for n, v in left.items() if n not in (*ids_of_others, facts["people"])}
    if left:
        what += f", not as attributes: {column_list(f'{n} ({v} values)' for n, v in left.items())}"
    return Found(text, "attributes", len(table), ids, what, facts)


def _could_be_votes(table: pd.DataFrame, key: str | None, path: Path) -> bool:
    """Whether a table holds votes: its ids repeat, or it holds votes and its name says so."""
    if key is not None and table[key].duplicated().any():
        return bool({str(name).lower() for name in table.columns} & set(CHOICE_NAMES))
    columns = [column_of(table, str(name)) for name in table.columns if name != key]
    named = bool(_SAYS_VOTES.search(path.stem))
    if named:  # read_votes says what is wrong with texts of labels
        columns = [one for one in columns if one.is_number or one.name.lower() not in LABELS]
    if len(columns) < 2 or not all(one.is_number for one in columns):
        return False
    counts = np.stack([one.numbers for one in columns], axis=1)
    whole = np.isfinite(counts).all() and (counts >= 0).all() and not (counts % 1).any()
    if len(columns) > 2 and not whole and looks_soft(counts) and not named:
        raise InputError(
            f"{path}: numbers whose rows sum to 1 could be soft labels or attributes; say "
            f"votes={path} or attributes={path}"
        )
    if not whole:
        return named and looks_soft(counts)
    totals = counts.sum(axis=1)
    if named:
        return bool(totals.min() > 0 or counts.max() > 1)
    if len(columns) > 2 and totals.min() == totals.max() > 1:
        raise InputError(
            f"{path}: whole numbers with the sum {totals[0]:g} in every row could be votes or "
            f"attributes; say votes={path} or attributes={path}"
        )
    return False


def _identity_column(table: pd.DataFrame, names: Sequence[str]) -> str | None:
    """The column that says who is on an image: by its name, and because its values repeat."""
    for name in names:
        if _base(name) in PEOPLE and 1 < table[name].nunique() < table[name].notna().sum():
            return name
    return None


def _base(name: str) -> str:
    """The name of a column without what marks numbers of identities."""
    return name.lower().removesuffix("_id").removesuffix("id").strip("_ ")

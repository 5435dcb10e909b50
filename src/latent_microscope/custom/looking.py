"""Detect what a file is; where it is not clear, one message says what to do."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from latent_microscope.custom.arrays import ID_ARRAYS, read_ids, read_rows
from latent_microscope.custom.attributes import MAX_CATEGORIES, column_of, found_type
from latent_microscope.custom.dissimilarity import read_square
from latent_microscope.custom.images import open_pictures
from latent_microscope.custom.tables import TEXT_ENDINGS, clean_ids, id_column, read_table
from latent_microscope.custom.votes import CHOICE_NAMES, read_votes
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_npz

ROLES = (
    *("embeddings", "images", "attributes", "votes", "dissimilarity"),
    *("features", "logits", "ids"),
)
MATRIX = "matrix"
"""A matrix of numbers that may be embeddings, or features or logits of a model."""
PEOPLE = ("identity", "person", "subject", "participant", "speaker", "people", "patient", "who")
"""Columns that are taken for identities where their values repeat."""
_NUMERIC_ROLES = ("embeddings", "features", "logits")
_FEW_COLUMNS = 8
_SAYS_VOTES = re.compile(r"vote|count|judg|human|annotat", re.IGNORECASE)
_MOST_CLASSES = 100
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


def look(given: str) -> Found:
    """Detect what one file or folder is.

    Args:
        given: A path, or ``role=path`` to say its role; of features and logits also
            ``role:name=path``, with a name for the model.
    """
    role, _, rest = given.partition("=")
    role, _, name = role.partition(":")
    wanted = role if rest and role in ROLES else None
    text = rest if wanted else given
    path = Path(text)
    if not path.exists():
        raise InputError(f"{text}: no such file or folder")
    ending = path.suffix.lower()
    if path.is_dir() or ending == ".zip":
        found = _images(text, path)
    elif wanted == "votes":
        found = _votes(text, path)
    elif wanted == "dissimilarity":
        found = _square(text, path)
    elif ending == ".npy":
        found = _array(text, path, wanted)
    elif ending == ".npz":
        found = _archive(text, path, wanted)
    elif ending == ".parquet":
        found = _parquet(text, path, wanted)
    elif ending in TEXT_ENDINGS:
        found = _table(text, path, wanted)
    else:
        raise InputError(
            f"{text}: unknown kind of file; give a folder or .zip of images, .npy, .npz, .parquet "
            "or .csv"
        )
    if wanted in _NUMERIC_ROLES and found.role == MATRIX:
        found.role = wanted
        found.facts["name"] = name or None
    if wanted and found.role != wanted:
        raise InputError(f"{text}: expected {wanted}, but it contains {found.what}")
    return found


def _images(text: str, path: Path) -> Found:
    with open_pictures(path) as found:
        what = f"{found.count} images"
        side = int(np.median(found.first_sides(_SIZED)))
        facts: dict[str, Any] = {"names": None, "folders": 0, "side": side}
        if found.pixels is not None:
            what += f" of {found.pixels.shape[1]} x {found.pixels.shape[2]} pixels"
        if found.names is not None:
            names = [PurePosixPath(name) for name in found.names]
            folders = {name.parent for name in names}
            facts["names"] = _unique_ids([name.name for name in names], path)
            facts["folders"] = len(folders) if all(name.parent.name for name in names) else 0
            what += f" in {len(folders)} folders" if facts["folders"] > 1 else ""
        return Found(text, "images", found.count, found.ids, what, facts)


def _unique_ids(values: Sequence[str], path: Path) -> Ids | None:
    """Ids, or None where two are the same."""
    try:
        return clean_ids(values, path)
    except InputError:
        return None


def _array(text: str, path: Path, wanted: str | None) -> Found:
    array = load_npy(path, mmap=True)
    if array.ndim == 1 and wanted in (None, "ids"):
        return _ids(text, path)
    if array.ndim in (3, 4) and array.dtype == np.uint8:
        return _images(text, path)
    return _detected(text, path, wanted, array) or _numbers(text, path)


def _archive(text: str, path: Path, wanted: str | None) -> Found:
    arrays = {name: one for name, one in load_npz(path).items() if name not in ID_ARRAYS}
    found = None
    if len(arrays) == 1:
        found = _detected(text, path, wanted, next(iter(arrays.values())))
    matrices = [name for name, one in arrays.items() if one.ndim == 2]
    if found is None and len(matrices) != 1:
        raise InputError(
            f"{text}: contains {len(matrices)} matrices ({', '.join(matrices) or 'none'}); save "
            "one by itself, or set `array` in the config"
        )
    return found or _numbers(text, path, array=matrices[0])


def _detected(text: str, path: Path, wanted: str | None, array: np.ndarray) -> Found | None:
    """Dissimilarities or votes, if nothing else is wanted and the array looks like them."""
    if wanted is not None:
        return None
    if _is_square(array):
        return _square(text, path)
    if array.ndim == 2 and array.dtype.kind in "iu":
        if _SAYS_VOTES.search(path.stem):
            return _votes(text, path)
        few = 2 <= array.shape[1] <= _MOST_CLASSES and array.shape[1] < array.shape[0]
        if few and array.min() >= 0 and array.max() > 1 and array.sum(axis=1).min() > 1:
            raise InputError(
                f"{text}: whole numbers that could be votes of {array.shape[1]} classes or "
                f"embeddings; say votes={text} or embeddings={text}"
            )
    return None


def _is_square(array: np.ndarray) -> bool:
    """Whether it is one symmetric matrix with zeros on the diagonal, or one per observer."""
    if array.ndim not in (2, 3) or array.shape[-1] != array.shape[-2] or array.shape[-1] < 3:
        return False
    one = np.asarray(array[0] if array.ndim == 3 else array, dtype=np.float64)
    return bool(np.allclose(one, one.T, atol=1e-5 * np.abs(one).max()) and not np.diag(one).any())


def _square(text: str, path: Path) -> Found:
    found = read_square(path, {})
    observers, n = found.values.shape[:2]
    what = f"dissimilarities of {n} samples" + (f" by {observers} observers" * (observers > 1))
    return Found(text, "dissimilarity", n, found.ids, what)


def _votes(text: str, path: Path) -> Found:
    found = read_votes(path, {})
    n, classes = found.counts.shape
    what = f"{found.counts.sum()} votes on {n} samples, {classes} classes"
    return Found(text, "votes", n, found.ids, what, {"classes": found.classes})


def _numbers(text: str, path: Path, array: str | None = None) -> Found:
    rows = read_rows(path, array=array)
    n, d = rows.values.shape
    facts: dict[str, Any] = {"columns": d} | ({"array": array} if array else {})
    return Found(text, MATRIX, n, rows.ids, f"{n} rows of {d} numbers ({rows.values.dtype})", facts)


def _ids(text: str, path: Path) -> Found:
    ids = read_ids(path)
    return Found(text, "ids", len(ids), ids, f"{len(ids)} ids")


def _parquet(text: str, path: Path, wanted: str | None) -> Found:
    kinds = {column.name: str(column.type) for column in pq.read_schema(path)}
    if wanted == "images" or any("binary" in kind for kind in kinds.values()):
        return _images(text, path)
    lists = [name for name, kind in kinds.items() if "list<" in kind]
    if len(lists) > 1:
        raise InputError(
            f"{text}: the columns {', '.join(lists)} contain vectors; keep only the embeddings"
        )
    if lists:
        return _numbers(text, path, array=lists[0])
    numbers = [name for name, kind in kinds.items() if kind.startswith(("float", "double", "half"))]
    many = len(numbers) >= _FEW_COLUMNS and len(kinds) - len(numbers) <= 1
    if wanted in _NUMERIC_ROLES or (wanted is None and many):
        return _numbers(text, path)
    return _table(text, path, wanted)


def _table(text: str, path: Path, wanted: str | None) -> Found:
    if wanted == "ids" or path.suffix.lower() == ".txt":
        return _ids(text, path)
    table = read_table(path)
    key = id_column(table, None, path)
    if wanted is None and list(map(str, table.columns[1:])) == table.iloc[:, 0].tolist():
        return _square(text, path)
    if wanted is None and _could_be_votes(table, key, path):
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
    facts["empty"] = table[names].isna().any(axis=1).to_numpy()
    what = f"{len(table)} rows of {len(names)} columns"
    return Found(text, "attributes", len(table), ids, what, facts)


def _could_be_votes(table: pd.DataFrame, key: str | None, path: Path) -> bool:
    """Whether a table holds votes: its ids repeat, or it holds counts and its name says votes."""
    if key is not None and table[key].duplicated().any():
        return bool({str(name).lower() for name in table.columns} & set(CHOICE_NAMES))
    columns = [column_of(table, str(name)) for name in table.columns if name != key]
    if len(columns) < 2 or not all(one.is_number for one in columns):
        return False
    counts = np.stack([one.numbers for one in columns], axis=1)
    if not np.isfinite(counts).all() or (counts < 0).any() or (counts % 1).any():
        return False
    totals = counts.sum(axis=1)
    if _SAYS_VOTES.search(path.stem):
        return bool(totals.min() > 0)
    if len(columns) > 2 and totals.min() == totals.max() > 1:
        raise InputError(
            f"{path}: whole numbers with the sum {totals[0]:g} in every row could be votes or "
            f"attributes; say votes={path} or attributes={path}"
        )
    return False


def _identity_column(table: pd.DataFrame, names: Sequence[str]) -> str | None:
    """The column that says who is on an image: by its name, and because its values repeat."""
    for name in names:
        base = name.lower().removesuffix("_id").removesuffix("id").strip("_ ")
        if base in PEOPLE and 1 < table[name].nunique() < table[name].notna().sum():
            return name
    return None

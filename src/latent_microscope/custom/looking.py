"""What a file is: looked at, not asked for; and refused in one sentence where it is not clear."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from latent_microscope.custom.arrays import ID_ARRAYS, Rows, read_ids, read_rows
from latent_microscope.custom.attributes import MAX_CATEGORIES, column_of, found_type
from latent_microscope.custom.dissimilarity import read_square
from latent_microscope.custom.images import first_sizes, open_pictures
from latent_microscope.custom.tables import TEXT_ENDINGS, clean_ids, id_column, read_table
from latent_microscope.custom.votes import CHOICE_NAMES, read_votes
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_npz

ROLES = (
    "embeddings",
    "images",
    "attributes",
    "votes",
    "dissimilarity",
    "features",
    "logits",
    "ids",
)
MATRIX = "matrix"
"""A matrix of numbers that may be embeddings, or features or logits of a model."""
PEOPLE = ("identity", "person", "subject", "participant", "speaker", "people", "patient", "who")
"""Columns that are taken for identities where their values repeat."""
_FEW_COLUMNS = 8
_SAYS_VOTES = re.compile(r"vote|count|judg|human|annotat", re.IGNORECASE)
_MOST_CLASSES = 100
Ids = npt.NDArray[np.object_]


@dataclass
class Found:
    """One file and what it was found to be.

    Attributes:
        path: As it was given.
        role: One of :data:`ROLES`, or :data:`MATRIX`.
        count: Samples in it.
        ids: Their ids, None without.
        what: One line for people.
        facts: What else the config needs.
    """

    path: str
    role: str
    count: int
    ids: Ids | None
    what: str
    facts: dict[str, Any] = field(default_factory=dict)


def look(given: str) -> Found:
    """Look at one file or folder.

    Args:
        given: A path, or ``role=path`` where the role is to be taken as it is said; of features
            and logits also ``role:name=path``, with a name for the model.

    Raises:
        InputError: It cannot be read, or it could be several things.
    """
    role, _, rest = given.partition("=")
    role, _, name = role.partition(":")
    wanted = role if rest and role in ROLES else None
    text = rest if wanted else given
    path = Path(text)
    if not path.exists():
        raise InputError(f"{text}: no such file or folder")
    if path.is_dir() or path.suffix.lower() == ".zip":
        found = _images(text, path)
    elif wanted == "votes":
        found = _votes(text, path)
    elif wanted == "dissimilarity":
        found = _square(text, path)
    elif path.suffix.lower() == ".npy":
        found = _array(text, path, wanted)
    elif path.suffix.lower() == ".npz":
        found = _archive(text, path, wanted)
    elif path.suffix.lower() == ".parquet":
        found = _parquet(text, path, wanted)
    elif path.suffix.lower() in TEXT_ENDINGS:
        found = _table(text, path, wanted)
    else:
        raise InputError(
            f"{text}: of an unknown kind; give a folder or .zip of images, .npy, .npz, .parquet or "
            ".csv"
        )
    if wanted in ("embeddings", "features", "logits") and found.role == MATRIX:
        found.role = wanted
        found.facts["name"] = name or None
    if wanted and found.role != wanted:
        raise InputError(f"{text}: is to be {wanted}, and it holds {found.what}")
    return found


def _images(text: str, path: Path) -> Found:
    with open_pictures(path) as found:
        assert found.ids is not None
        assert found.names is not None
        names = [PurePosixPath(name) for name in found.names]
        stems = clean_ids_or_none([name.name for name in names], path)
        folders = {name.parent for name in names}
        people = len(folders) if all(name.parent.name for name in names) else 0
        size = _smallest_side(path)
        what = f"{found.count} images" + (f" in {len(folders)} folders" if people > 1 else "")
        facts = {"names": stems, "folders": people, "side": size}
        return Found(text, "images", found.count, found.ids, what, facts)


def clean_ids_or_none(values: Sequence[str], path: Path) -> Ids | None:
    """Ids, or None where two are the same."""
    try:
        return clean_ids(values, path)
    except InputError:
        return None


def _smallest_side(path: Path, looked_at: int = 64) -> int:
    """Shorter side of the images, the median of the first ones."""
    with open_pictures(path) as found:
        return int(np.median([min(size) for size in first_sizes(found, looked_at)]))


def _array(text: str, path: Path, wanted: str | None) -> Found:
    array = load_npy(path, mmap=True)
    if array.ndim == 1 and wanted in (None, "ids"):
        ids = read_ids(path)
        return Found(text, "ids", len(ids), ids, f"{len(ids)} ids")
    if array.ndim in (3, 4) and array.dtype == np.uint8:
        with open_pictures(path) as found:
            what = f"{found.count} images of {array.shape[1]} x {array.shape[2]} pixels"
            facts = {"names": None, "folders": 0, "side": min(array.shape[1:3])}
            return Found(text, "images", found.count, None, what, facts)
    if wanted is None and array.ndim == 2 and array.dtype.kind in "iu":
        _refuse_counts(text, array)
        if _SAYS_VOTES.search(path.stem):
            return _votes(text, path)
    if wanted is None and _is_square(array):
        return _square(text, path)
    return _numbers(text, path, read_rows(path), {})


def _refuse_counts(text: str, array: np.ndarray) -> None:
    """Refuse whole numbers that could be votes just as well, where the name does not say it."""
    few = 2 <= array.shape[1] <= _MOST_CLASSES and array.shape[1] < array.shape[0]
    counts = few and array.min() >= 0 and array.max() > 1 and array.sum(axis=1).min() > 1
    if counts and not _SAYS_VOTES.search(Path(text).stem):
        raise InputError(
            f"{text}: whole numbers that could be votes of {array.shape[1]} classes or embeddings; "
            f"say votes={text} or embeddings={text}"
        )


def _is_square(array: np.ndarray) -> bool:
    """Whether it is one symmetric matrix with zeros on the diagonal, or one an observer."""
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
    what = (
        f"{found.counts.sum()} votes on {len(found.counts)} samples, {len(found.classes)} classes"
    )
    return Found(text, "votes", len(found.counts), found.ids, what, {"classes": found.classes})


def _numbers(text: str, path: Path, rows: Rows, facts: Mapping[str, Any]) -> Found:
    n, d = rows.values.shape
    what = f"{n} rows of {d} numbers ({rows.values.dtype})"
    return Found(text, MATRIX, n, rows.ids, what, {"columns": d, **facts})


def _archive(text: str, path: Path, wanted: str | None) -> Found:
    arrays = load_npz(path)
    others = [one for name, one in arrays.items() if name not in ID_ARRAYS]
    if wanted is None and len(others) == 1 and _is_square(others[0]):
        return _square(text, path)
    if wanted is None and len(others) == 1 and others[0].ndim == 2 and others[0].dtype.kind in "iu":
        _refuse_counts(text, others[0])
        if _SAYS_VOTES.search(path.stem):
            return _votes(text, path)
    matrices = [name for name, one in arrays.items() if one.ndim == 2 and name not in ID_ARRAYS]
    if len(matrices) != 1:
        raise InputError(
            f"{text}: holds {len(matrices)} matrices ({', '.join(matrices) or 'none'}), and one is "
            "needed; save it by itself, or name it in a config of your own (key `array`)"
        )
    return _numbers(text, path, read_rows(path), {"array": matrices[0]})


def _parquet(text: str, path: Path, wanted: str | None) -> Found:
    schema = pq.read_schema(path)
    kinds = {column.name: str(column.type) for column in schema}
    if wanted == "images" or any("binary" in kind for kind in kinds.values()):
        with open_pictures(path) as found:
            side = _smallest_side(path)
            facts = {"names": None, "folders": 0, "side": side}
            return Found(text, "images", found.count, found.ids, f"{found.count} images", facts)
    lists = [name for name, kind in kinds.items() if "list<" in kind]
    if len(lists) > 1:
        raise InputError(
            f"{text}: the columns {', '.join(lists)} hold vectors; leave the one of the embeddings"
        )
    if lists:
        return _numbers(text, path, read_rows(path, array=lists[0]), {"array": lists[0]})
    numbers = [name for name, kind in kinds.items() if kind.startswith(("float", "double", "half"))]
    others = len(kinds) - len(numbers)
    if wanted in ("embeddings", "features", "logits") or (
        wanted is None and len(numbers) >= _FEW_COLUMNS and others <= 1
    ):
        return _numbers(text, path, read_rows(path), {})
    return _table(text, path, wanted)


def _table(text: str, path: Path, wanted: str | None) -> Found:
    if wanted == "ids" or path.suffix.lower() == ".txt":
        listed = read_ids(path)
        return Found(text, "ids", len(listed), listed, f"{len(listed)} ids")
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
            unique = clean_ids_or_none(table[name].astype(str).tolist(), path)
            if unique is not None:
                keys[name] = unique
        types[name] = (found_type(column, MAX_CATEGORIES), len(column.values))
        values[name] = column.values[: _MOST_CLASSES + 1]
    empty = table[names].isna().any(axis=1).to_numpy()
    who = _people(table, names)
    what = f"{len(table)} rows of {len(names)} columns"
    facts: dict[str, Any] = {"id": key, "keys": keys, "types": types, "values": values}
    facts |= {"people": who, "empty": empty}
    return Found(text, "attributes", len(table), ids, what, facts)


def _could_be_votes(table: pd.DataFrame, key: str | None, path: Path) -> bool:
    """Whether a table holds votes: its ids repeat, or it holds whole counts and is called so.

    Raises:
        InputError: It holds whole counts of one total a row and is not called so.
    """
    if key is not None and table[key].duplicated().any():
        names = {str(name).lower() for name in table.columns}
        return bool(names & set(CHOICE_NAMES))
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
            f"{path}: whole numbers with {totals[0]:g} in every row could be votes or attributes; "
            f"say votes={path} or attributes={path}"
        )
    return False


def _people(table: pd.DataFrame, names: Sequence[str]) -> str | None:
    """The column that says who is on an image, by its name and since its values repeat."""
    for name in names:
        base = name.lower().removesuffix("_id").removesuffix("id").strip("_ ")
        if base in PEOPLE and 1 < table[name].nunique() < table[name].notna().sum():
            return name
    return None

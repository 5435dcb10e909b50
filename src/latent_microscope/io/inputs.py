"""Reading artefacts that belong together: rows of an array and the ids in a table beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import (
    join_by_id,
    load_npy,
    load_table,
    require_finite,
    require_unique,
    save_table,
)
from latent_microscope.io.pages import release

_ROWS = 1000  # looked at in one go


def load_ids(path: Path) -> npt.NDArray[np.object_]:
    """The unique ids in a table's column ``id`` as strings, in row order."""
    try:
        ids = load_table(path, ["id"])["id"].astype(str)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: an id is not valid text ({error})") from error
    require_unique(ids, path)
    return ids.to_numpy(dtype=object)


def save_ids(path: Path, ids: npt.ArrayLike) -> None:
    """Write the table of one column ``id``: the order of the rows of an array."""
    save_table(path, pd.DataFrame({"id": pd.Series(ids, dtype="str")}))


def load_rows(path: Path, ids: Sequence[str] | npt.NDArray, ids_path: Path) -> np.ndarray:
    """A memory-mapped matrix (n, columns) with one finite row for each of the n ids.

    :class:`InputError` names the first row with a NaN or an infinity, or another shape.
    """
    array = load_npy(path, mmap=True)
    if array.ndim != 2:
        raise InputError(f"{path}: shape {array.shape}, expected a matrix of one row per sample")
    if len(array) != len(ids):
        raise InputError(
            f"{path}: {len(array)} rows, but {ids_path} has {len(ids)} ids; both must describe the "
            "same samples, recreate them together"
        )
    for start in range(0, len(array), _ROWS):
        if not np.isfinite(array[start : start + _ROWS]).all():
            require_finite(array, path, list(ids))
        release(array)
    return array


def load_with_ids(path: Path, ids_path: Path) -> tuple[np.ndarray, npt.NDArray[np.object_]]:
    """A finite matrix and its row ids; see :func:`load_rows`."""
    ids = load_ids(ids_path)
    return load_rows(path, ids, ids_path), ids


def load_scores(path: Path, columns: Sequence[str], more: Sequence[Path] = ()) -> pd.DataFrame:
    """A table of ids and finite numbers, joined from ``path`` and ``more``.

    Each of ``more`` is a further score of the same run: ``score-<name>.parquet`` with id and name.
    """
    files: dict[str, Path] = {}
    for file in more:
        name = file.stem.removeprefix("score-")
        if name in files:
            raise InputError(
                f"{file}: {files[name]} holds the score {name!r}, too; give the further scores "
                "run by run, one file per score"
            )
        files[name] = file
    table = _numbers(path, [name for name in columns if name not in files])
    for name in columns:
        if name in files:
            found = _numbers(files[name], [name])
            table = join_by_id(table, found, names=(str(path), str(files[name])))
    return table[["id", *columns]]


def _numbers(path: Path, columns: list[str]) -> pd.DataFrame:
    table = load_table(path, ["id", *columns])
    for column in columns:
        if table[column].dtype.kind not in "iufb":
            raise InputError(f"{path}: column {column!r} must hold numbers")
    numbers = table[columns].to_numpy(dtype=np.float64)
    require_finite(numbers, path, table["id"].tolist())
    return table


def by_run(more: Sequence[Path] | None, scores: Sequence[Path]) -> list[Sequence[Path]]:
    """Split files of further scores, ordered run by run, into those of each run of ``scores``."""
    files = list(more or ())
    each, left = divmod(len(files), max(len(scores), 1))
    if left:
        raise InputError(
            f"{len(files)} files of further scores for {len(scores)} runs; give the same number "
            "for each run"
        )
    return [files[i * each : (i + 1) * each] for i in range(len(scores))]


def joined(left: Path, right: Path, columns: tuple[list[str], list[str]]) -> pd.DataFrame:
    """Columns of two tables joined on ``id``, in the order of the left one; [] means all."""
    tables = [
        load_table(path, ["id", *names] if names else None)
        for path, names in zip((left, right), columns, strict=True)
    ]
    return join_by_id(tables[0], tables[1], names=(str(left), str(right)))


@dataclass(frozen=True)
class HumanVotes:
    """Human votes on the n images of a study."""

    ids: npt.NDArray[np.object_]
    labels: npt.NDArray[np.int64]  # true classes, as indices of ``classes``
    classes: list[str]  # in the order of the vote columns
    answers: npt.NDArray[Any]  # (n, classes): int64 counts of votes, or float64 soft labels

    @property
    def label_names(self) -> npt.NDArray[np.object_]:
        """Name of the true class of each image."""
        return np.asarray(self.classes, dtype=object)[self.labels]


def load_votes(votes: Path, samples: Path) -> HumanVotes:
    """Votes (``id``, one column of counts or shares per class) joined to their images by id.

    They follow the order of ``samples`` (``id``, ``label``, ``label_name``). :class:`InputError`
    if ids differ, a label names another class than its column, or votes are neither counts nor
    soft labels, whose rows sum to 1.
    """
    classes = [name for name in load_table(votes).columns if name != "id"]
    if {"label", "label_name"} & set(classes):
        raise InputError(f"{votes}: columns must be id and one per class; it has {classes}")
    table = joined(samples, votes, (["label", "label_name"], []))
    if table["label"].dtype.kind not in "iu":
        raise InputError(f"{samples}: column 'label' must hold integers")
    labels = table["label"].to_numpy(dtype=np.int64)
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(classes):
        raise InputError(
            f"{samples}: labels range from {labels.min()} to {labels.max()}, but {votes} has "
            f"{len(classes)} classes; number the classes from 0"
        )
    named = np.asarray(classes, dtype=object)[labels]
    wrong = np.flatnonzero(named != table["label_name"].to_numpy(dtype=object))
    if wrong.size:
        row = wrong[0]
        raise InputError(
            f"{votes}: column {labels[row]} is {named[row]!r}, but {samples} names the class of "
            f"{table['id'].iloc[row]!r} {table['label_name'].iloc[row]!r}; order the vote columns "
            "by label"
        )
    answers = table[classes].to_numpy()
    soft = answers.dtype.kind == "f" and bool((np.abs(answers.sum(axis=1) - 1.0) < 1e-6).all())
    if not (soft or answers.dtype.kind in "iu") or answers.min(initial=0) < 0:
        raise InputError(f"{votes}: votes must be non-negative integer counts, or shares of 1")
    ids = table["id"].astype(str).to_numpy(dtype=object)
    return HumanVotes(ids, labels, classes, answers.astype(np.float64 if soft else np.int64))


def load_truth(samples: Path) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.bool_]]:
    """Ids and ground truth (column ``authentic``) of synthetic samples, in row order."""
    authentic = load_table(samples, ["authentic"])["authentic"]
    if authentic.dtype.kind not in "biu" or not authentic.isin([0, 1]).all():
        raise InputError(f"{samples}: column 'authentic' must hold true or false")
    return load_ids(samples), authentic.to_numpy(dtype=bool)


def load_images(path: Path, samples: Path, rows: int, *, mmap: bool = True) -> np.ndarray:
    """Images uint8 (n, H, W, C), of which ``samples`` has as many ``rows``.

    Raises:
        InputError: Another number of images.
    """
    images = load_npy(path, mmap=mmap)
    if len(images) != rows:
        raise InputError(
            f"{samples}: {rows} rows for the {len(images)} images of {path}; both must come from "
            "the same step"
        )
    return images

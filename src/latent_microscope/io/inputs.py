"""Reading artefacts that belong together: rows of an array and the ids of a table beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import join_by_id, load_npy, load_table, require_finite
from latent_microscope.io.pages import release

_ROWS = 1000  # looked at in one go


def load_ids(path: Path) -> npt.NDArray[np.object_]:
    """The column ``id`` of a table as texts, in row order.

    Raises:
        InputError: No such column, or an id that stands in it twice.
    """
    try:
        ids = load_table(path, ["id"])["id"].astype(str)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: its ids are no texts ({error})") from error
    repeated = ids[ids.duplicated()]
    if len(repeated):
        raise InputError(
            f"{path}: the id {repeated.iloc[0]!r} stands in it more than once; ids must be unique"
        )
    return ids.to_numpy(dtype=object)


def load_rows(path: Path, ids: Sequence[str] | npt.NDArray, ids_path: Path) -> np.ndarray:
    """A memory-mapped matrix with one finite row for each id.

    Args:
        path: ``.npy`` of shape (n, columns).
        ids: The n ids of its rows.
        ids_path: Where these come from, for the message.

    Raises:
        InputError: Another number of rows or dimensions, or a NaN or an infinity; the message
            names the id of the first.
    """
    array = load_npy(path, mmap=True)
    if array.ndim != 2:
        raise InputError(
            f"{path}: has the shape {array.shape}; a matrix of one row a sample is needed"
        )
    if len(array) != len(ids):
        raise InputError(
            f"{path}: has {len(array)} rows and {ids_path} {len(ids)} ids; both must describe the "
            "same samples, make them again together"
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
    """A table of ids and finite numbers.

    Args:
        path: Table of scores.
        columns: Those that are wanted.
        more: Tables of a score each of the same run, ``score-<name>.parquet`` with id and its name.

    Raises:
        InputError: A column is missing, a value is NaN or infinite, ids differ, or two tables are
            of one score.
    """
    files: dict[str, Path] = {}
    for file in more:
        name = file.stem.removeprefix("score-")
        if name in files:
            raise InputError(
                f"{file}: {files[name]} is of the score {name!r} too; give the further scores run "
                "by run, one file of each score"
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
            raise InputError(f"{path}: the column {column!r} must hold numbers")
    numbers = table[columns].to_numpy(dtype=np.float64)
    require_finite(numbers, path, table["id"].tolist())
    return table


def by_run(more: Sequence[Path] | None, scores: Sequence[Path]) -> list[Sequence[Path]]:
    """Files of further scores, which follow each other run by run → those of each run.

    Args:
        more: As many of each run.
        scores: One file a run.

    Raises:
        InputError: Not as many of each run.
    """
    files = list(more or ())
    each, left = divmod(len(files), max(len(scores), 1))
    if left:
        raise InputError(
            f"{len(files)} files of further scores and {len(scores)} runs; give as many of each run"
        )
    return [files[i * each : (i + 1) * each] for i in range(len(scores))]


def joined(left: Path, right: Path, columns: tuple[list[str], list[str]]) -> pd.DataFrame:
    """Columns of two tables joined on ``id``, in the order of the left one.

    Args:
        left: A Parquet table.
        right: Another over the same ids.
        columns: Columns of each that are wanted, beside ``id``; an empty list: all.

    Raises:
        InputError: A column is missing or the ids differ.
    """
    tables = [
        load_table(path, ["id", *names] if names else None)
        for path, names in zip((left, right), columns, strict=True)
    ]
    return join_by_id(tables[0], tables[1], names=(str(left), str(right)))


@dataclass(frozen=True)
class HumanVotes:
    """Votes of people on the images of a study.

    Attributes:
        ids: n image ids.
        labels: n true classes, numbers of the vote columns.
        classes: Names of the classes, in the order of the vote columns.
        counts: (n, classes) votes, int64.
    """

    ids: npt.NDArray[np.object_]
    labels: npt.NDArray[np.int64]
    classes: list[str]
    counts: npt.NDArray[np.int64]

    @property
    def label_names(self) -> npt.NDArray[np.object_]:
        """Name of the true class of each image."""
        return np.asarray(self.classes, dtype=object)[self.labels]


def load_votes(votes: Path, samples: Path) -> HumanVotes:
    """Votes joined to their images by id, in the order of ``samples``.

    Args:
        votes: ``id`` and one column of counts a class, named by class.
        samples: ``id``, ``label``, ``label_name``.

    Raises:
        InputError: Different ids; a label that names another class than its column; votes that
            are no counts.
    """
    classes = [name for name in load_table(votes).columns if name != "id"]
    if {"label", "label_name"} & set(classes):
        raise InputError(f"{votes}: beside id it must hold votes alone, and has {classes}")
    table = joined(samples, votes, (["label", "label_name"], []))
    if table["label"].dtype.kind not in "iu":
        raise InputError(f"{samples}: the column 'label' must hold whole numbers")
    labels = table["label"].to_numpy(dtype=np.int64)
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(classes):
        raise InputError(
            f"{samples}: labels run from {labels.min()} to {labels.max()}, and {votes} has "
            f"{len(classes)} classes; both must count classes alike from 0"
        )
    named = np.asarray(classes, dtype=object)[labels]
    wrong = np.flatnonzero(named != table["label_name"].to_numpy(dtype=object))
    if wrong.size:
        row = wrong[0]
        raise InputError(
            f"{votes}: column {labels[row]} is {named[row]!r}, and {samples} calls the class of "
            f"{table['id'].iloc[row]!r} {table['label_name'].iloc[row]!r}; order the vote columns "
            "as the labels"
        )
    counts = table[classes].to_numpy()
    if counts.dtype.kind not in "iu" or counts.min(initial=0) < 0:
        raise InputError(f"{votes}: the votes must be whole non-negative counts, not shares")
    ids = table["id"].astype(str).to_numpy(dtype=object)
    return HumanVotes(ids, labels, classes, counts.astype(np.int64))


def load_truth(samples: Path) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.bool_]]:
    """Ids and ground truth (column ``authentic``) of synthetic samples, in row order."""
    authentic = load_table(samples, ["authentic"])["authentic"]
    if authentic.dtype.kind not in "biu" or not authentic.isin([0, 1]).all():
        raise InputError(f"{samples}: the column 'authentic' must hold true or false")
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

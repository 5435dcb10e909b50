"""A user's votes: counts or shares per class, or a long table of single judgements."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.custom.arrays import read_rows
from latent_microscope.custom.attributes import Column, column_of
from latent_microscope.custom.joining import NO_VOTES, Source
from latent_microscope.custom.tables import (
    clean_ids,
    column_list,
    id_beside_numbers,
    is_table,
    read_table,
)
from latent_microscope.data.cifar10h import whole_counts
from latent_microscope.errors import InputError
from latent_microscope.files.contents import open_contents

CHOICE_NAMES = (
    *("choice", "chosen_label", "vote", "label", "class", "category", "answer", "response"),
)
"""Columns that are taken for the chosen class of a judgement, the first that is there."""
LABELS = ("label", "class", "category", "target")
"""Columns that may hold the true class."""
MAX_CLASSES = 1000
HOLDS = ("counts", "probabilities", "percentages")
"""What the numbers of a file of votes are."""
_SUM, _LOOKS = 1e-3, 1e-2  # soft labels sum to 1 within the first; likely ones within the second
Ids = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Judgements:
    """Votes of annotators."""

    ids: Ids | None  # None: the file has none
    classes: list[str]
    answers: npt.NDArray[Any]  # (n, classes): int64 counts, or float64 shares (0 without votes)
    labels: Mapping[str, str] = field(default_factory=dict)  # columns of the true class and ids
    true: npt.NDArray[np.object_] | None = None  # names in that column

    @property
    def what(self) -> str:
        """For people."""
        n, classes = self.answers.shape
        if self.answers.dtype.kind == "f":
            return f"soft labels of {n} samples, {classes} classes"
        return f"{self.answers.sum()} votes on {n} samples, {classes} classes"

    def source(self, path: Path) -> Source:
        """Ids of its samples; those without votes are listed, and left out."""
        empty = np.flatnonzero(self.answers.sum(axis=1) == 0)
        names = empty.astype(str) if self.ids is None else self.ids[empty]
        without = dict.fromkeys(map(str, names), NO_VOTES) or None
        return Source("votes", str(path), len(self.answers), self.ids, without)


def read_votes(path: Path, settings: Mapping[str, Any]) -> Judgements:
    """Read an array of counts or soft labels (n, classes), or a table.

    A table has one row per sample and one column per class, beside which a column of true classes
    is left out (:func:`labels_beside`); or one row per judgement, so that ids repeat.
    ``settings``: ``id``, ``choice`` and ``count`` (columns), ``array`` (of a file with several),
    ``classes`` (names, in the order of columns without names), ``holds`` (one of :data:`HOLDS`; by
    default found).
    """
    holds = settings.get("holds")
    contents = open_contents(path)
    vectors = any(len(one.shape) == 2 for one in contents.entries.values())
    if is_table(contents) and not vectors and settings.get("array") is None:
        table = read_table(path)
        label = labels_beside(table)
        true = column_of(table, label).texts if label else None
        table = table.drop(columns=label or [])
        key = id_beside_numbers(table, settings.get("id"), path)
        choice = _choice(table, key, settings.get("choice"), path)
        if choice is not None:
            return _judgements(table, key, choice, settings.get("count"), path)
        names = [str(name) for name in table.columns if name != key]
        ids = None if key is None else clean_ids(table[key], path)
        columns = [column_of(table, name) for name in names]
        _require_classes(columns, path)
        numbers = np.stack([one.numbers for one in columns], axis=1)
        own = {"column": label} | ({"id": key} if key else {}) if label else {}
        return replace(_checked(ids, names, numbers, path, holds), labels=own, true=true)
    rows = read_rows(path, array=settings.get("array"), id_name=settings.get("id"))
    names = list(settings.get("classes") or map(str, range(rows.values.shape[1])))
    return _checked(rows.ids, names, np.asarray(rows.values, dtype=np.float64), path, holds)


def labels_beside(table: pd.DataFrame) -> str | None:
    """The column of true classes of a table of votes: its cells are names of other columns."""
    names = {str(name) for name in table.columns}
    for name in (str(one) for one in table.columns if str(one).lower() in LABELS):
        if set(column_of(table, name).values) <= names - {name}:
            return name
    return None


def _require_classes(columns: list[Column], path: Path) -> None:
    """No texts in a column of labels, whose names must be those of columns of votes."""
    classes = [one.name for one in columns if one.name.lower() not in LABELS]
    for one in columns:
        wrong = [text for text in one.texts[np.isnan(one.numbers)] if text not in (None, *classes)]
        if one.name not in classes and wrong:
            raise InputError(
                f"{path}: {one.name!r} holds {wrong[0]!r}, which is no class of the votes: "
                f"{column_list(classes)}; spell it as the column of its votes, or remove "
                f"{one.name!r}"
            )


def _choice(table: pd.DataFrame, key: str | None, named: str | None, path: Path) -> str | None:
    """The column of the chosen class; None for a table of counts."""
    if named is not None:
        if named not in table.columns or key is None:
            raise InputError(f"{path}: must have the column {named!r} and one of ids")
        return named
    if key is None or not table[key].duplicated().any():
        return None
    lowered = {str(name).lower(): str(name) for name in reversed(table.columns) if name != key}
    found = next((lowered[name] for name in CHOICE_NAMES if name in lowered), None)
    if found is None:
        raise InputError(
            f"{path}: ids repeat, so each row is one judgement; set `choice` to the column of the "
            f"chosen class; the columns are {', '.join(map(str, table.columns))}"
        )
    return found


def _judgements(
    table: pd.DataFrame, key: str | None, choice: str, count: str | None, path: Path
) -> Judgements:
    assert key is not None
    empty = np.flatnonzero(table[key].isna())
    if empty.size:
        raise InputError(f"{path}: row {empty[0]} has no id; give every row one, or remove it")
    unique = table[key].drop_duplicates()
    ids = clean_ids(unique, path)
    column = column_of(table, choice)
    empty = np.flatnonzero([text is None for text in column.texts])
    if empty.size:
        raise InputError(f"{path}: row {empty[0]} has no {choice!r}; remove it")
    if len(column.values) > MAX_CLASSES:
        raise InputError(
            f"{path}: {choice!r} has {len(column.values)} values; at most {MAX_CLASSES} classes"
        )
    times = np.ones(len(table)) if count is None else column_of(table, count).numbers
    counts = np.zeros((len(ids), len(column.values)))
    rows = pd.Index(unique).get_indexer(pd.Index(table[key]))
    np.add.at(counts, (rows, pd.Index(column.values).get_indexer(pd.Index(column.texts))), times)
    return _checked(ids, column.values, counts, path)


def _checked(
    ids: Ids | None, names: list[str], answers: np.ndarray, path: Path, holds: str | None = "counts"
) -> Judgements:
    if not 2 <= len(names) <= MAX_CLASSES or len(names) != answers.shape[1]:
        raise InputError(f"{path}: {len(names)} classes for {answers.shape[1]} columns of votes")
    if len(set(names)) < len(names) or "id" in names:
        raise InputError(f"{path}: every class needs a unique name other than `id`")
    answers = np.where(np.isnan(answers).all(axis=1, keepdims=True), 0.0, answers)
    kind = holds or _kind(answers, path)
    if kind == "counts":
        return Judgements(ids, names, whole_counts(answers, path, ids, names, may_be_empty=True))
    return Judgements(
        ids, names, _soft(answers, 100.0 if kind == "percentages" else 1.0, path, ids)
    )


def _kind(answers: np.ndarray, path: Path) -> str:
    """One of :data:`HOLDS`, by whether numbers are whole and by the usual sum of rows."""
    sums = answers.sum(axis=1)
    sums = sums[sums != 0.0]
    whole = bool((answers == np.floor(answers)).all())
    if whole and sums.size and np.median(sums) == 100.0 and np.abs(sums - 100.0).max() <= 2.0:
        raise InputError(
            f"{path}: whole numbers whose rows have the sum 100 could be 100 votes each or "
            "percentages; say votes:counts=FILE or votes:percentages=FILE, or set holds of "
            "data.votes to one of these"
        )
    fractions = np.isfinite(answers).all() and answers.min(initial=0.0) >= 0.0 and not whole
    if not fractions:
        return "counts"
    return "percentages" if abs(np.median(sums) - 100.0) < 50.0 else "probabilities"


def looks_soft(answers: np.ndarray) -> bool:
    """Whether numbers (n, classes) could be soft labels: rows sum to 1 or 100, or are empty."""
    sums = np.nan_to_num(answers).sum(axis=1)
    sums = sums[sums != 0.0]
    if not sums.size or not np.nanmin(answers) >= 0.0:
        return False
    one = 100.0 if np.median(sums) > 10.0 else 1.0
    return bool((np.abs(sums / one - 1.0) <= _LOOKS).all())


def _soft(answers: np.ndarray, one: float, path: Path, ids: Ids | None) -> np.ndarray:
    """Soft labels as shares, rows without any as zeros, after a check of their sums."""
    sums = answers.sum(axis=1)
    wrong = np.flatnonzero(
        ~(np.abs(sums - one) <= _SUM * one) & (sums != 0.0) | ~(answers >= 0.0).all(axis=1)
    )
    if wrong.size:
        named = [str(row) if ids is None else f"{row} (id {ids[row]!r})" for row in wrong[:5]]
        more = f" and {wrong.size - 5} more" if wrong.size > 5 else ""
        found = ", ".join(f"{sums[row]:.6g}" for row in wrong[:5])
        raise InputError(
            f"{path}: soft labels are 0 or more and the sum of a row is {one:g}, within "
            f"{_SUM * one:g}; rows {', '.join(named)}{more} have the sums {found}; divide each row "
            "by its sum, or give whole counts of votes"
        )
    if not sums.any():
        raise InputError(f"{path}: no row has any votes")
    return answers / np.where(sums > 0.0, sums, 1.0)[:, None]


def majority(votes: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The class of most votes of each sample; on a tie the first."""
    return np.asarray(votes.argmax(axis=1), dtype=np.int64)


def class_codes(names: list[str], classes: list[str], path: Path) -> npt.NDArray[np.int64]:
    """Numbers of true classes among the classes of the votes."""
    codes = np.asarray(pd.Index(classes).get_indexer(pd.Index(names)), dtype=np.int64)
    if (codes < 0).any():
        raise InputError(
            f"{path}: the class {names[int(np.argmax(codes < 0))]!r} is not among the votes' "
            f"classes: {', '.join(classes[:12])}; spell them the same way"
        )
    return codes

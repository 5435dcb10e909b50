"""A user's attributes as 0/1 columns: the bias index is for binary ones.

Of more categories than ``max_categories`` there are none: these are only probed, all at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError

MAX_CATEGORIES = 20
FEW_NUMBERS = 12
"""Whole numbers of at most so many values are categories unless they are declared numeric."""
_YES_NO = (("0", "1"), ("-1", "1"), ("false", "true"), ("no", "yes"), ("n", "y"), ("f", "t"))
REPORT = ["attribute", "column", "type", "declared", "rule", "samples", "positives", "share"]
NO_BIAS = "one probe of all classes; bias of clusters not available"
"""What becomes of a column of too many categories, in the report."""
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Column:
    """One column of an attribute table."""

    name: str
    texts: Texts  # its cells, None where empty
    numbers: npt.NDArray[np.float64]  # its cells, NaN where they are no numbers
    values: list[str]  # its distinct texts, sorted (by number if all are numbers)

    @property
    def filled(self) -> npt.NDArray[np.bool_]:
        """Which cells are not empty."""
        return np.array([text is not None for text in self.texts], dtype=bool)

    @property
    def is_number(self) -> bool:
        """Whether every cell that is not empty is a finite number."""
        filled = self.filled
        return bool(filled.any() and np.isfinite(self.numbers[filled]).all())


def column_of(table: pd.DataFrame, name: str) -> Column:
    """A column with its cells as texts and as numbers."""
    cells = table[name].to_numpy(dtype=object)
    texts = np.array([_text(cell) for cell in cells], dtype=object)
    numbers = np.asarray(pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce"), np.float64)
    values = sorted({text for text in texts if text is not None})
    column = Column(name, texts, numbers, values)
    if column.is_number:
        column.values.sort(key=float)
    return column


def _text(cell: Any) -> str | None:
    if cell is None or cell is pd.NA or (isinstance(cell, float) and np.isnan(cell)):
        return None
    if isinstance(cell, (float, np.floating)) and float(cell).is_integer():
        cell = int(cell)
    if isinstance(cell, (bool, np.bool_)):
        return str(bool(cell)).lower()
    return str(cell).strip()


def found_type(column: Column, max_categories: int = MAX_CATEGORIES) -> str:
    """``binary``, ``categorical``, ``numeric``, ``constant`` or ``text``.

    Text: more than ``max_categories`` values, and most samples have one of their own. Numbers are
    numeric when one has a fraction or they have more than 12 values; whole numbers of fewer values
    are categories.
    """
    if len(column.values) < 2:
        return "constant"
    if _positive(column) is not None:
        return "binary"
    if column.is_number:
        whole = all(float(value).is_integer() for value in column.values)
        return "categorical" if whole and len(column.values) <= FEW_NUMBERS else "numeric"
    if len(column.values) == 2:
        return "binary"
    few = len(column.values) <= max_categories
    return "categorical" if few or _share_repeated(column.texts) >= 0.5 else "text"


def _share_repeated(texts: Texts) -> float:
    """Share of the cells with a value that another one has, too."""
    times = pd.Series(texts).value_counts()
    return float(times[times > 1].sum() / times.sum())


def _positive(column: Column) -> str | None:
    """The value that means yes, of two that usually mean no and yes."""
    lowered = {_plain(value): value for value in column.values}
    if len(lowered) == len(column.values) == 2:
        for no, yes in _YES_NO:
            if set(lowered) == {no, yes}:
                return lowered[yes]
    return None


def _plain(value: str) -> str:
    return value.lower().removesuffix(".0").replace("+1", "1")


@dataclass(frozen=True)
class Encoding:
    """Settings of the encoding, as in the config."""

    types: Mapping[str, str] = field(default_factory=dict)  # others are detected
    thresholds: Mapping[str, float] = field(default_factory=dict)  # of others: the median
    max_categories: int = MAX_CATEGORIES


def type_of(column: Column, encoding: Encoding, path: Path) -> str:
    """The type of a column, declared or detected, checked to suit its values."""
    where = f"{path}: the attribute {column.name!r}"
    found = found_type(column, encoding.max_categories)
    if found == "constant":
        only = f"only the value {column.values[0]!r}" if column.values else "no value at all"
        raise InputError(f"{where} has {only}; add it to `skip`")
    if found == "text" and np.isinf(column.numbers).any() and not np.isnan(column.numbers).any():
        raise InputError(f"{where} is infinite in some rows; give numbers, or add it to `skip`")
    declared = encoding.types.get(column.name)
    kind = declared or found
    if kind == "text":
        raise InputError(
            f"{where} has {len(column.values)} values, and most samples have one of their own; add "
            "it to `skip`, or declare it categorical in `types`"
        )
    if kind == "binary" and len(column.values) != 2:
        raise InputError(f"{where} is declared binary and has {len(column.values)} values, not 2")
    if (kind == "numeric" or column.name in encoding.thresholds) and not column.is_number:
        wrong = column.texts[column.filled & ~np.isfinite(column.numbers)][0]
        raise InputError(f"{where} is declared numeric but contains {wrong!r}")
    return "numeric" if column.name in encoding.thresholds else kind


def encode(
    table: pd.DataFrame, encoding: Encoding, path: Path
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Encode all attributes of a table; where a cell is empty, so are those of its attributes.

    Binary: one column of its name. Two texts: one column ``name=value`` of the later one.
    Categorical: one column ``name=value`` per category, none of more than ``max_categories``.
    Numeric: ``name>threshold``.

    Returns:
        uint8 0/1 columns, nullable if cells are empty; the numeric columns as they are, float64;
        the categorical ones of three values or more as texts; and a report of :data:`REPORT`, in
        which columns that became no 0/1 column have no positives.
    """
    ones: dict[str, Any] = {}
    numbers: dict[str, npt.NDArray[np.float64]] = {}
    classes: dict[str, Texts] = {}
    done: list[tuple[Any, ...]] = []
    for key in (*encoding.types, *encoding.thresholds):
        if key not in table.columns:
            raise InputError(f"{path}: has no column {key!r}, which is in the config")
    if not len(table.columns):
        raise InputError(f"{path}: has no column except the ids and skipped ones")
    for name in map(str, table.columns):
        column = column_of(table, name)
        kind = type_of(column, encoding, path)
        if kind == "numeric":
            numbers[name] = column.numbers
        many = kind == "categorical" and len(column.values) > encoding.max_categories
        declared = name in encoding.types or name in encoding.thresholds
        if kind == "categorical" and len(column.values) > 2:
            classes[name] = column.texts
        if many:
            rule = (
                f"{len(column.values)} values, more than max_categories ({encoding.max_categories})"
                f": {NO_BIAS}"
            )
            n = int(column.filled.sum())
            done.append((name, name, kind, declared, rule, n, pd.NA, float("nan")))
            continue
        for attribute, rule, present in _encoded(column, kind, encoding, path):
            if attribute in ones or attribute == "id":
                raise InputError(
                    f"{path}: two attributes would be called {attribute!r}; rename one"
                )
            ones[attribute] = present.astype(np.uint8)
            if not column.filled.all():
                ones[attribute] = pd.arrays.IntegerArray(ones[attribute], ~column.filled)
            n, positives = int(column.filled.sum()), int(present.sum())
            done.append((attribute, name, kind, declared, rule, n, positives, positives / n))
    report = pd.DataFrame(done, columns=REPORT)
    report = report.astype(dict.fromkeys(("attribute", "column", "type", "rule"), "str"))
    report["positives"] = report["positives"].astype(
        "Int64" if report["positives"].hasnans else int
    )
    index = pd.RangeIndex(len(table))
    return (
        pd.DataFrame(ones, index=index),
        pd.DataFrame(numbers, index=index, dtype=np.float64),
        pd.DataFrame(classes, index=index, dtype="str"),
        report,
    )


def _encoded(
    column: Column, kind: str, encoding: Encoding, path: Path
) -> list[tuple[str, str, npt.NDArray[np.bool_]]]:
    name = column.name
    if kind == "numeric":
        given = encoding.thresholds.get(name)
        limit = float(np.nanmedian(column.numbers)) if given is None else float(given)
        which = "the median" if given is None else "from the config"
        present, sign = column.numbers > limit, ">"
        if given is None and not present.any():  # more than half of all hold the largest value
            present, sign = column.numbers >= limit, ">="
        text = _threshold(column, limit, exact=given is not None)
        if present[column.filled].all() or not present.any():
            raise InputError(
                f"{path}: all values of {name!r} are on one side of the threshold {text}; give "
                "another one in `thresholds`"
            )
        return [(f"{name}{sign}{text}", f"{sign} {text}, {which}", present)]
    yes = _positive(column)
    if yes is not None:
        return [(name, f"{yes!r} is 1", column.texts == yes)]
    wanted = column.values[1:] if len(column.values) == 2 else column.values
    return [(f"{name}={value}", f"{value!r} is 1", column.texts == value) for value in wanted]


def _threshold(column: Column, limit: float, *, exact: bool) -> str:
    """A threshold with six digits, or as many more as it takes to divide the cells as it does.

    ``exact``: to be that number.
    """
    known = column.numbers[column.filled]

    def divides(text: str) -> bool:
        return float(text) == limit or (
            not exact
            and np.array_equal(known > float(text), known > limit)
            and np.array_equal(known >= float(text), known >= limit)
        )

    texts = (f"{limit:.{digits}g}" for digits in range(6, 18))
    return next(text for text in texts if divides(text))

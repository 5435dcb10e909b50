"""Attributes of unknown origin as 0/1 columns: the bias index is for binary ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError

TYPES = ("binary", "categorical", "numeric")
MAX_CATEGORIES = 20
FEW_NUMBERS = 12
"""Whole numbers of at most so many values are categories unless they are declared numeric."""
_YES_NO = (("0", "1"), ("-1", "1"), ("false", "true"), ("no", "yes"), ("n", "y"), ("f", "t"))
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Column:
    """One column of an attribute table.

    Attributes:
        name: Its name.
        texts: Its cells as texts, None where empty.
        numbers: Its cells as numbers, NaN where they are none.
        values: Its distinct texts, sorted (by number if all are numbers).
    """

    name: str
    texts: Texts
    numbers: npt.NDArray[np.float64]
    values: list[str]

    @property
    def is_number(self) -> bool:
        """Whether every cell that is not empty is a finite number."""
        filled = np.array([text is not None for text in self.texts], dtype=bool)
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
    """``binary``, ``categorical``, ``numeric``, ``constant`` or ``text`` (too many values).

    Numbers are numeric when one has a fraction or they have more than 12 values; whole numbers
    of fewer values are categories.
    """
    if len(column.values) < 2:
        return "constant"
    if _positive(column) is not None:
        return "binary"
    if column.is_number:
        whole = all(float(value).is_integer() for value in column.values)
        return "categorical" if whole and len(column.values) <= FEW_NUMBERS else "numeric"
    if len(column.values) <= max_categories:
        return "binary" if len(column.values) == 2 else "categorical"
    return "text"


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
    """Settings of the encoding, as in the config.

    Attributes:
        types: Declared types by column; the others are found.
        thresholds: Numeric columns → what a value must exceed; others: their median.
        skip: Columns that are no attributes.
        max_categories: Most values of a categorical column.
    """

    types: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    skip: Sequence[str] = ()
    max_categories: int = MAX_CATEGORIES


def attribute_columns(table: pd.DataFrame, encoding: Encoding, path: Path) -> dict[str, Column]:
    """The columns that are attributes, with a check that those of the settings are there.

    Raises:
        InputError: A column of the settings is not in the table, or none is left.
    """
    for key in (*encoding.types, *encoding.thresholds, *encoding.skip):
        if key not in table.columns:
            raise InputError(f"{path}: has no column {key!r}, which the config names")
    names = [str(name) for name in table.columns if name not in set(encoding.skip)]
    if not names:
        raise InputError(f"{path}: has no column beside the ids and those that are skipped")
    return {name: column_of(table, name) for name in names}


def type_of(column: Column, encoding: Encoding, path: Path) -> str:
    """The type of a column, declared or found, checked to suit its values.

    Raises:
        InputError: Constant, text of too many values, or a declared type that does not suit.
    """
    where = f"{path}: the attribute {column.name!r}"
    found = found_type(column, encoding.max_categories)
    if found == "constant":
        only = f"only the value {column.values[0]!r}" if column.values else "no value at all"
        raise InputError(f"{where} has {only}; add it to `skip`")
    declared = encoding.types.get(column.name)
    kind = declared or found
    if kind == "text" or (kind == "categorical" and len(column.values) > encoding.max_categories):
        raise InputError(
            f"{where} has {len(column.values)} values, more than the {encoding.max_categories} of "
            "`max_categories`; add it to `skip`, or raise that"
        )
    if kind == "binary" and len(column.values) != 2:
        raise InputError(f"{where} is declared binary and has {len(column.values)} values, not 2")
    if (kind == "numeric" or column.name in encoding.thresholds) and not column.is_number:
        wrong = next(t for t, x in zip(column.texts, column.numbers, strict=True)
                     if t is not None and not np.isfinite(x))  # fmt: skip
        raise InputError(f"{where} is to be numeric and holds {wrong!r}")
    return "numeric" if column.name in encoding.thresholds else kind


def encode(
    table: pd.DataFrame, encoding: Encoding, path: Path
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Encode all attributes of a table without empty cells.

    Binary: one column of its name. Two texts: one column ``name=value`` of the later one.
    Categorical: one column ``name=value`` a category. Numeric: ``name>threshold``.

    Args:
        table: The columns; ids are none of them.
        encoding: Settings.
        path: Where they come from, for messages.

    Returns:
        uint8 0/1 columns; the numeric columns as they are, float64; and a table of what was done:
        ``attribute``, ``column``, ``type``, ``declared``, ``rule``, ``samples``, ``positives``,
        ``share``.

    Raises:
        InputError: A column that cannot be encoded; the message names it.
    """
    ones: dict[str, npt.NDArray[np.bool_]] = {}
    numbers: dict[str, npt.NDArray[np.float64]] = {}
    done: list[dict[str, Any]] = []
    for name, column in attribute_columns(table, encoding, path).items():
        kind = type_of(column, encoding, path)
        if kind == "numeric":
            numbers[name] = column.numbers
        for attribute, rule, present in _encoded(column, kind, encoding, path):
            if attribute in ones or attribute == "id":
                raise InputError(
                    f"{path}: two attributes would be called {attribute!r}; rename one"
                )
            ones[attribute] = present
            positives = int(present.sum())
            done.append(
                {
                    "attribute": attribute,
                    "column": name,
                    "type": kind,
                    "declared": name in encoding.types or name in encoding.thresholds,
                    "rule": rule,
                    "samples": len(present),
                    "positives": positives,
                    "share": positives / len(present),
                }
            )
    report = pd.DataFrame(done).astype(
        {"attribute": "str", "column": "str", "type": "str", "rule": "str"}
    )
    encoded = pd.DataFrame({name: present.astype(np.uint8) for name, present in ones.items()})
    return encoded, pd.DataFrame(numbers, index=encoded.index, dtype=np.float64), report


def _encoded(
    column: Column, kind: str, encoding: Encoding, path: Path
) -> list[tuple[str, str, npt.NDArray[np.bool_]]]:
    """Name, rule and presence of each attribute that a column becomes."""
    name = column.name
    if kind == "numeric":
        given = encoding.thresholds.get(name)
        limit = float(np.median(column.numbers)) if given is None else float(given)
        which = "the median" if given is None else "from the config"
        present, sign = column.numbers > limit, ">"
        if given is None and not present.any():  # more than half of all hold the largest value
            present, sign = column.numbers >= limit, ">="
        if present.all() or not present.any():
            raise InputError(
                f"{path}: no value of {name!r}, or every one, exceeds the threshold {limit:g}; "
                "give another one in `thresholds`"
            )
        return [(f"{name}{sign}{limit:g}", f"{sign} {limit:g}, {which}", present)]
    yes = _positive(column)
    if yes is not None:
        return [(name, f"{yes!r} is 1", column.texts == yes)]
    wanted = column.values[1:] if len(column.values) == 2 else column.values
    return [(f"{name}={value}", f"{value!r} is 1", column.texts == value) for value in wanted]

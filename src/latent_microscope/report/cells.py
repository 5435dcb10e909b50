"""Numbers as a table or a sentence shows them."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd


def number(value: float, digits: int = 3) -> str:
    """A rounded number; – for none."""
    return "–" if pd.isna(value) else f"{value:.{digits}f}"


def spread(mean: float, sd: float, digits: int = 3) -> str:
    """Mean ± sd; the mean alone for one run."""
    return number(mean, digits) if pd.isna(sd) else f"{mean:.{digits}f} ± {sd:.{digits}f}"


def percent(value: float) -> str:
    """A share in per cent; – for none."""
    return "–" if pd.isna(value) else f"{100 * value:.1f} %"


def interval(value: float, low: float, high: float, digits: int = 3) -> str:
    """A number with its interval; – for no number."""
    if pd.isna(value):
        return "–"
    to = " to " if low < 0 else "–"
    return f"{number(value, digits)} ({number(low, digits)}{to}{number(high, digits)})"


def signed(value: float, low: float, high: float, digits: int = 3) -> str:
    """A difference with its sign and its interval, if there is one."""
    if pd.isna(value):
        return "–"
    mean = f"{value:+.{digits}f}"
    return mean if pd.isna(low) else f"{mean} ({low:+.{digits}f} to {high:+.{digits}f})"


def share_interval(share: float, low: float, high: float) -> str:
    """A share with its interval, in per cent."""
    return f"{percent(share)} ({percent(low)}–{percent(high)})"


def ratio(value: float, low: float, high: float) -> str:
    """A ratio with its interval: two digits, never in powers of ten."""
    return f"{_two_digits(value)} ({_two_digits(low)}–{_two_digits(high)})"


def _two_digits(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.0f}" if abs(value) >= 100 else f"{value:.2g}"


def rows_of(table: pd.DataFrame) -> Iterator[Any]:
    """Rows with the columns as attributes."""
    return iter(table.itertuples(index=False))


def highest(table: pd.DataFrame, values: pd.Series) -> Any:
    """The row of a table with the highest of these values, one a row; the first of several."""
    return table.iloc[int(values.fillna(float("-inf")).to_numpy().argmax())]


def numbers_of(table: pd.DataFrame) -> list[int]:
    """Row numbers in the file of the rows of a part of its table."""
    return [int(i) for i in table.index]


def listed(words: Sequence[str], most: int = 3) -> str:
    """``a, b and c``; ``a, b, c and 4 more``."""
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def counted(count: int, thing: str, things: str = "") -> str:
    """``1 seed``, ``2 seeds``, ``no seed``."""
    many = things or f"{thing}s"
    return f"no {thing}" if count == 0 else f"{count:,} {thing if count == 1 else many}"

"""Numbers and words as tables and sentences show them: filters and functions of the templates."""

import json
import re
from collections.abc import Iterator, Sequence
from numbers import Real
from typing import Any

import pandas as pd

from latent_microscope.messages import significant

MISSING = "–"
_CELL = re.compile(r"<t[dh][ >].*?</t[dh]>", re.DOTALL)
_EMPTY = re.compile(rf"<td[^>]*>(?:\s|{MISSING}|\({MISSING}\))*</td>")
_NUMBER = re.compile(
    r"(?<![\w.-])[-+−]?\d(?:\d|,(?=\d{3}))*(?:\.\d+)?(?:e[-+]?\d+| × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?"
    r"(?![\w-]|\.\d)(?: %)?"
)
_MARKS = re.compile(r"``|\*\*|`_?|(?<!\w)\*(?=\w)|(?<=\w)\*(?!\w)")  # reStructuredText


def number(value: float, digits: int = 3) -> str:
    """A rounded number; – if missing, as in all formats below."""
    return MISSING if pd.isna(value) else f"{value:.{digits}f}"


def spread(mean: float, sd: float, digits: int = 3) -> str:
    """Mean ± sd; the mean alone for one run."""
    return number(mean, digits) if pd.isna(sd) else f"{mean:.{digits}f} ± {sd:.{digits}f}"


def percent(value: float) -> str:
    """A share in per cent."""
    return MISSING if pd.isna(value) else f"{100 * value:.1f} %"


def between(low: float, high: float, digits: int = 3, sign: str = "", to: str = " to ") -> str:
    """An interval: ``low to high``."""
    return MISSING if pd.isna(low) else f"{low:{sign}.{digits}f}{to}{high:{sign}.{digits}f}"


def interval(value: float, low: float, high: float, digits: int = 3) -> str:
    """A number with its interval."""
    if pd.isna([value, low, high]).any():
        return number(value, digits)
    to = " to " if low < 0 else "–"
    return f"{number(value, digits)} ({number(low, digits)}{to}{number(high, digits)})"


def unavailable(row: Any) -> str:
    """Why the interval of a row is not available, in brackets; empty where it is."""
    status = getattr(row, "status", "")
    return f" ({status})" if str(status).startswith("not available") else ""


def signed(value: float, low: float = float("nan"), high: float = 0.0, digits: int = 3) -> str:
    """A difference with its sign and its interval, if there is one."""
    if pd.isna(value):
        return MISSING
    mean = f"{value:+.{digits}f}"
    return mean if pd.isna(low) else f"{mean} ({between(low, high, digits, '+')})"


def p_value(value: float) -> str:
    """A p or q to two digits."""
    return MISSING if pd.isna(value) else significant(value, 2)


def share_interval(share: float, low: float, high: float) -> str:
    """A share with its interval, in per cent."""
    return f"{percent(share)} ({percent(low)}–{percent(high)})"


def ratio(value: float, low: float, high: float) -> str:
    """A ratio with its interval, two digits each."""
    ends = [significant(float(f"{one:.2g}"), 2) for one in (value, low, high)]
    return MISSING if pd.isna(value) else "{} ({}–{})".format(*ends)


def span(values: pd.Series, digits: int = 2) -> str:
    """``least to largest`` of some values; one of them where they are alike."""
    low, high = values.min(), values.max()
    return number(low, digits) if high - low < 0.005 else between(low, high, digits)


def short(value: Any) -> str:
    """Any cell of a table: text as it is, a number to 4 digits."""
    if value is None or value is pd.NA or value is pd.NaT:
        return MISSING
    if isinstance(value, Real) and not isinstance(value, bool):
        return MISSING if pd.isna(float(value)) else significant(float(value), 4)
    return str(value)


def listed(words: Sequence[str], most: int = 3) -> str:
    """``a, b and c``; ``a, b, c and 4 more``."""
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def counted(count: int, thing: str) -> str:
    """``1 seed``, ``2 seeds``, ``no seed``."""
    return f"no {thing}" if count == 0 else f"{count:,} {thing}{'' if count == 1 else 's'}"


def groups(table: pd.DataFrame, *columns: str) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Value (of several columns: values) and rows of each group, in the order of the table."""
    by: Any = columns[0] if len(columns) == 1 else [*columns]
    return iter(table.groupby(by, sort=False))


def rows(table: pd.DataFrame) -> Iterator[Any]:
    """Rows with the columns, and the Index, as attributes."""
    return iter(table.itertuples())


def of_crop(table: pd.DataFrame, crop: str) -> str:
    """Start of a sentence about one crop, where the table has several."""
    return f"Crop {crop}: " if table["crop"].nunique() > 1 else ""


def crop_of(figure: str, crops: Sequence[str]) -> str:
    """The crop that a figure's name tells, else the first."""
    words = figure.replace("/", "-").split("-")
    return next((crop for crop in crops if crop in words), crops[0])


def highest(table: pd.DataFrame, values: pd.Series) -> Any:
    """The row of a table with the highest of these values, one per row; the first of several."""
    return table.iloc[int(values.fillna(float("-inf")).to_numpy().argmax())]


def cells_of(row: str) -> list[str]:
    """The cells of a row of HTML."""
    return [type(row)(cell) for cell in _CELL.findall(row)]


def filled_columns(rows: Sequence[Sequence[str]]) -> set[int]:
    """Places of the columns in which any of these rows has something; the first always."""
    filled = {i for row in rows for i, cell in enumerate(row) if not _EMPTY.fullmatch(cell)}
    return {0, *filled}


def one_line(text: str) -> str:
    """White space of a template as single spaces; what is escaped stays so."""
    return type(text)(" ").join(text.split())


def paragraphs(text: str) -> list[str]:
    """What blank lines separate, one line each, not escaped."""
    parts = re.split(r"\n\s*\n", getattr(text, "unescape", text.__str__)())
    return [one_line(part) for part in parts if part.strip()]


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces: words, and numbers (True) that are no part of a name."""
    end = 0
    for found in _NUMBER.finditer(text):
        yield text[end : found.start()], False
        yield found.group(), True
        end = found.end()
    yield text[end:], False


def to_json(value: Any) -> str:
    """Indented JSON."""
    return json.dumps(value, indent=1, ensure_ascii=False)


def plain(text: str) -> str:
    """The words of a short piece of reStructuredText."""
    return one_line(_MARKS.sub("", text))


def first_sentence(text: str) -> str:
    """Up to the first full stop or colon that ends a sentence."""
    return re.split(r"(?<=[a-z0-9)])[.:] (?=[A-Z])", text, maxsplit=1)[0].rstrip(".:")

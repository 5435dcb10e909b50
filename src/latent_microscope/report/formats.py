"""Numbers and words as tables and sentences show them: filters and functions of the templates."""

import json
import re
from collections.abc import Iterator, Sequence
from numbers import Real
from typing import Any

import pandas as pd

from latent_microscope.messages import significant

MISSING = "–"
_NUMBER = re.compile(
    r"(?<![\w.-])[-+−]?\d(?:\d|,(?=\d{3}))*(?:\.\d+)?(?:e[-+]?\d+| × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?"
    r"(?![\w-]|\.\d)(?: %)?"
)
_CELL, _TAG = re.compile(r"<t[hd]\b.*?</t[hd]>", re.DOTALL), re.compile(r"<[^>]*>")
_IMAGE = re.compile(r"(?<![\w<-])(i|I)mage(s?)\b")
_MARKS = re.compile(r"``|\*\*|`_?|(?<!\w)\*(?=\w)|(?<=\w)\*(?!\w)")  # reStructuredText


def number(value: float, digits: int = 3, sign: str = "") -> str:
    """A rounded number; – if missing, as in all formats below; ∞ if infinite."""
    return MISSING if pd.isna(value) else f"{value:{sign}.{digits}f}".replace("inf", "∞")


def spread(mean: float, sd: float, digits: int = 3) -> str:
    """Mean ± sd; the mean alone for one run."""
    return number(mean, digits) if pd.isna(sd) else f"{number(mean, digits)} ± {number(sd, digits)}"


def percent(value: float) -> str:
    """A share in per cent."""
    return MISSING if pd.isna(value) else f"{100 * value:.1f} %"


def between(low: float, high: float, digits: int = 3, sign: str = "", to: str = " to ") -> str:
    """An interval: ``low to high``."""
    return (
        MISSING if pd.isna(low) else f"{number(low, digits, sign)}{to}{number(high, digits, sign)}"
    )


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
    mean = number(value, digits, "+")
    return mean if pd.isna([value, low]).any() else f"{mean} ({between(low, high, digits, '+')})"


def to_digits(value: float, most: int) -> str:
    """A finite or infinite number to so many digits."""
    return significant(value, most).replace("inf", "∞")


def p_value(value: float) -> str:
    """A p or q to two digits; one that is 0 in the computer's numbers is below what these reach."""
    return MISSING if pd.isna(value) else significant(value, 2) if value else "< 10⁻³⁰⁰"


def share_interval(share: float, low: float, high: float) -> str:
    """A share with its interval, in per cent."""
    return f"{percent(share)} ({percent(low)}–{percent(high)})"


def ratio(value: float, low: float, high: float) -> str:
    """A ratio with its interval, two digits each."""
    ends = [to_digits(float(f"{one:.2g}"), 2) for one in (value, low, high)]
    return MISSING if pd.isna(value) else "{} ({}–{})".format(*ends)


def span(values: pd.Series, digits: int = 2) -> str:
    """``least to largest`` of some values; one of them where they are alike."""
    low, high = values.min(), values.max()
    return number(low, digits) if high - low < 0.5 * 10.0**-digits else between(low, high, digits)


def short(value: Any) -> str:
    """Any cell of a table: text as it is, a number to 4 digits."""
    if value is None or value is pd.NA or value is pd.NaT:
        return MISSING
    if isinstance(value, Real) and not isinstance(value, bool):
        return MISSING if pd.isna(float(value)) else to_digits(float(value), 4)
    return str(value)


def listed(words: Sequence[str], most: int = 3) -> str:
    """``a, b and c``; ``a, b, c and 4 more``."""
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def counted(count: int, thing: str) -> str:
    """``1 seed``, ``2 seeds``, ``no seed``."""
    return f"no {thing}" if count == 0 else f"{count:,} {thing}{'' if count == 1 else 's'}"


def without_empty(titles: Sequence[str], rows: Sequence[str]) -> tuple[list[str], list[str]]:
    """Titles of a table and its rows, as HTML, without the columns that no row has a value of."""
    cells = [_CELL.findall(row) for row in rows]
    texts = [[_TAG.sub("", cell).strip() for cell in row] for row in cells]
    kept = [
        at
        for at in range(len(titles))
        if not rows or any(len(row) != len(titles) or row[at] not in ("", MISSING) for row in texts)
    ]
    return [titles[at] for at in kept], ["\n".join(row[at] for at in kept) for row in cells]


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


def worded(text: str, noun: str) -> str:
    """The text with ``noun`` (image, sample) in place of image."""
    if noun == "image":
        return text
    return _IMAGE.sub(lambda m: (noun.capitalize() if m[1] == "I" else noun) + m[2], text)


def plain(text: str) -> str:
    """The words of a short piece of reStructuredText."""
    return one_line(_MARKS.sub("", text))


def first_sentence(text: str) -> str:
    """Up to the first full stop or colon that ends a sentence."""
    return re.split(r"(?<=[a-z0-9)])[.:] (?=[A-Z])", text, maxsplit=1)[0].rstrip(".:")

"""Numbers as people of several countries write them, by column."""

import re
from collections.abc import Sequence

import numpy as np

from latent_microscope.errors import InputError

Cells = Sequence[str]
EMPTY = frozenset({"nan", "n/a", "#n/a", "null"})
"""Texts that stand for an empty cell everywhere."""
MISSING = EMPTY | {"na", "none", "-", "."}
"""Texts that stand for an empty cell among numbers."""
_PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?|[+-]?(inf|infinity)", re.IGNORECASE)
_LEADING_ZERO = re.compile(r"[+-]?0\d")
_SPACE = "[\u00a0\u202f' ]"  # between thousands
_COMMA = re.compile(rf"[+-]?(\d{{1,3}}(\.\d{{3}})+|\d{{1,3}}({_SPACE}\d{{3}})+|\d+)(,\d+)?")
_POINT = re.compile(rf"[+-]?(\d{{1,3}}(,\d{{3}})+|\d{{1,3}}({_SPACE}\d{{3}})+)(\.\d+)?")


def parsed(cells: Cells) -> np.ndarray | None:
    """A column's numbers, int64 or float64 with NaN for empty cells; None if it has texts.

    Numbers with leading zeros are texts, such as ids.
    """
    plain, _ = plain_numbers(cells, "")
    filled = [cell for cell in plain if cell and cell.lower() not in MISSING]
    if not filled or not all(_PLAIN.fullmatch(cell) for cell in filled):
        return None
    if any(_LEADING_ZERO.match(cell) for cell in filled):
        return None
    if len(filled) == len(plain) and all(re.fullmatch(r"[+-]?\d{1,18}", cell) for cell in filled):
        return np.array([int(cell) for cell in filled], dtype=np.int64)
    return np.array(
        [np.nan if not c or c.lower() in MISSING else float(c) for c in plain], dtype=np.float64
    )


def plain_numbers(cells: Cells, where: str) -> tuple[Cells, str]:
    """Cells with a decimal comma or separated thousands as plain numbers, and what was found.

    Args:
        cells: Texts of one column.
        where: File and column, for the message; "": an unclear column stays text.

    Returns:
        The cells, unchanged if they are no such numbers; "" or a note.

    Raises:
        InputError: ``1,234`` in all cells could be either.
    """
    filled = [cell for cell in cells if cell and cell.lower() not in MISSING]
    odd = [cell for cell in filled if not _PLAIN.fullmatch(cell)]
    if not odd or not any(character.isdigit() for character in odd[0]):
        return cells, ""
    comma = all(_COMMA.fullmatch(cell) for cell in filled)
    point = all(_POINT.fullmatch(cell) or _PLAIN.fullmatch(cell) for cell in filled)
    if comma and point and any("," in cell for cell in filled):
        if not where:
            return cells, ""
        raise InputError(
            f"{where}: {odd[0]!r} has a decimal comma or separated thousands; write the numbers "
            "without separators"
        )
    if not (comma or point):
        return cells, ""
    drop = re.compile(r"[.\u00a0\u202f' ]" if comma else r"[,\u00a0\u202f' ]")
    changed = [
        cell if cell.lower() in MISSING else drop.sub("", cell).replace(",", ".") for cell in cells
    ]
    has_comma = comma and any("," in cell for cell in filled)
    return changed, "decimal comma" if has_comma else "separated thousands"

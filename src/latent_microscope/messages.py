"""The log of all steps; texts from untrusted files, made safe for a terminal and a log."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from latent_microscope.errors import InputError

LONGEST = 1000
log = logging.getLogger("latent_microscope")


def one_line(text: str) -> str:
    """The text as one line of limited length without control characters.

    Names and cells of a file may hold line breaks that forge a log's next line, escape sequences
    of the terminal, or megabytes.
    """
    line = " ".join(text.split())
    if len(line) > LONGEST:
        line = f"{line[: LONGEST * 3 // 4]} … {line[-LONGEST // 5 :]}"
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode()
        for c in line
    )


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def superscript(number: int) -> str:
    """``-6`` → ``⁻⁶``."""
    return str(number).translate(_SUPERSCRIPTS)


def significant(value: float, digits: int) -> str:
    """A number as people write it: ``12,300``, ``0.0012``, ``4.9 × 10⁻⁶``; whole ones in full."""
    if not math.isfinite(value):
        return str(value)
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    exponent = int(power)
    if value and not -4 <= exponent < 15:
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa} × 10{superscript(exponent)}"
    rounded = value if value == int(value) else float(f"{mantissa}e{power}")
    text = f"{rounded:,.{max(digits - 1 - exponent, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@contextmanager
def naming(where: Path | str) -> Iterator[None]:
    """Prepend the file to an :class:`InputError` that does not name it."""
    try:
        yield
    except InputError as error:
        if str(where) in str(error):
            raise
        raise InputError(f"{where}: {error}") from error

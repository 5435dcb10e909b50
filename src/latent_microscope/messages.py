"""The log of all steps; texts from untrusted files, made safe for a terminal and a log."""

import logging
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


@contextmanager
def naming(where: Path | str) -> Iterator[None]:
    """Prepend the file to an :class:`InputError` that does not name it."""
    try:
        yield
    except InputError as error:
        if str(where) in str(error):
            raise
        raise InputError(f"{where}: {error}") from error

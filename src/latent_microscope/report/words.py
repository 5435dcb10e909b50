"""What both forms of the page say and mark alike."""

import re
from collections.abc import Iterator

TITLE = "Latent Microscope: what was found"
HOW_TO_READ = (
    "Every sentence under a title is made from the numbers below it; every number leads to the "
    "file, step, code, seed and data that it came from."
)
MADE_UP = (
    "Made-up data: this program drew them, and none of these numbers is a result about real images "
    "or people."
)
STANDS_OUT = frozenset(
    {"warning", "alarm", "poor", "unstable", "mostly noise", "list mostly noise"}
)
"""Cells that a reader must not miss."""

_NUMBER = re.compile(
    r"(?<![\w.-])[-+−]?\d(?:\d|,(?=\d{3}))*(?:\.\d+)?(?:e[-+]?\d+)?(?![\w-]|\.\d)(?: %)?"
)


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces: words, and numbers (True) that are no part of a name."""
    end = 0
    for found in _NUMBER.finditer(text):
        if found.start() > end:
            yield text[end : found.start()], False
        yield found.group(), True
        end = found.end()
    if end < len(text):
        yield text[end:], False

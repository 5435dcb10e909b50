"""Captions of figures and tables as plain text."""

import re
from collections.abc import Mapping

Captions = Mapping[str, Mapping[str, str]]
"""``figures`` and ``tables``: name → reStructuredText."""

_MARKS = re.compile(r"``|\*\*|`_?|(?<!\w)\*(?=\w)|(?<=\w)\*(?!\w)")


def plain(text: str) -> str:
    """The words of a short piece of reStructuredText."""
    return " ".join(_MARKS.sub("", text).split())


def of_figure(captions: Captions, step: str) -> str:
    """The caption of what a step drew."""
    return plain(captions.get("figures", {}).get(step.removeprefix("plot_"), ""))


def of_table(captions: Captions, name: str) -> str:
    """The caption of a table."""
    return plain(captions.get("tables", {}).get(name, ""))


def first_sentence(text: str) -> str:
    """Up to the first full stop that ends a sentence."""
    return re.split(r"(?<=[a-z0-9)])[.:] (?=[A-Z])", text, maxsplit=1)[0].rstrip(".:")

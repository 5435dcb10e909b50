"""Captions of figures and tables: those of Snakemake's report, as plain text."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

_MARKS = re.compile(r"``|\*\*|`_?|(?<!\w)\*(?=\w)|(?<=\w)\*(?!\w)")


def read_captions(files: Sequence[Path]) -> dict[str, str]:
    """Name of the caption → its text without mark-up."""
    return {file.stem: plain(file.read_text(encoding="utf-8")) for file in files}


def plain(text: str) -> str:
    """The words of a short piece of reStructuredText."""
    return " ".join(_MARKS.sub("", text).split())


def of_figure(captions: Mapping[str, str], step: str) -> str:
    """The caption of what a step drew."""
    return captions.get(step.removeprefix("plot_"), "")


def of_table(captions: Mapping[str, str], name: str) -> str:
    """The caption of a table."""
    return captions.get(f"table_{name.replace('-', '_')}", "")


def first_sentence(text: str) -> str:
    """Up to the first full stop that ends a sentence."""
    return re.split(r"(?<=[a-z0-9)])[.:] (?=[A-Z])", text, maxsplit=1)[0].rstrip(".:")

"""The studies of the last run in this folder, and the pages of finished ones."""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from latent_microscope.errors import InputError

RESULTS = Path("results")
LAST_RUN = Path(".snakemake/latent_microscope/studies.json")
"""Names of the studies of the last run; written by the workflow when a run starts."""
COMMAND = "LATENT_MICROSCOPE_COMMAND"
"""Set by the console command, which itself lists the pages, even if nothing had to run."""


class Page(NamedTuple):
    """A page or folder to open, and what it shows."""

    path: Path
    what: str


def finished_studies(results: Path = RESULTS) -> list[str]:
    """Names of the folders of results that have a report."""
    return sorted(path.parent.name for path in results.glob("*/report.html"))


def last_run() -> list[str]:
    """The studies of the last run here that are finished; all finished ones if none is known."""
    finished = finished_studies()
    with suppress(OSError, ValueError, TypeError):
        named = json.loads(LAST_RUN.read_text(encoding="utf-8"))
        return [name for name in named if name in finished] or finished
    return finished


def pages_of(studies: Iterable[str], results: Path = RESULTS) -> list[Page]:
    """What there is to open of some studies; :class:`InputError` if one is not finished."""
    studies, finished = list(studies), finished_studies(results)
    pages = []
    if len(studies) > 1 and (results / "report.html").is_file():
        pages.append(Page(results / "report.html", "list of all studies here"))
    for name in studies:
        folder = results / name
        if name not in finished:
            known = ", ".join(finished) or "none"
            raise InputError(f"{folder}: not finished; finished studies: {known}")
        if (folder / "explorer.html").is_file():
            pages.append(Page(folder / "explorer.html", f"{name}: explorer of the latent space"))
        pages.append(Page(folder / "report.html", f"{name}: findings, figures, tables"))
        pages.append(Page(folder / "tables", f"{name}: tables as CSV and Parquet"))
    return pages


def listing(pages: Iterable[Page]) -> str:
    """The pages as text; empty without any."""
    pages = list(pages)
    width = max((len(str(page.path)) for page in pages), default=0)
    lines = [f"  {str(page.path).ljust(width)}  {page.what}" for page in pages]
    return "\n".join(["Open:", *lines]) if lines else ""


def remember(studies: Iterable[str]) -> None:
    """Note down the studies of this run, if the folder can be written."""
    with suppress(OSError):
        LAST_RUN.parent.mkdir(parents=True, exist_ok=True)
        LAST_RUN.write_text(json.dumps(list(studies)), encoding="utf-8")


def told_at_the_end() -> str:
    """The pages of the last run; empty where the console command lists them."""
    return "" if COMMAND in os.environ else listing(pages_of(last_run()))

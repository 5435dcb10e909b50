"""Made-up studies for the tests of the report."""

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from latent_microscope.planning.captions import captions
from latent_microscope.report.sections import render
from latent_microscope.report.study import Study

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = sorted(path.parent for path in (ROOT / "results/published").glob("*/run.json"))
CAPTIONS = captions()


@cache
def row(table: str) -> dict[str, Any]:
    """The first row of a published table, with all columns that the sections show; else empty."""
    every = (made for made in map(Study.published, PUBLISHED) if table in made.tables)
    made = next(every, None)
    return {} if made is None else {str(k): v for k, v in made.table(table).iloc[0].items()}


def study(**tables: list[dict[str, Any]]) -> Study:
    """A study of these tables, none of them on the disk; each row: changes of a published one."""
    named = {name.replace("_", "-"): rows for name, rows in tables.items()}
    made = {n: pd.DataFrame([row(n) | changes for changes in rows]) for n, rows in named.items()}
    for name, table in made.items():
        if not len(table):
            made[name] = pd.DataFrame([row(name)]).iloc[:0]
    return Study("made", {name: Path(name) for name in made}, {}, made)


def findings(template: str, made: Study) -> str:
    found: list[tuple[str, str]] = []
    render(template, made, found=found, captions={})
    assert {table for _, table in found} <= made.tables.keys()
    return " ".join(text for text, _ in found)

"""Made-up studies for the tests of the report."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from latent_microscope.planning.captions import captions
from latent_microscope.report.sections import render
from latent_microscope.report.study import Study

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = sorted(path.parent for path in (ROOT / "results/published").glob("*/run.json"))
ROWS: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("report_rows.json").read_text(encoding="utf-8")
)
"""Table → a row with all columns that the sections show; those published will have other values."""
CAPTIONS = captions()


def study(**tables: list[dict[str, Any]]) -> Study:
    """A study of these tables, none of them on the disk; each row: changes of one in ROWS."""
    named = {name.replace("_", "-"): rows for name, rows in tables.items()}
    made = {
        n: pd.DataFrame([ROWS.get(n, {}) | changes for changes in rows])
        for n, rows in named.items()
    }
    for name, table in made.items():
        if not len(table):
            made[name] = pd.DataFrame([ROWS.get(name, {})]).iloc[:0]
    return Study("made", {name: Path(name) for name in made}, {}, made)


def findings(template: str, made: Study) -> str:
    found: list[tuple[str, str]] = []
    render(template, made, found=found, captions={})
    assert {table for _, table in found} <= made.tables.keys()
    return " ".join(text for text, _ in found)

"""What the captions of figures say of their study."""

from typing import Any

import pandas as pd

from latent_microscope.report import formats as f
from latent_microscope.report.gather.forensics import available
from latent_microscope.report.study import Study


def in_crop(study: Study, table: str, figure: str) -> pd.DataFrame:
    """The rows of the crop that a figure's name tells, else of the first; none without a table."""
    if not study.has(table):
        return pd.DataFrame()
    rows = study.table(table)
    if "crop" not in rows:
        return rows
    crops = list(dict.fromkeys(rows["crop"]))
    return rows[rows["crop"] == f.crop_of(figure, crops)]


def means(study: Study, table: str, figure: str) -> dict[str, float]:
    """Mean by quantity or check, of the crop of a figure."""
    rows = in_crop(study, table, figure)
    key = "check" if table == "diagnostics" else "quantity"
    return dict(zip(rows[key], rows["mean"], strict=True)) if len(rows) else {}


def of_method(rows: pd.DataFrame, figure: str) -> pd.DataFrame:
    """The rows of the method that a figure's name tells; all if it tells none."""
    named = rows[[method in figure for method in rows["method"]]]
    return named if len(named) else rows


def drawn_groups(study: Study, kind: str) -> dict[str, Any]:
    """Odds ratios of the groups of a kind in the seed that is drawn, and those that survive."""
    if not study.has("bias-tests", "bias"):
        return {}
    tests, found = study.table("bias-tests"), study.table("bias")
    seed = tests["seed"].iloc[0]
    tests = tests[(tests["definition"] == "odds") & (tests["seed"] == seed)]
    kept = found[(found["seed"] == seed) & found["group"].str.startswith(kind)]
    drawn = tests[tests["group"].str.startswith(kind)]
    tested = available(drawn)
    return {"seed": seed, "any": len(drawn) > 0, "tested": tested, "kept": len(kept)}

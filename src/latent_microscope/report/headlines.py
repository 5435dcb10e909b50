"""The few numbers of README: each with its interval, beside what it must be read against."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from latent_microscope.io.artefacts import load_json
from latent_microscope.published import ORACLES
from latent_microscope.report import formats as f
from latent_microscope.report.study import Study

_FINDINGS = "docs/findings"
_ROW = tuple[str, str, str]


def headlines(published: Path) -> str:
    """A Markdown table: question, number with its 95 % interval, baselines; of what is published.

    Of several studies of a kind the first by name that has the table and its rows is shown.
    """
    studies: dict[str, list[Study]] = {}
    for path in sorted(published.glob("*/run.json")):
        kind = load_json(path)["settings"]["kind"]
        studies.setdefault(kind, []).append(Study.published(path.parent))
    lines = ["| what | number (95 % interval) | beside |", "|---|---|---|"]
    for kind, table, row in _ROWS:
        for study in (one for one in studies.get(kind, ()) if one.has(table)):
            try:
                what, value, beside = row(study.table(table))
            except LookupError:
                continue
            lines.append(f"| [{what}]({_FINDINGS}/{study.name}.md) | {value} | {beside} |")
            break
    return "\n".join(lines) + "\n"


def _over_seeds(row: Any, name: str) -> str:
    """Mean with Student's interval of the mean over seeds."""
    mean, sd, n = (getattr(row, key) for key in (f"{name}_mean", f"{name}_sd", "n"))
    half = student.ppf(0.975, n - 1) * sd / np.sqrt(n) if n > 1 else np.nan
    return f.interval(mean, mean - half, mean + half)


def _one(table: pd.DataFrame, **values: Any) -> Any:
    """The row with these values, the first of several; none is a LookupError."""
    for column, value in values.items():
        table = table[table[column] == value]
    if table.empty:
        raise LookupError(values)
    return next(f.rows(table))


def _uniqueness(table: pd.DataFrame) -> _ROW:
    row, other = (_one(table, detector=name) for name in ("uniqueness", "knn_density"))
    return (
        f"ROC AUC of uniqueness for authentic samples, {f.counted(row.n, 'seed')}",
        _over_seeds(row, "roc_auc"),
        f"chance {f.number(row.baseline_roc_auc, 1)}; kNN density {_over_seeds(other, 'roc_auc')}",
    )


def _detection(table: pd.DataFrame) -> _ROW:
    row = _one(table, scenario="unseen", detector="detect_authentic")
    other, limit = (
        _one(table, scenario="unseen", detector=name)
        for name in ("knn_density", "truth, blind below 2%")
    )
    return (
        f"Mean F1 of `detect_authentic`, {f.counted(row.n, 'unseen data set')}",
        _over_seeds(row, "f1"),
        f"kNN density {_over_seeds(other, 'f1')}; truth blind below 2 % {_over_seeds(limit, 'f1')}",
    )


def _largest_cluster(table: pd.DataFrame) -> _ROW:
    used = table[table["configured"]]
    row, *others = f.rows(used)
    return (
        f"Share of faces in the largest cluster (SBS), VAE seed {row.seed}",
        f.interval(row.share, row.low, row.high),
        "other VAE seeds " + (", ".join(f.number(one.share) for one in others) or "none"),
    )


def _power(table: pd.DataFrame) -> _ROW:
    row = _one(table, odds_ratio=1.5, members=500, prevalence=0.1)
    return (
        "Power of the bias test: odds ratio 1.5, 500 members, prevalence 10 %",
        f.interval(row.power, row.power_low, row.power_high),
        "of 40 attributes, corrected: "
        f"{f.interval(row.adjusted, row.adjusted_low, row.adjusted_high)}; no effect: 0.05",
    )


def _alignment(table: pd.DataFrame) -> _ROW:
    known = table[(table["measure"] == "rho_a") & table["low"].notna()]
    networks = known[~known["model"].isin(ORACLES)]
    best = networks.groupby(["model", "layer"], as_index=False)[["value", "low", "high"]].mean()
    one = f.highest(best, best["value"])
    of_it = networks[(networks["model"] == one.model) & (networks["layer"] == one.layer)]
    trained = f.counted(of_it["seed"].nunique(), "training")
    row = known.iloc[0]
    return (
        f"Highest rho-a with human votes: `{one.model}`, {one.layer}, {trained}",
        f.interval(one.value, one.low, one.high),
        f"true label alone {f.number(row['baseline'])}; noise ceiling {f.number(row['ceiling'])}",
    )


_ROWS: tuple[tuple[str, str, Callable[[pd.DataFrame], _ROW]], ...] = (
    ("synthetic", "detectors", _uniqueness),
    ("detection", "comparison", _detection),
    ("faces", "sbs", _largest_cluster),
    ("simulations", "power", _power),
    ("alignment", "measures", _alignment),
)
"""Kind of study, its table, the row that is made of it."""

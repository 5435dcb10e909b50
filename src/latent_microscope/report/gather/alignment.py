"""Models against human judgements, detectors and methods against a known truth."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from latent_microscope.published import ORACLES
from latent_microscope.report import formats as f
from latent_microscope.report.gather.forensics import FALSE_DISCOVERY_RATE
from latent_microscope.report.study import Study

OURS = "detect_authentic"  # as in forensics.evaluation, which imports scipy
NO_CLASSIFIERS = ("human", "human_majority", "perfect", "uniform", *ORACLES)
MEASURES = {
    "rho_a": "rho-a, all pairs",
    "within_class_rho_a": "rho-a within a class",
    "spearman": "Spearman, all pairs",
    "partial_label": "Spearman, label partialled out",
    "cross_entropy": "cross-entropy to the votes",
}
NO_NETWORKS = (*ORACLES, "pixels")


def comparison(study: Study) -> dict[str, Any]:
    """The detectors of the first scenario, and ours beside the best baseline on every one."""
    table = study.table("comparison")
    first = table[table["scenario"] == table["scenario"].iloc[0]]
    shown = pd.concat(
        [
            first[first["family"] != "trivial"].head(14),
            first[first["detector"].isin(["uniqueness", "cls", "all authentic"])],
        ]
    )
    ours = table[table["detector"] == OURS].set_index("scenario")
    best = table[table["best_baseline"]].drop_duplicates("scenario").set_index("scenario")
    scenarios = best.merge(
        ours, "left", left_index=True, right_index=True, suffixes=("", "_ours")
    ).reset_index()
    better = scenarios["average_precision_interpolations_difference_low"] > 0
    worse = scenarios["average_precision_interpolations_difference_high"] < 0
    scenarios["verdict"] = "no significant difference"
    scenarios.loc[better, "verdict"] = "better"
    scenarios.loc[worse, "verdict"] = "worse"
    return {"first": shown.drop_duplicates("detector"), "scenarios": scenarios}


def alignment(study: Study) -> dict[str, Any]:
    """By metric: the best model and those that do not differ, those above the label; intervals."""
    table = study.table("alignment")
    known = table[table["mean"].notna()]
    known = known[~known["model"].isin(ORACLES)]
    tested = study.has("differences")
    metrics = []
    for metric, part in f.groups(known, "metric"):
        best = f.highest(part, part["mean"])
        names = [_named(row) for row in f.rows(part)]
        higher = [_named(row) for row in f.rows(part[part["above_label"] > 0])]
        passing = _clear(study, metric, "label", "features")[0] if tested else set(higher)
        lower = _clear(study, metric, best.model, best.layer)[1] if tested else set(names)
        within = part[part["within_class_rho_a"].notna()]
        inside = f.highest(within, within["within_class_rho_a"]) if len(within) else None
        metrics.append(
            {
                "metric": metric,
                "best": best,
                "equals": [name for name in names if name not in lower | {_named(best)}],
                "above": [name for name in higher if name in passing],
                "unclear": [name for name in higher if name not in passing],
                "within": inside,
                "within_ends": ""
                if inside is None
                else interval_of(
                    study, "within_class_rho_a", metric, inside.model, inside.layer, digits=3
                ),
            }
        )
    oracle = table.loc[table["model"] == "label", "spearman"].mean()
    return {
        "metrics": metrics,
        "tested": tested,
        "intervals": dict(_intervals(study)),
        "oracle": oracle,
    }


def _named(row: Any) -> str:
    return f"{row.model} ({row.layer})"


def _clear(study: Study, metric: str, model: str, layer: str) -> tuple[set[str], set[str]]:
    """Models whose difference from this one is above, and below, 0 (adjusted p) in every seed."""
    table = study.table("differences")
    sides = {"_a": "_b", "_b": "_a"}
    other = table.rename(columns=lambda name: name[:-2] + sides.get(name[-2:], name[-2:]))
    pairs = pd.concat([table, other.assign(difference=-table["difference"])], ignore_index=True)
    own = (pairs["model_b"] == model) & (pairs["layer_b"] == layer) & (pairs["metric"] == metric)
    signs = pairs[own].assign(
        sign=np.sign(pairs["difference"]) * (pairs["p_adjusted"] <= FALSE_DISCOVERY_RATE)
    )
    ends = signs.groupby(["model_a", "layer_a"])["sign"].agg(["min", "max"])
    higher, lower = ends.index[ends["min"] > 0], ends.index[ends["max"] < 0]
    above, below = ({f"{name} ({part})" for name, part in found} for found in (higher, lower))
    return above, below


def _intervals(study: Study) -> Iterator[tuple[tuple[str, ...], tuple[str, str]]]:
    """By metric, model and layer: interval of rho-a, annotator equivalents."""
    if not study.has("measures"):
        return
    table = study.table("measures")
    texts = table["equivalents_text"].where(table["equivalents_text"] != "", f.MISSING)
    worth = texts.groupby([table[key] for key in ("measure", "metric", "model", "layer")]).first()
    known = with_intervals(table[table["measure"] == "rho_a"])
    for key, part in f.groups(known, "metric", "model", "layer"):
        own = worth.get(("cross_entropy", "", key[1], key[2]), f.MISSING)
        bracket = [worth.get((measure, *key), f.MISSING) for measure in ("rho_a", "spearman")]
        if set(bracket) == {"not available"}:
            own = bracket[0]
        elif set(bracket) != {f.MISSING}:
            own = f"{own} [{', '.join(bracket)}]"
        yield key, (f.between(part["low"].mean(), part["high"].mean()), own)


def interval_of(
    study: Study, measure: str, metric: str, model: str, layer: str, digits: int = 2
) -> str:
    """``95 % interval low to high`` of a measure, its ends the means over seeds; or nothing."""
    if not study.has("measures"):
        return ""
    rows = with_intervals(study.table("measures"))
    keys = {"measure": measure, "metric": metric, "model": model, "layer": layer}
    own = rows[np.logical_and.reduce([rows[key] == value for key, value in keys.items()])]
    if not len(own):
        return ""
    return f"95 % interval {f.between(own['low'].mean(), own['high'].mean(), digits)}"


def with_intervals(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the measures that have an interval."""
    return table[table["low"].notna()]


def measures(study: Study) -> dict[str, Any]:
    """Models with an interval, and those whose interval contains 0; why ceilings are missing."""
    table = study.table("measures")
    statuses = table.loc[table["measure"].isin(MEASURES), "ceiling_status"].unique()
    table = table[~table["model"].isin(ORACLES)]
    found = []
    for measure, what in (
        ("rho_a", "All pairs"),
        ("partial_label", "Label held constant"),
    ):
        part = with_intervals(table[table["measure"] == measure])
        zero = part[(part["low"] <= 0) & (part["high"] >= 0)]
        names = [f"{r.model} ({r.layer}, seed {r.seed})" for r in f.rows(zero)]
        if len(part):
            found.append((what, part, names))
    missing = [status for status in statuses if status]
    return {"names": MEASURES, "containing_zero": found, "missing": missing}


def layers(study: Study) -> dict[str, Any]:
    """Input, best and last stage of each network."""
    parts = []
    for _, part in f.groups(study.table("layers"), "metric", "model"):
        wanted = {part.index[0], part["value_mean"].idxmax(), part.index[-1]}
        parts.append(part[part.index.isin(wanted)])
    return {"shown": pd.concat(parts)}


def leaderboard(study: Study) -> dict[str, Any]:
    """Networks that cannot be told apart from the first, and how much choosing flatters."""
    table = study.table("leaderboard")
    if len(table) < 2:
        return {"tied": None, "flattered": 0.0}
    pairs = study.table("leaderboard-differences")
    first = table["model"].iloc[0]
    of_first = pairs[(pairs[["model_a", "model_b"]] == first).any(axis=1)]
    equal = of_first[~(of_first["p_adjusted"] <= FALSE_DISCOVERY_RATE)]
    names = {*equal["model_a"], *equal["model_b"]}
    tied = [name for name in table["model"] if name in names and name != first]
    return {"tied": tied, "flattered": float((table["best"] - table["score"]).max())}


def behaviour(study: Study) -> dict[str, Any]:
    """Classifiers, the baselines that predict the votes better than the best, all by name."""
    table = study.table("behaviour")
    models = table[~table["model"].isin(NO_CLASSIFIERS) & table["accuracy_mean"].notna()]
    known = table[table["model"].isin(ORACLES) & (table["model"] != "perfect")]
    better = known[known["cross_entropy_mean"] < models["cross_entropy_mean"].min()]
    ends = {
        model: interval_of(study, "entropy_spearman", "", model, "probabilities")
        for model in models["model"]
    }
    return {
        "models": models,
        "better": better,
        "other": table.set_index("model"),
        "entropies": {model: text for model, text in ends.items() if text},
        "of_class_mean": table.loc[table["model"] == "class_mean", "entropy_spearman_mean"].mean(),
    }


def differences(study: Study) -> dict[str, Any]:
    """Pairs of layers of networks, pairs with a baseline, and how many of each differ."""
    table = study.table("differences")
    baseline = table[["model_a", "model_b"]].isin(NO_NETWORKS).any(axis=1)
    parts = {"of layers of networks": table[~baseline], "with a baseline": table[baseline]}
    draws = study.table("measures")["n_draws"].max() if study.has("measures") else float("nan")
    return {
        "kinds_of_pairs": [
            (what, len(part), int((part["p_adjusted"] <= FALSE_DISCOVERY_RATE).sum()))
            for what, part in parts.items()
            if len(part)
        ],
        "least": 2.0 / (draws + 1.0),
    }


def calibration(study: Study) -> dict[str, Any]:
    """Range over the cells by method and outcome."""
    table = study.table("calibration")
    rows = [
        [*key, len(part), part["value"].min(), part["value"].max(), part["nominal"].iloc[0],
         int(part["outside"].sum()), int((part["explained"] != "").sum())]
        for key, part in f.groups(table[table["nominal"].notna()], "method", "outcome")
    ]  # fmt: skip
    columns = ["method", "outcome", "cells", "low", "high", "nominal", "outside", "explained"]
    return {"shown": pd.DataFrame(rows, columns=columns)}

"""Models against dissimilarities of annotators."""

from typing import Any

import numpy as np

from latent_microscope.report import formats as f
from latent_microscope.report.study import Study

LABEL = "true label"  # as in tables.dissimilarity, which imports scipy


def dissimilarity(study: Study) -> dict[str, Any]:
    """By metric: the best model, those that are not shown to be lower, those above the label."""
    table = study.table("dissimilarity")
    keys, rho = ["model", "metric"], table[table["method"] == "rho-a"]
    columns = {"spearman": ["value", "partial_label"], "pearson": ["value"]}
    shown = rho.drop(columns="partial_label").assign(above_label=rho["value"] - rho["label_only"])
    for method, names in columns.items():
        other = table[table["method"] == method].set_index(keys)[names]
        other = other.rename(columns={"value": method, "partial_label": "partial"})
        shown = shown.join(other, on=keys)
    pairs = _paired(study)
    at = zip(shown["metric"], shown["model"], strict=True)
    shown["p_label"] = [pairs.get((*key, LABEL), (0.0, np.nan))[1] for key in at]
    metrics = []
    for metric, part in f.groups(shown[shown["value"].notna()], "metric"):
        best, names = f.highest(part, part["value"]), list(part["model"])
        lower = {n for n in names if pairs.get((metric, best.model, n), (0.0, 1.0))[1] <= 0.05}
        higher = part[part["above_label"] > 0]
        clear = higher if not pairs else higher[higher["p_label"] <= 0.05]
        metrics.append(
            {
                "metric": metric,
                "best": best,
                "several": len(names) > 1,
                "known": bool(np.isfinite(best.low)),
                "labelled": bool(np.isfinite(best.label_only)),
                "equals": [n for n in names if pairs and n not in lower | {best.model}],
                "above": list(clear["model"]),
                "unclear": [n for n in higher["model"] if n not in set(clear["model"])],
            }
        )
    first = shown.iloc[0]
    whose = f"the {first['n_observers']} annotators"
    every = int(first["n_images"]) * (int(first["n_images"]) - 1) // 2
    return {
        "metrics": metrics,
        "tested": bool(pairs),
        "shown": shown.sort_values("value", ascending=False, kind="stable"),
        "first": first,
        "whose": whose if first["n_observers"] > 1 else "the human dissimilarities",
        "asked": every * int(first["n_observers"]),
        "unjudged": every - int(first["n_pairs"]),
    }


def _paired(study: Study) -> dict[tuple[str, str, str], tuple[float, float]]:
    """Difference and adjusted p by metric and two models, in both orders; empty without tests."""
    if not study.has("dissimilarity-differences"):
        return {}
    found = {}
    for row in f.rows(study.table("dissimilarity-differences")):
        found[row.metric, row.model_a, row.model_b] = (row.difference, row.p_adjusted)
        found[row.metric, row.model_b, row.model_a] = (-row.difference, row.p_adjusted)
    return found


def dissimilarity_differences(study: Study) -> dict[str, Any]:
    """How many pairs differ, the largest differences, whether the true label is in one of them."""
    table = study.table("dissimilarity-differences")
    if table.empty:
        return {"differing": 0, "largest": table, "labelled": False, "metrics": []}
    order = table["difference"].abs().sort_values(ascending=False, kind="stable").index
    return {
        "differing": int((table["p_adjusted"] <= 0.05).sum()),
        "largest": table.loc[order[:15]],
        "metrics": list(table["metric"].unique()),
        "labelled": bool((table["model_b"] == LABEL).any()),
    }


def dissimilarity_annotators(study: Study) -> dict[str, Any]:
    """Models by the number of annotators to whom they are the most similar, in the first metric."""
    table = study.table("dissimilarity-annotators")
    own = table[table["metric"] == table["metric"].iloc[0]]
    names = own["best_model"].value_counts()
    models = study.table("dissimilarity")["model"] if study.has("dissimilarity") else names.index
    ordered = [*names.index, *(m for m in dict.fromkeys(models) if m not in names.index)]
    return {"names": ordered, "best": int(names.iloc[0])}


def judged_cells(row: Any, labelled: bool) -> dict[str, str]:
    """Cells of a model by the title of their column, of what a study with these people can have."""
    one = row.n_observers < 2
    cells = {"model": row.model, "rho-a": f.number(row.value)}
    if not row.status:
        over = "95 % over images" + ("" if one else " and annotators")
        cells[over] = f.between(row.low, row.high)
        if not one:
            cells["over images"] = f.between(row.low_images, row.high_images)
        ends = f.between(row.low_annotators, row.high_annotators)
        cells["over annotators"] = row.annotators_status or ends
    if labelled:
        cells["above label"] = f.signed(row.above_label)
        if not row.status:
            cells["p (adjusted)"] = f.p_value(row.p_label)
    cells["Spearman"] = f.number(row.spearman)
    if labelled:
        cells["Spearman, label partialled out"] = f.number(row.partial)
    return cells | {"Pearson": f.number(row.pearson)}


def paired_cells(row: Any, metrics: list[str]) -> dict[str, str]:
    """The same of two models."""
    cells = {
        "model": row.model_a,
        "minus": row.model_b,
        "difference (95 %)": f.signed(row.difference, row.low, row.high),
        f"p ({row.correction.capitalize()})": f.p_value(row.p_adjusted),
    }
    if not row.annotators_status:
        cells["over images"] = f.between(row.low_images, row.high_images, sign="+")
        cells["p over images"] = f.p_value(row.p_images)
        cells["over annotators"] = f.between(row.low_annotators, row.high_annotators, sign="+")
        cells["p over annotators"] = f.p_value(row.p_annotators)
    return cells | ({"distances": row.metric} if len(metrics) > 1 else {})

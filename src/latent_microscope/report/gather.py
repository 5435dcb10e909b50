"""What the templates of the sections need beside the tables: selections, counts, summaries.

Each function is named as its template in the folder of templates.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from latent_microscope.published import CLUSTER_BIAS, CLUSTER_BIAS_SOURCE, ORACLES
from latent_microscope.report import formats as f
from latent_microscope.report.study import Study

# As in tables.forensics, tables.reliability, forensics.evaluation and forensics.reliability,
# which import scipy.
FALSE_DISCOVERY_RATE = 0.05
OURS = "detect_authentic"
MOSTLY_NOISE = 0.5
COLUMN_ORDER = "column order"
REASONS = dict.fromkeys(("uniqueness", "cls"), "FastICA ends elsewhere")
"""Why a score depends on the order of the columns."""
NO_CLASSIFIERS = ("human", "human_majority", "perfect", "uniform", *ORACLES)
MEASURES = {
    "rho_a": "rho-a, all pairs",
    "within_class_rho_a": "rho-a within a class",
    "spearman": "Spearman, all pairs",
    "partial_label": "Spearman, label partialled out",
    "cross_entropy": "cross-entropy to the votes",
}
NO_NETWORKS = (*ORACLES, "pixels")
FEWEST_CASES, FEWEST_PEOPLE = 20, 7
"""Samples with and without an attribute of a probe; people of a side of an odds ratio."""
LARGELY_PIXELS = 1.2
"""Standardised difference from which two groups hardly overlap: a ROC AUC of 0.8."""
QUANTITIES = {
    "active_dimensions": "active latent dimensions",
    "kl_total": "KL divergence per image, nats",
    "reconstruction_error_mean": "reconstruction error per image",
    "spearman_uniqueness_originality": "Spearman of uniqueness and originality",
    "spearman_stability_norm": "Spearman of stability and the norm of the latent",
    "stability_reliability": "draw-to-draw reliability of stability",
    "attractor_tie_share": "share of attractor densities that tie, published radius",
    "overlaps_total": "pairs with cosine similarity ≥ 0.99",
    "ica_converged": "ICA restarts that converged",
    "sbs_plane": "SBS, clusters of the UMAP",
    "clusters_plane": "clusters of the UMAP",
    "noise_plane": "share of noise on the UMAP",
    "sbs_cmax": "SBS, clusters in latent space (C_max)",
    "clusters_cmax": "clusters in latent space",
}


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


def forensics(study: Study) -> dict[str, Any]:
    """The quantities that are shown, in their order."""
    table = study.table("forensics")
    facts = table[table["quantity"].isin(QUANTITIES)]
    order = list(QUANTITIES).index
    facts = facts.sort_values("quantity", key=lambda names: names.map(order), kind="stable")
    return {"facts": facts, "quantities": QUANTITIES}


def reliability(study: Study) -> dict[str, Any]:
    """Rankings over VAEs that are mostly noise, that repeat, that the columns' order changes."""
    table = study.table("reliability")
    shown = table[table["pairs"] > 0]
    over_vaes = list(f.rows(shown[shown["over"] == "VAE seeds"]))
    noise = [
        f"{row.score} (its {row.list}: {f.percent(row.list_shared)} found again, chance "
        f"{f.percent(row.list_shared_chance)})"
        for row in over_vaes
        if row.status != "ok"
    ]
    good = [
        f"{row.score} ({f.percent(row.list_shared)} of its {row.list} found again, Spearman "
        f"{f.number(row.spearman_mean, 2)})"
        for row in over_vaes
        if row.status == "ok"
    ]
    other = shown[(shown["over"] == COLUMN_ORDER) & (shown["spearman_mean"] < 0.99)]
    moved = [
        f"{row.score} (Spearman {f.number(row.spearman_mean, 2)}, {f.percent(row.list_shared)} of "
        f"its {row.list} found again)"
        for row in f.rows(other)
    ]
    reasons = [REASONS[score] for score in other["score"] if score in REASONS]
    why = list(dict.fromkeys(reasons))
    return {"shown": shown, "noise": noise, "good": good, "moved": moved, "why": why}


def clusters(study: Study) -> dict[str, Any]:
    """Agreement by source, that over VAEs first, and its rows."""
    table = study.table("cluster-stability")
    table = table[table["ari_mean"].notna()]
    order = {"VAE seeds": 0, "UMAP seeds": 1, "resamples": 2}
    agreement = sorted(f.groups(table, "source"), key=lambda item: order.get(item[0], 3))
    return {"agreement": agreement, "agreed": table}


def bias(study: Study) -> dict[str, Any]:
    """Tests and survivors by group; the strongest; what all seeds have in common."""
    tests, found = study.table("bias-tests"), study.table("bias")
    tests = tests[tests["definition"] == "odds"]
    summary = pd.DataFrame(
        {
            "seed": seed,
            "group": group,
            "members": part["n_members"].iloc[0],
            "tested": _available(part),
            "p": int((part["p"] <= FALSE_DISCOVERY_RATE).sum()),
            "q": len(own),
            "q_seed": int((own["q_seed"] <= FALSE_DISCOVERY_RATE).sum()),
            **_strongest(own),
        }
        for (seed, group), part in f.groups(tests, "seed", "group")
        for own in [found[(found["seed"] == seed) & (found["group"] == group)]]
    )
    seeds = int(found["n_seeds"].iloc[0]) if len(found) else 0
    unstable = False
    if study.has("cluster-stability"):
        agreement = study.table("cluster-stability").set_index("source")["verdict"]
        unstable = agreement.get("VAE seeds") == "poor"
    return {
        "tests": tests,
        "tested": _available(tests),
        "tested_groups": int((summary["tested"] > 0).sum()) if len(summary) else 0,
        "found_tests": found,
        "summary": summary,
        "strongest": f.highest(found, found["cohens_h"].abs()).to_dict() if len(found) else {},
        "negligible": int((found["magnitude"] == "negligible").sum()),
        "seeds": seeds,
        "repeated": list(_repeated(found[found["seeds_found"] == seeds])),
        "unstable": unstable,
        "untestable": int((tests["status"] == "untestable").sum()),
        "pixels": largely_pixels(study),
    }


def _available(tests: pd.DataFrame) -> int:
    """How many tests there are, without those that the data do not allow."""
    return int((tests["q"].notna() & (tests["status"] != "untestable")).sum())


def cluster_pixels(study: Study) -> dict[str, Any]:
    """The strongest covariates of each group, and groups that are largely a matter of pixels."""
    table = study.table("cluster-pixels")
    found = table[table["q"] <= FALSE_DISCOVERY_RATE]
    shown = pd.DataFrame(
        {
            "seed": seed,
            "group": group,
            "members": part["n_members"].iloc[0],
            "tested": int(part["q"].notna().sum()),
            "q": len(own),
            "strongest": ", ".join(_difference(row) for row in f.rows(own.head(4))) or f.MISSING,
        }
        for (seed, group), part in f.groups(table, "seed", "group")
        for own in [found[(found["seed"] == seed) & (found["group"] == group)]]
    )
    return {
        "shown": shown,
        "tested_groups": int((shown["tested"] > 0).sum()),
        "found_pixels": found,
        "largely": largely_pixels(study),
        "untestable": int((table["status"] == "untestable").sum()),
    }


def largely_pixels(study: Study) -> list[str]:
    """Groups that one covariate of the pixels nearly tells from the rest, beyond chance."""
    if not study.has("cluster-pixels"):
        return []
    table = study.table("cluster-pixels")
    large = (table["q"] <= FALSE_DISCOVERY_RATE) & (table["d"].abs() >= LARGELY_PIXELS)
    best = table[large].sort_values("d", key=lambda d: -d.abs(), kind="stable")
    best = best.drop_duplicates(["seed", "group"])
    return [f"{row.group} of seed {row.seed} ({_difference(row)})" for row in f.rows(best)]


def _difference(row: Any) -> str:
    return f"{str(row.covariate).replace('_', ' ')} {f.signed(row.d, row.low, row.high, 2)}"


def pixel_correlations(study: Study) -> dict[str, Any]:
    """By score what all covariates explain, and those that go with it beyond chance."""
    table = study.table("pixel-correlations")
    found = table[table["q"] <= FALSE_DISCOVERY_RATE]
    shown = pd.DataFrame(
        {
            "seed": seed,
            "score": score,
            "explained": part["explained"].iloc[0],
            "strongest": ", ".join(
                f"{str(row.covariate).replace('_', ' ')} "
                f"{f.signed(row.spearman, row.low, row.high, 2)}"
                for row in f.rows(own.loc[own["spearman"].abs().sort_values()[::-1].index[:3]])
            )
            or f.MISSING,
        }
        for (seed, score), part in f.groups(table, "seed", "score")
        for own in [found[(found["seed"] == seed) & (found["score"] == score)]]
    )
    return {"shown": shown, "found_rows": found, "known": shown[shown["explained"].notna()]}


def correlations(study: Study) -> dict[str, Any]:
    """Whether covariates of images were held constant."""
    return {"held": _has(study.table("correlations"), "partial")}


def class_probes(study: Study) -> dict[str, Any]:
    """Whether covariates of images were held constant."""
    return {"held": _has(study.table("class-probes"), "balanced_partial")}


def _has(table: pd.DataFrame, column: str) -> bool:
    return column in table and bool(table[column].notna().any())


def untested(study: Study) -> list[str]:
    """Columns of the user's that no 0/1 attribute was made of, and why."""
    if not study.has("attributes"):
        return []
    table = study.table("attributes")
    return [f"{row.column} ({row.rule})" for row in f.rows(table[table["positives"].isna()])]


def _strongest(found: pd.DataFrame) -> dict[str, str]:
    """Three attributes of a group with their odds ratios, by direction."""
    return {
        way: ", ".join(
            f"{row.attribute} {f.ratio(row.estimate, row.low, row.high)}"
            for row in f.rows(found[found["direction"] == way].head(3))
        )
        or f.MISSING
        for way in ("over", "under")
    }


def _repeated(every: pd.DataFrame) -> Iterator[tuple[str, list[str]]]:
    """By kind of group: which attributes are over- and under-represented in each seed."""
    kinds = {"cluster": "some cluster", "sub-niche": "some sub-niche", "cmax": "C_max"}
    kind = every["group"].str.replace(r" \d+$", "", regex=True)
    for name, part in every.groupby(kind, sort=False):
        names = {
            way: sorted(set(part.loc[part["direction"] == way, "attribute"]))
            for way in ("over", "under")
        }
        said = [f"{way}-represented {f.listed(found, 6)}" for way, found in names.items() if found]
        yield kinds.get(str(name), str(name)), said


def published_bias(study: Study) -> dict[str, Any]:
    """The preprint's bars of its cluster 0 beside each of our clusters."""
    tests = study.table("bias-tests")
    tests = tests[(tests["definition"] == "odds") & tests["group"].str.startswith("cluster ")]
    shown = tests[tests["attribute"].isin(CLUSTER_BIAS)]
    if set(shown["attribute"]) != set(CLUSTER_BIAS):
        return {"clusters": []}
    published = [f"{value:.1f}" for value in CLUSTER_BIAS.values()]
    rows = [[f.MISSING, "cluster 0 of the preprint", f.MISSING, *published]]
    found = []
    for (seed, group), part in f.groups(shown, "seed", "group"):
        wanted = part["attribute"].map(CLUSTER_BIAS)
        inside = (part["low"] <= wanted) & (wanted <= part["high"]) & (part["q"] <= 0.05)
        found.append({"name": f"{group} of seed {seed}", "fits": bool(inside.all())})
        cells = [
            f"{row.estimate:.2f} ({row.low:.2f}–{row.high:.2f}), q {f.p_value(row.q)}"
            for row in f.rows(part.set_index("attribute").loc[list(CLUSTER_BIAS)])
        ]
        rows.append([str(seed), str(group), f"{part['n_members'].iloc[0]:,}", *cells])
    more = {"names": list(CLUSTER_BIAS), "source": CLUSTER_BIAS_SOURCE}
    return {"clusters": found, "rows": pd.DataFrame(rows), "seeds": shown["seed"].nunique(), **more}


def probes(study: Study) -> dict[str, Any]:
    """How often latents are better and worse than pixels; the best and the worst five."""
    table = study.table("probes")
    tested = table[table["q"].notna()]
    above = (tested["q"] <= FALSE_DISCOVERY_RATE) & (tested["auc_mean"] > tested["baseline"])
    clear = tested["gain_q"] <= FALSE_DISCOVERY_RATE
    known = table[table["auc_mean"].notna()]
    held = _has(table, "q_partial")
    beyond = tested[tested["q_partial"] <= FALSE_DISCOVERY_RATE] if held else tested[:0]
    return {
        "held": held,
        "beyond": int((beyond["auc_partial"] > beyond["baseline"]).sum()) if held else 0,
        "few": int((table["status"] == "few").sum()),
        "degenerate": int((table["status"] == "degenerate").sum()),
        "tested": len(tested),
        "above": int(above.sum()),
        "won": int((clear & (tested["gain_mean"] > 0)).sum()),
        "lost": int((clear & (tested["gain_mean"] < 0)).sum()),
        "pixels": int(tested[["gain_mean", "gain_q"]].notna().all(axis=1).sum()),
        "shown": pd.concat([known.head(5), known.tail(5)]) if len(known) > 10 else known,
    }


def class_status(status: str) -> str:
    """Why a probe of many classes has no interval."""
    return {
        "constant": "there is one class",
        "separated": "fewer than two classes have samples in two folds, or people",
        "few": "fewer than 20 samples or people, or of too unequal weight",
        "degenerate": "fewer than 5 right answers or errors",
    }[status]


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
    tested = _available(drawn)
    return {"seed": seed, "any": len(drawn) > 0, "tested": tested, "kept": len(kept)}

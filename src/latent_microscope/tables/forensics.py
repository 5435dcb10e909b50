"""Tables of the forensic half over runs: funnel, detectors, summary, bias, rank stability."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import join_by_id, load_table
from latent_microscope.io.inputs import by_run, load_scores
from latent_microscope.published import ALIGNED, DETECTORS, FUNNEL, FUNNEL_UNIQUENESS, PREPRINT
from latent_microscope.statistics.summaries import mean_sd, rank_correlation
from latent_microscope.tables.runs import over_runs, stack

_COUNTS = ["selected", "tp", "fp", "fn", "precision", "recall", "f1"]
_DETECTION = ["roc_auc", "average_precision", "average_precision_interpolations", "f1"]
FALSE_DISCOVERY_RATE = 0.05


def tabulate_funnel(
    *, funnels: list[In], methods: list[str], runs: list[int], views: list[str]
) -> pd.DataFrame:
    """Summarise the published funnel over runs, beside chance and the published table.

    Args:
        funnels: .parquet of the funnel of each run and method.
        methods: method of the sources of each.
        runs: number of the run of each.
        views: view of each.

    Returns:
        One row a view, method and configuration: ``<quantity>_mean``, ``<quantity>_sd``, ``n``
        (runs), ``baseline_precision`` (share of authentic samples: what a selection at random
        has), ``published_*`` and ``published_source`` where the preprint has that configuration.
        The mean precision is over runs that selected anything.
    """
    tables = [load_table(path) for path in funnels]
    table = stack(tables, {"view": views, "method": methods, "run": runs}, "funnels")
    by = ["view", "method", "uniqueness_percentile", "stability_percentile"]
    summary = over_runs(table, by, _COUNTS)
    base = table.groupby(by, sort=False)["prevalence"].mean().to_numpy()
    summary["baseline_precision"] = base
    rows = []
    for first, last in summary[by[2:]].itertuples(index=False):
        run = FUNNEL.get(last) if first == FUNNEL_UNIQUENESS else None
        rows.append(
            {
                "published_tp": np.nan if run is None else run.tp,
                "published_fp": np.nan if run is None else run.fp,
                "published_fn": np.nan if run is None else run.fn,
                "published_precision": np.nan if run is None else run.precision,
                "published_recall": np.nan if run is None else run.recall,
                "published_f1": np.nan if run is None else run.f1,
                "published_source": "" if run is None else f"{PREPRINT}: {run.name}",
            }
        )
    return pd.concat([summary, pd.DataFrame(rows)], axis=1)


def tabulate_detectors(
    *, detections: list[In], methods: list[str], runs: list[int], views: list[str]
) -> pd.DataFrame:
    """Summarise the detectors over runs, beside chance and what was measured earlier.

    Args:
        detections: .parquet of the detectors of each run and method.
        methods: method of the sources of each.
        runs: number of the run of each.
        views: view of each.

    Returns:
        One row a view, method and detector, best mean ROC AUC first within a view and method:
        ``<quantity>_mean``, ``<quantity>_sd``, ``n`` (runs), ``baseline_roc_auc`` (0.5),
        ``baseline_average_precision`` (share of authentic samples), ``earlier_roc_auc_low``,
        ``earlier_roc_auc_high`` and ``earlier_source``.
    """
    tables = [load_table(path) for path in detections]
    table = stack(tables, {"view": views, "method": methods, "run": runs}, "detections")
    by = ["view", "method", "detector"]
    summary = over_runs(table, by, _DETECTION)
    summary["baseline_roc_auc"] = 0.5
    summary["baseline_average_precision"] = (
        table.groupby(by, sort=False)["prevalence"].mean().to_numpy()
    )
    earlier = [DETECTORS.get(name, (np.nan, np.nan)) for name in summary["detector"]]
    summary["earlier_roc_auc_low"] = [low for low, _ in earlier]
    summary["earlier_roc_auc_high"] = [high for _, high in earlier]
    summary["earlier_source"] = [
        ALIGNED if name in DETECTORS else "" for name in summary["detector"]
    ]
    place = {pair: i for i, pair in enumerate(dict.fromkeys(zip(views, methods, strict=True)))}
    summary["place"] = [place[p] for p in zip(summary["view"], summary["method"], strict=True)]
    ordered = summary.sort_values(
        ["place", "roc_auc_mean"], ascending=[True, False], kind="stable", ignore_index=True
    )
    return ordered.drop(columns="place")


def tabulate_forensics(
    *,
    summaries: list[In],
    views: list[str],
    runs: list[int],
    dimensions: list[In] | None = None,
    sbs: list[In] | None = None,
) -> pd.DataFrame:
    """Summarise what is true of the latents and their scores over runs.

    Args:
        summaries: .parquet of quantity and value of each run.
        views: view of each run.
        runs: number of each run.
        dimensions: .parquet of the latent dimensions of each run, where they are a VAE's.
        sbs: .parquet of the stereotypical bias score of each run, where there are clusters.

    Returns:
        ``view``, ``quantity``, ``mean``, ``sd``, ``n``. Beside the summary's own quantities:
        ``active_dimensions``, ``kl_total`` (nats an image), ``sbs_<partition>``,
        ``clusters_<partition>``, ``noise_<partition>``.

    Raises:
        InputError: Not one table of each kind a run.
    """
    keys: dict[str, Sequence[object]] = {"view": views, "run": runs}
    stacked = stack([load_table(path) for path in summaries], keys, "summaries")
    parts = [stacked[["view", "run", "quantity", "value"]]]
    latent = [
        pd.DataFrame(
            {
                "quantity": ["active_dimensions", "kl_total"],
                "value": [float(table["active"].sum()), float(table["kl"].sum())],
            }
        )
        for table in map(load_table, dimensions or [])
    ]
    if latent:
        parts.append(stack(latent, keys, "dimensions"))
    if sbs:
        long = [_long_sbs(load_table(path)) for path in sbs]
        parts.append(stack(long, keys, "sbs"))
    table = pd.concat(parts, ignore_index=True)
    summary = mean_sd(table, ["view", "quantity"], ["value"]).drop(columns="value")
    order = {view: place for place, view in enumerate(dict.fromkeys(views))}
    place = summary["view"].map(order)
    return summary.iloc[np.argsort(place.to_numpy(), kind="stable")].reset_index(drop=True)


def _long_sbs(table: pd.DataFrame) -> pd.DataFrame:
    names = {"share": "sbs", "n_clusters": "clusters", "noise_share": "noise"}
    return pd.DataFrame(
        [
            {"quantity": f"{name}_{row['partition']}", "value": float(row[column])}
            for row in table.to_dict("records")
            for column, name in names.items()
        ]
    )


BIAS_COLUMNS = {
    "run": "int64",
    "group": "str",
    "n_members": "int64",
    "creative": "bool",
    "mean_cls": "float64",
    "attribute": "str",
    "direction": "str",
    "value": "float64",
    "status": "str",
    "estimate": "float64",
    "low": "float64",
    "high": "float64",
    "p": "float64",
    "q": "float64",
    "q_run": "float64",
    "risk_difference": "float64",
    "difference_low": "float64",
    "difference_high": "float64",
    "cohens_h": "float64",
    "magnitude": "str",
    "prevalence_members": "float64",
    "prevalence_rest": "float64",
    "runs_found": "int64",
    "n_runs": "int64",
}


def tabulate_bias(
    *, abis: list[In], profiles: list[In], runs: list[int]
) -> dict[str, pd.DataFrame]:
    """List the attributes that are over- or under-represented beyond chance, and all tests.

    By the odds ratio: direction over or under by the published limits, q at most 0.05
    (Benjamini–Hochberg over the attributes of a group), and an interval that leaves out 1, which
    the p of a zero cell alone does not make sure.

    Args:
        abis: .parquet of the attribute bias index of each run.
        profiles: .parquet of the cluster profile of each run.
        runs: number of each run.

    Returns:
        ``tests``: every attribute of every group of every run.
        ``table``: with :data:`BIAS_COLUMNS`, run by run and group by group, strongest first.
        ``mean_cls`` (NaN) and ``creative`` (False) are known of clusters of the plane only.
        ``runs_found``: runs in which any group of the same kind (cluster, cmax, sub-niche) shows
        the attribute in that direction, since clusters of different runs cannot be matched.
        Empty if nothing survives.

    Raises:
        InputError: Not one table of each kind a run.
    """
    table = stack([load_table(path) for path in abis], {"run": runs}, "abis")
    clusters = stack([load_table(path) for path in profiles], {"run": runs}, "profiles")
    clusters["group"] = "cluster " + clusters["cluster"].astype("str")
    found = table[
        (table["definition"] == "odds")
        & table["direction"].isin(["over", "under"])
        & (table["q"] <= FALSE_DISCOVERY_RATE)
        & ((table["low"] > 1.0) | (table["high"] < 1.0))
    ].reset_index(drop=True)
    facts = clusters[["run", "group", "mean_cls", "creative"]]
    found = found.merge(facts, on=["run", "group"], how="left", validate="many_to_one")
    found["creative"] = found["creative"].eq(True).fillna(False)
    kind = found["group"].str.replace(r" \d+$", "", regex=True)
    same = found.assign(kind=kind).groupby(["kind", "attribute", "direction"])["run"]
    found["runs_found"] = same.transform("nunique").astype("int64")
    found["n_runs"] = len(set(runs))
    groups = {key: i for i, key in enumerate(table[["run", "group"]].itertuples(index=False))}
    found["place"] = [groups[key] for key in found[["run", "group"]].itertuples(index=False)]
    found["strength"] = -np.abs(np.log(found["estimate"].astype("float64")))
    found = found.sort_values(["place", "strength"], kind="stable", ignore_index=True)
    return {"table": found[list(BIAS_COLUMNS)].astype(BIAS_COLUMNS), "tests": table}


def tabulate_rankings(
    *, scores: list[In], measured: list[str], runs: list[int], more: list[In] | None = None
) -> pd.DataFrame:
    """Correlate each score between all pairs of runs: how far they rank the same samples alike.

    Args:
        scores: .parquet of all scores of each run, over the same samples.
        measured: names of the scores.
        runs: number of each run.
        more: .parquet of each further score, run by run.

    Returns:
        One row a score: ``score``, ``mean``, ``sd`` (ddof 1) and ``n`` of the Spearman
        correlations of all pairs of runs; ``baseline`` 0 (unrelated rankings). With one run n is 0
        and the rest NaN.

    Raises:
        InputError: The runs are over different ids, or not one number a table.
    """
    if not scores or len(scores) != len(runs):
        raise InputError(f"{len(scores)} scores and {len(runs)} runs; give one of each a run")
    pairs = []
    tables = [
        load_scores(path, measured, further)
        for path, further in zip(scores, by_run(more, scores), strict=True)
    ]
    for (a, first), (b, second) in combinations(zip(runs, tables, strict=True), 2):
        both = join_by_id(
            first[["id", *measured]],
            second[["id", *measured]].rename(columns={name: f"{name}_b" for name in measured}),
            names=(f"scores of run {a}", f"scores of run {b}"),
        )
        pairs.append([rank_correlation(both[name], both[f"{name}_b"]) for name in measured])
    values = pd.DataFrame(pairs, columns=measured, dtype="float64")
    return pd.DataFrame(
        {
            "score": pd.Series(measured, dtype="str"),
            "mean": values.mean().to_numpy(),
            "sd": values.std(ddof=1).to_numpy(),
            "n": values.count().to_numpy(np.int64),
            "baseline": 0.0,
        }
    )

"""Tables of the forensic half over runs: funnel, detectors, summary, bias, rank stability."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import join_by_id
from latent_microscope.published import ALIGNED, DETECTORS, FUNNEL, FUNNEL_UNIQUENESS, PREPRINT
from latent_microscope.statistics.summaries import mean_sd, rank_correlation
from latent_microscope.tables.runs import over_runs, stack

_COUNTS = ["selected", "tp", "fp", "fn", "precision", "recall", "f1"]
_DETECTION = ["roc_auc", "average_precision", "average_precision_interpolations", "f1"]
_RANKED = [
    "uniqueness",
    "uniqueness_script",
    "uniqueness_notebook",
    "originality",
    "originality_script",
    "originality_notebook",
    "stability",
    "knn_density",
    "attractor_density",
    "attractor_density_adaptive",
    "norm",
    "cls",
    "detector_score",
]
FALSE_DISCOVERY_RATE = 0.05


def funnel_summary(
    funnels: Sequence[pd.DataFrame],
    methods: Sequence[str],
    runs: Sequence[int],
    views: Sequence[str],
) -> pd.DataFrame:
    """The funnel over runs, beside chance and the published table.

    Args:
        funnels: Funnel table of each run and method.
        methods: Method of the sources of each.
        runs: Number of the run of each.
        views: View of each.

    Returns:
        One row a view, method and configuration: ``<quantity>_mean``, ``<quantity>_sd``, ``n``
        (runs), ``baseline_precision`` (share of authentic samples: what a selection at random
        has), ``published_*`` and ``published_source`` where the preprint has that configuration.
        The mean precision is over runs that selected anything.
    """
    table = stack(funnels, {"view": views, "method": methods, "run": runs}, "funnels")
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


def detector_summary(
    detections: Sequence[pd.DataFrame],
    methods: Sequence[str],
    runs: Sequence[int],
    views: Sequence[str],
) -> pd.DataFrame:
    """Every detector over runs, beside chance and what was measured earlier.

    Args:
        detections: Detection table of each run and method.
        methods: Method of the sources of each.
        runs: Number of the run of each.
        views: View of each.

    Returns:
        One row a view, method and detector, best mean ROC AUC first within a view and method:
        ``<quantity>_mean``, ``<quantity>_sd``, ``n`` (runs), ``baseline_roc_auc`` (0.5),
        ``baseline_average_precision`` (share of authentic samples), ``earlier_roc_auc_low``,
        ``earlier_roc_auc_high`` and ``earlier_source``.
    """
    table = stack(detections, {"view": views, "method": methods, "run": runs}, "detections")
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


def forensic_summary(
    summaries: Sequence[pd.DataFrame],
    sbs: Sequence[pd.DataFrame],
    dimensions: Sequence[pd.DataFrame],
    views: Sequence[str],
    runs: Sequence[int],
) -> pd.DataFrame:
    """Quantities of the latents and their scores over runs.

    Args:
        summaries: ``quantity``, ``value`` of each run.
        sbs: SBS table of each run, or empty.
        dimensions: Table of the latent dimensions of each run, or empty (latents of no VAE).
        views: View of each run.
        runs: Number of each run.

    Returns:
        ``view``, ``quantity``, ``mean``, ``sd``, ``n``. Beside the summary's own quantities:
        ``active_dimensions``, ``kl_total`` (nats an image), ``sbs_<partition>``,
        ``clusters_<partition>``, ``noise_<partition>``.

    Raises:
        InputError: Not one table of each kind a run.
    """
    keys = {"view": views, "run": runs}
    parts = [stack(summaries, keys, "summaries")[["view", "run", "quantity", "value"]]]
    latent = [
        pd.DataFrame(
            {
                "quantity": ["active_dimensions", "kl_total"],
                "value": [float(table["active"].sum()), float(table["kl"].sum())],
            }
        )
        for table in dimensions
    ]
    if latent:
        parts.append(stack(latent, keys, "dimensions"))
    if sbs:
        long = [_long_sbs(table) for table in sbs]
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


def bias_summary(
    abis: Sequence[pd.DataFrame], profiles: Sequence[pd.DataFrame], runs: Sequence[int]
) -> pd.DataFrame:
    """Attributes that are over- or under-represented in a group beyond chance.

    By the odds ratio: direction over or under by the published limits, q at most 0.05
    (Benjamini–Hochberg over the attributes of a group), and an interval that leaves out 1, which
    the p of a zero cell alone does not make sure.

    Args:
        abis: ABI table of each run.
        profiles: Cluster profile of each run.
        runs: Number of each run.

    Returns:
        Table with :data:`BIAS_COLUMNS`, run by run and group by group, strongest first.
        ``mean_cls`` (NaN) and ``creative`` (False) are known of clusters of the plane only.
        ``runs_found``: runs in which any group of the same kind (cluster, cmax, sub-niche) shows
        the attribute in that direction, since clusters of different runs cannot be matched.
        Empty if nothing survives.

    Raises:
        InputError: Not one table of each kind a run.
    """
    table = stack(abis, {"run": runs}, "abis")
    clusters = stack(profiles, {"run": runs}, "profiles")
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
    return found[list(BIAS_COLUMNS)].astype(BIAS_COLUMNS)


def ranking_stability(scores: Sequence[pd.DataFrame], runs: Sequence[int]) -> pd.DataFrame:
    """How far two runs of the same model rank the same samples alike.

    Args:
        scores: Scores table of each run, over the same samples.
        runs: Number of each run.

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
    for (a, first), (b, second) in combinations(zip(runs, scores, strict=True), 2):
        both = join_by_id(
            first[["id", *_RANKED]],
            second[["id", *_RANKED]].rename(columns={name: f"{name}_b" for name in _RANKED}),
            names=(f"scores of run {a}", f"scores of run {b}"),
        )
        pairs.append([rank_correlation(both[name], both[f"{name}_b"]) for name in _RANKED])
    values = pd.DataFrame(pairs, columns=_RANKED, dtype="float64")
    return pd.DataFrame(
        {
            "score": pd.Series(_RANKED, dtype="str"),
            "mean": values.mean().to_numpy(),
            "sd": values.std(ddof=1).to_numpy(),
            "n": values.count().to_numpy(np.int64),
            "baseline": 0.0,
        }
    )

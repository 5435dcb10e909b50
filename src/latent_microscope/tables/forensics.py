"""Tables of the forensic half over seeds: funnel, detectors, summary, bias, rank stability."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import join_by_id, load_table
from latent_microscope.io.inputs import by_run, load_scores
from latent_microscope.published import ALIGNED, DETECTORS, FUNNEL, FUNNEL_UNIQUENESS, PREPRINT
from latent_microscope.statistics.summaries import over_runs, rank_correlation, stack

_COUNTS = ["selected", "tp", "fp", "fn", "precision", "recall", "f1"]
_DETECTION = ["roc_auc", "average_precision", "average_precision_interpolations", "f1"]
FALSE_DISCOVERY_RATE = 0.05


def tabulate_funnel(
    *, funnels: list[In], methods: list[str], seeds: list[int], crops: list[str]
) -> pd.DataFrame:
    """Summarise the published funnel over seeds, with chance and the published table.

    Args:
        funnels: .parquet of the funnel per seed and method.
        methods: method of the sources of each.
        seeds: seed of each.
        crops: crop of each.

    Returns:
        One row per crop, method and configuration: ``<quantity>_mean``, ``<quantity>_sd``, ``n``
        (seeds), ``baseline_precision`` (share of authentic samples: the precision of a random
        selection), ``published_*`` and ``published_source`` where the preprint has that
        configuration. The mean precision is over seeds that selected anything.
    """
    tables = [load_table(path) for path in funnels]
    table = stack(tables, {"crop": crops, "method": methods, "seed": seeds}, "funnels")
    by = ["crop", "method", "uniqueness_percentile", "stability_percentile"]
    summary = over_runs(table, by, _COUNTS)
    prevalence = table.groupby(by, sort=False)["prevalence"]
    summary["baseline_precision"] = prevalence.mean().to_numpy()
    published = [
        FUNNEL.get(last) if first == FUNNEL_UNIQUENESS else None
        for first, last in summary[by[2:]].itertuples(index=False)
    ]
    for name in _COUNTS[1:]:
        summary[f"published_{name}"] = [getattr(run, name, np.nan) for run in published]
    summary["published_source"] = [f"{PREPRINT}: {run.name}" if run else "" for run in published]
    return summary


def tabulate_detectors(
    *, detections: list[In], methods: list[str], seeds: list[int], crops: list[str]
) -> pd.DataFrame:
    """Summarise the detectors over seeds, with chance and reference values.

    Args:
        detections: .parquet of the detectors per seed and method.
        methods: method of the sources of each.
        seeds: seed of each.
        crops: crop of each.

    Returns:
        One row per crop, method and detector, best mean ROC AUC first within a crop and method:
        ``<quantity>_mean``, ``<quantity>_sd``, ``n`` (seeds), ``baseline_roc_auc`` (0.5),
        ``baseline_average_precision`` (share of authentic samples), ``reference_roc_auc_low``,
        ``reference_roc_auc_high`` and ``reference_source``.
    """
    tables = [load_table(path) for path in detections]
    table = stack(tables, {"crop": crops, "method": methods, "seed": seeds}, "detections")
    by = ["crop", "method", "detector"]
    summary = over_runs(table, by, _DETECTION)
    summary["baseline_roc_auc"] = 0.5
    prevalence = table.groupby(by, sort=False)["prevalence"]
    summary["baseline_average_precision"] = prevalence.mean().to_numpy()
    earlier = [DETECTORS.get(name, (np.nan, np.nan)) for name in summary["detector"]]
    summary["reference_roc_auc_low"] = [low for low, _ in earlier]
    summary["reference_roc_auc_high"] = [high for _, high in earlier]
    summary["reference_source"] = [ALIGNED if n in DETECTORS else "" for n in summary["detector"]]
    place = summary.groupby(["crop", "method"], sort=False).ngroup().to_numpy()
    order = np.lexsort((-summary["roc_auc_mean"].to_numpy(), place))
    return summary.iloc[order].reset_index(drop=True)


def tabulate_forensics(
    *,
    summaries: list[In],
    crops: list[str],
    seeds: list[int],
    dimensions: list[In] | None = None,
    sbs: list[In] | None = None,
) -> pd.DataFrame:
    """Summarise facts about the latents and their scores over seeds.

    Args:
        summaries: .parquet of quantity and value per seed.
        crops: crop of each.
        seeds: seed of each.
        dimensions: .parquet of the latent dimensions per seed, of VAEs.
        sbs: .parquet of the stereotypical bias score per seed, if there are clusters.

    Returns:
        ``crop``, ``quantity``, ``mean``, ``sd``, ``n``. Beside the summary's own quantities:
        ``active_dimensions``, ``kl_total`` (nats per image), ``sbs_<partition>``,
        ``clusters_<partition>``, ``noise_<partition>``.
    """
    keys: dict[str, Sequence[object]] = {"crop": crops, "seed": seeds}
    found = {"summaries": [load_table(path)[["quantity", "value"]] for path in summaries]}
    found["dimensions"] = [_latent_facts(load_table(path)) for path in dimensions or []]
    found["sbs"] = [_partition_facts(load_table(path)) for path in sbs or []]
    parts = [stack(t, keys, name) for name, t in found.items() if t or name == "summaries"]
    table = pd.concat(parts, ignore_index=True)
    groups = table.groupby(["crop", "quantity"], sort=False, dropna=False, observed=True)["value"]
    summary = groups.agg(mean="mean", sd="std", n="count").reset_index().astype({"n": "int64"})
    order = np.argsort(pd.factorize(summary["crop"])[0], kind="stable")
    return summary.iloc[order].reset_index(drop=True)


def _latent_facts(table: pd.DataFrame) -> pd.DataFrame:
    values = [float(table["active"].sum()), float(table["kl"].sum())]
    return pd.DataFrame({"quantity": ["active_dimensions", "kl_total"], "value": values})


def _partition_facts(table: pd.DataFrame) -> pd.DataFrame:
    names = {"share": "sbs", "n_clusters": "clusters", "noise_share": "noise"}
    rows = [
        (f"{name}_{row['partition']}", float(row[column]))
        for row in table.to_dict("records")
        for column, name in names.items()
    ]
    return pd.DataFrame(rows, columns=["quantity", "value"])


BIAS_COLUMNS = {
    "seed": "int64",
    "group": "str",
    "n_members": "int64",
    "creative": "bool",
    "mean_cls": "float64",
    "attribute": "str",
    "direction": "str",
    "value": "float64",
    "status": "str",
    **dict.fromkeys(("estimate", "low", "high", "p", "q", "q_seed"), "float64"),
    **dict.fromkeys(("risk_difference", "difference_low", "difference_high"), "float64"),
    "cohens_h": "float64",
    "magnitude": "str",
    "prevalence_members": "float64",
    "prevalence_rest": "float64",
    "seeds_found": "int64",
    "n_seeds": "int64",
}


def tabulate_bias(
    *, abis: list[In], profiles: list[In], seeds: list[int]
) -> dict[str, pd.DataFrame]:
    """List the attributes whose odds ratio differs from 1 beyond chance, and all tests.

    That is q at most 0.05 (Benjamini–Hochberg over the attributes of a group), whatever the
    direction by the published limits: a small effect is neutral by these, and found all the same.

    Args:
        abis: .parquet of the attribute bias index per seed.
        profiles: .parquet of the cluster profile per seed.
        seeds: seed of each.

    Returns:
        ``tests``: every attribute of every group of every seed.
        ``table``: with :data:`BIAS_COLUMNS`, by seed and group, strongest first. ``mean_cls`` (else
        NaN) and ``creative`` (else False) are known of clusters of the UMAP only. ``seeds_found``:
        seeds in which any group of the same kind (cluster, cmax, sub-niche) shows the attribute in
        that direction, since clusters of different seeds cannot be matched.
    """
    table = stack([load_table(path) for path in abis], {"seed": seeds}, "abis")
    clusters = stack([load_table(path) for path in profiles], {"seed": seeds}, "profiles")
    clusters["group"] = "cluster " + clusters["cluster"].astype("str")
    table["place"] = table.groupby(["seed", "group"], sort=False).ngroup()
    found = (table["definition"] == "odds") & (table["q"] <= FALSE_DISCOVERY_RATE)
    biased = table[found].reset_index(drop=True)
    facts = clusters[["seed", "group", "mean_cls", "creative"]]
    biased = biased.merge(facts, on=["seed", "group"], how="left", validate="many_to_one")
    biased["creative"] = biased["creative"].eq(True).fillna(False)
    kind = biased["group"].str.replace(r" \d+$", "", regex=True)
    same = biased.assign(kind=kind).groupby(["kind", "attribute", "direction"])["seed"]
    biased["seeds_found"] = same.transform("nunique").astype("int64")
    biased["n_seeds"] = len(set(seeds))
    biased["strength"] = -np.abs(np.log(biased["estimate"].astype("float64")))
    biased = biased.sort_values(["place", "strength"], kind="stable", ignore_index=True)
    tests = table.drop(columns="place")
    return {"table": biased[list(BIAS_COLUMNS)].astype(BIAS_COLUMNS), "tests": tests}


def tabulate_rankings(
    *, scores: list[In], measured: list[str], seeds: list[int], more: list[In] | None = None
) -> pd.DataFrame:
    """Correlate each score between all pairs of seeds: how similarly they rank the same samples.

    Args:
        scores: .parquet of all scores per seed, over the same samples.
        measured: names of the scores.
        seeds: seed of each.
        more: .parquet of each further score, seed by seed.

    Returns:
        One row per score: ``score``, ``mean``, ``sd`` (ddof 1) and ``n`` of the Spearman
        correlations of all pairs of seeds; ``baseline`` 0 (unrelated rankings). With one seed n is
        0 and the rest NaN.
    """
    if not scores or len(scores) != len(seeds):
        raise InputError(f"{len(scores)} scores and {len(seeds)} seeds; give one of each per seed")
    tables = [
        load_scores(path, measured, further)
        for path, further in zip(scores, by_run(more, scores), strict=True)
    ]
    pairs = []
    for (a, first), (b, second) in combinations(zip(seeds, tables, strict=True), 2):
        second = second.rename(columns={name: f"{name}_b" for name in measured})
        both = join_by_id(first, second, names=(f"scores of seed {a}", f"scores of seed {b}"))
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

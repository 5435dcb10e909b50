"""Detectors over the data seeds of every scenario; the funnel at parameters from other data."""

from collections import Counter

import numpy as np
import pandas as pd
from scipy.stats import t

from latent_microscope.arguments import In
from latent_microscope.forensics.evaluation import BASELINES, OURS
from latent_microscope.forensics.funnel import GRID, chosen_elsewhere
from latent_microscope.io.artefacts import load_table
from latent_microscope.statistics.summaries import over_runs, stack

MEASURES = (
    *("roc_auc", "average_precision", "average_precision_interpolations"),
    *("precision", "recall", "f1", "f1_oracle"),
)
COMPARED = ("average_precision_interpolations", "roc_auc", "f1")


def tabulate_comparison(
    *, by_seed: list[In], scenarios: list[str], seeds: list[int]
) -> pd.DataFrame:
    """Compare detectors on every scenario: mean, spread and paired difference to ours.

    Args:
        by_seed: comparison .parquet per data seed.
        scenarios: scenario of each.
        seeds: data seed of each.

    Returns:
        One row per scenario and detector: ``<measure>_mean``, ``_sd``, ``n``; ``collapsed``, the
        seeds of the scenario whose tables are empty since all latents are equal; ``f1_median``,
        ``f1_min``; ``prevalence``; for each of :data:`COMPARED` the mean over seeds of ours minus
        this one's ``<measure>_difference`` with its 95 % interval (t over seeds) ``…_low``,
        ``…_high`` (NaN for one seed); ``best_baseline``: the highest mean average precision for
        interpolations of all detectors that are not ours; within a scenario the highest first.
    """
    tables = [load_table(path) for path in by_seed]
    table = stack(tables, {"scenario": scenarios, "seed": seeds}, "comparisons")
    empty = Counter(name for name, part in zip(scenarios, tables, strict=True) if part.empty)
    by = ["scenario", "detector", "family"]
    summary = over_runs(table, by, MEASURES)
    groups = table.groupby(by, sort=False)
    summary["collapsed"] = [empty[name] for name in summary["scenario"]]
    summary["f1_median"] = groups["f1"].median().to_numpy()
    summary["f1_min"] = groups["f1"].min().to_numpy()
    summary["prevalence"] = groups["prevalence"].mean().to_numpy()
    ours = table[table["detector"] == OURS].set_index(["scenario", "seed"])
    keys = pd.MultiIndex.from_frame(table[["scenario", "seed"]])
    for measure in COMPARED:
        table["difference"] = ours[measure].reindex(keys).to_numpy() - table[measure].to_numpy()
        parts = [_mean_interval(part) for _, part in table.groupby(by, sort=False)["difference"]]
        names = [f"{measure}_difference{end}" for end in ("", "_low", "_high")]
        summary[names] = np.reshape(parts, (len(summary), len(names)))
    score = "average_precision_interpolations_mean"
    peers = summary[summary["family"].isin(BASELINES)]
    best = peers.loc[peers.groupby("scenario", sort=False)[score].idxmax()].index
    summary["best_baseline"] = summary.index.isin(best)
    order = np.lexsort((-summary[score].to_numpy(), pd.factorize(summary["scenario"])[0]))
    return summary.iloc[order].reset_index(drop=True)


def _mean_interval(values: pd.Series) -> tuple[float, float, float]:
    mean, n = float(values.mean()), int(values.count())
    half = float(t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n)) if n > 1 else np.nan
    return mean, mean - half, mean + half


def tabulate_search(*, by_seed: list[In], scenarios: list[str], seeds: list[int]) -> pd.DataFrame:
    """Tabulate the funnel at parameters chosen on the scenario's other data seeds.

    Args:
        by_seed: search .parquet per data seed.
        scenarios: scenario of each.
        seeds: data seed of each.

    Returns:
        One row per scenario and method of the sources: the configuration chosen most often (columns
        of the grid) and ``chosen`` (in how many of the ``n`` choices), ``f1_mean``, ``f1_sd``,
        ``precision_mean``, ``recall_mean`` …, ``f1_own_mean``: mean of the best F1 that any
        configuration has on the tested seed, ``f1_all_mean``: of calling everything authentic.
        Scenarios of one seed are left out.
    """
    tables = [load_table(path) for path in by_seed]
    measures = ["precision", "recall", "f1", "f1_own", "f1_all"]
    rows = []
    for scenario in dict.fromkeys(scenarios):
        here = [i for i, name in enumerate(scenarios) if name == scenario and not tables[i].empty]
        if len(here) < 2:
            continue
        for method in tables[here[0]]["method"].unique():
            parts = [tables[i][tables[i]["method"] == method].drop(columns="method") for i in here]
            parts = [part.reset_index(drop=True) for part in parts]
            chosen = chosen_elsewhere(parts, [seeds[i] for i in here])
            chosen["f1"] = chosen["f1"].fillna(0.0)
            head = {"scenario": scenario, "method": method}
            most_frequent = chosen.value_counts(list(GRID)).reset_index(name="chosen").iloc[0]
            summary = over_runs(chosen.assign(**head), ["method"], measures).iloc[0]
            rows.append(head | most_frequent.to_dict() | summary.drop("method").to_dict())
    table = pd.DataFrame.from_records(rows)
    return table.astype(dict.fromkeys(["scenario", "method", "variant"], "str")) if rows else table

"""Detectors over the runs of every setting, and the funnel at parameters chosen on other data."""

from collections import Counter

import numpy as np
import pandas as pd
from scipy.stats import t

from latent_microscope.arguments import In
from latent_microscope.forensics.evaluation import OURS, PEERS
from latent_microscope.forensics.funnel import GRID, chosen_elsewhere
from latent_microscope.io.artefacts import load_table
from latent_microscope.tables.runs import over_runs, stack

MEASURES = (
    "roc_auc",
    "average_precision",
    "average_precision_interpolations",
    "precision",
    "recall",
    "f1",
    "f1_oracle",
)
COMPARED = ("average_precision_interpolations", "roc_auc", "f1")


def tabulate_comparison(
    *, runs_found: list[In], settings: list[str], seeds: list[int]
) -> pd.DataFrame:
    """Compare detectors on every setting: mean, spread and paired difference to ours.

    Args:
        runs_found: comparison .parquet of each run.
        settings: setting of each run.
        seeds: data seed of each run.

    Returns:
        One row a setting and detector: ``<measure>_mean``, ``_sd``, ``n``; ``collapsed``, the
        runs of the setting whose tables are empty since all latents are equal; ``f1_median``,
        ``f1_min``; ``prevalence``; for each of :data:`COMPARED` the mean over seeds of ours minus
        this one's ``<measure>_difference`` with its 95 % interval (t over seeds) ``…_low``,
        ``…_high`` (NaN for one seed); ``best_peer``: the highest mean average precision for
        interpolations of all detectors that are not ours; within a setting the highest first.
    """
    tables = [load_table(path) for path in runs_found]
    table = stack(tables, {"setting": settings, "seed": seeds}, "comparisons")
    empty = Counter(name for name, part in zip(settings, tables, strict=True) if part.empty)
    by = ["setting", "detector", "family"]
    summary = over_runs(table, by, MEASURES)
    groups = table.groupby(by, sort=False)
    summary["collapsed"] = summary["setting"].map(lambda name: empty[name]).astype("int64")
    summary["f1_median"] = groups["f1"].median().to_numpy()
    summary["f1_min"] = groups["f1"].min().to_numpy()
    summary["prevalence"] = groups["prevalence"].mean().to_numpy()
    ours = table[table["detector"] == OURS].set_index(["setting", "seed"])
    for measure in COMPARED:
        own = ours[measure].reindex(pd.MultiIndex.from_frame(table[["setting", "seed"]]))
        table["difference"] = own.to_numpy() - table[measure].to_numpy()
        parts = [_mean_interval(part) for _, part in table.groupby(by, sort=False)["difference"]]
        for name, values in zip(("", "_low", "_high"), zip(*parts, strict=True), strict=True):
            summary[f"{measure}_difference{name}"] = values
    score = "average_precision_interpolations_mean"
    peers = summary[summary["family"].isin(PEERS)]
    best = peers.loc[peers.groupby("setting", sort=False)[score].idxmax()].index
    summary["best_peer"] = summary.index.isin(best)
    place = {name: i for i, name in enumerate(dict.fromkeys(settings))}
    summary["place"] = summary["setting"].map(place)
    ordered = summary.sort_values(
        ["place", score], ascending=[True, False], kind="stable", ignore_index=True
    )
    return ordered.drop(columns="place")


def _mean_interval(values: pd.Series) -> tuple[float, float, float]:
    mean, n = float(values.mean()), int(values.count())
    if n < 2:
        return mean, np.nan, np.nan
    half = float(t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return mean, mean - half, mean + half


def tabulate_search(*, runs_found: list[In], settings: list[str], seeds: list[int]) -> pd.DataFrame:
    """Tabulate the funnel at parameters chosen on the setting's other data seeds.

    Args:
        runs_found: search .parquet of each run.
        settings: setting of each run.
        seeds: data seed of each run.

    Returns:
        One row a setting and method of the sources: the configuration chosen most often (columns
        of the grid) and ``chosen`` (in how many of the ``n`` choices), ``f1_mean``, ``f1_sd``,
        ``precision_mean``, ``recall_mean`` …, ``f1_own_mean``: mean of the best F1 that any
        configuration has on that very run, ``f1_all_mean``: of calling everything authentic.
        Settings of one seed are left out.
    """
    tables = [load_table(path) for path in runs_found]
    rows = []
    for setting in dict.fromkeys(settings):
        runs = [i for i, name in enumerate(settings) if name == setting and not tables[i].empty]
        if len(runs) < 2:
            continue
        for method in tables[runs[0]]["method"].unique():
            parts = [
                tables[i][tables[i]["method"] == method]
                .drop(columns="method")
                .reset_index(drop=True)
                for i in runs
            ]
            chosen = chosen_elsewhere(parts, [seeds[i] for i in runs])
            chosen["f1"] = chosen["f1"].fillna(0.0)
            counts = chosen.value_counts(list(GRID)).reset_index(name="chosen")
            measures = ["precision", "recall", "f1", "f1_own", "f1_all"]
            summary = over_runs(chosen.assign(method=method), ["method"], measures).iloc[0]
            rows.append(
                {
                    "setting": setting,
                    "method": method,
                    **{str(key): value for key, value in counts.iloc[0].items()},
                    **{str(key): value for key, value in summary.drop("method").items()},
                }
            )
    names = ["setting", "method", "variant"]
    table = pd.DataFrame.from_records(rows)
    return table.astype(dict.fromkeys(names, "str")) if len(table) else table

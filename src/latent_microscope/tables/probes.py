"""Linear probes of a study over its runs."""

import pandas as pd

from latent_microscope.arguments import In
from latent_microscope.io.artefacts import load_table
from latent_microscope.tables.runs import over_runs, stack


def tabulate_probes(*, probes: list[In], runs: list[int]) -> pd.DataFrame:
    """Summarise what linear probes read off the latents over runs: every attribute, best first.

    Args:
        probes: .parquet of the probes of each run.
        runs: number of each.

    Returns:
        One row an attribute: ``prevalence``, ``auc_mean``, ``auc_sd``, ``low`` and ``high`` (means
        over runs of the 95 % interval's ends: of sampling people, not of training), ``q`` (the
        largest of the runs), ``auc_pixels`` and ``auc_colour``, ``gain_mean``, ``gain_sd``,
        ``gain_low``, ``gain_high``, ``gain_q`` (as above), ``baseline`` 0.5, ``n`` (runs),
        ``positives``, ``images``, ``status``.

    Raises:
        InputError: Not one table a run.
    """
    table = stack([load_table(path) for path in probes], {"run": runs}, "probes")
    summary = over_runs(table, ["attribute"], ["auc", "gain"])
    groups = table.groupby("attribute", sort=False)
    columns = {
        name: groups[name].mean().to_numpy()
        for name in ("low", "high", "auc_pixels", "auc_colour", "gain_low", "gain_high", "baseline")
    }
    for name in ("q", "gain_q"):
        columns[name] = groups[name].max().to_numpy()
    for name in ("positives", "status"):
        columns[name] = groups[name].first().to_numpy()
    columns["images"] = groups["n"].first().to_numpy()
    summary = summary.assign(**columns)
    summary["prevalence"] = summary["positives"] / summary["images"]
    summary = summary.sort_values(
        ["auc_mean", "attribute"], ascending=[False, True], ignore_index=True
    )
    order = [
        "attribute", "prevalence", "auc_mean", "auc_sd", "low", "high", "q", "auc_pixels",
        "auc_colour", "gain_mean", "gain_sd", "gain_low", "gain_high", "gain_q", "baseline", "n",
        "positives", "images", "status",
    ]  # fmt: skip
    return summary[order].astype({"attribute": "str", "status": "str"})

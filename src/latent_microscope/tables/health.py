"""Health of a study's VAEs over its runs."""

import logging

import numpy as np
import pandas as pd

from latent_microscope.arguments import In
from latent_microscope.io.artefacts import load_table
from latent_microscope.tables.runs import stack

log = logging.getLogger("latent_microscope")
_WORST = ("ok", "warning", "alarm")


def tabulate_health(*, healths: list[In], views: list[str], runs: list[int]) -> pd.DataFrame:
    """Put the checks of all runs together: values, the worst status, and what to do.

    What is not ok is logged as a warning.

    Args:
        healths: .parquet of the checks of each run.
        views: view of each.
        runs: number of each.

    Returns:
        One row a view and check, in their order: ``mean``, ``sd`` (ddof 1), ``min``, ``max``,
        ``n``, the limits, ``status`` (the worst of the runs), ``runs_not_ok`` (their numbers),
        ``meaning``, ``action``.

    Raises:
        InputError: Not one table a run.
    """
    tables = [load_table(path) for path in healths]
    table = stack(tables, {"view": views, "run": runs}, "healths")
    rows = []
    for (view, check), part in table.groupby(["view", "check"], sort=False):
        values = part["value"].to_numpy(float)
        worst = max(part["status"], key=_WORST.index)
        first = part[part["status"] == worst].iloc[0]
        rows.append(
            {
                "view": view,
                "check": check,
                "status": worst,
                "mean": values.mean(),
                "sd": values.std(ddof=1) if len(values) > 1 else np.nan,
                "min": values.min(),
                "max": values.max(),
                "n": len(values),
                "warning": first["warning"],
                "alarm": first["alarm"],
                "bad": first["bad"],
                "runs_not_ok": " ".join(str(r) for r in part["run"][part["status"] != "ok"]),
                "meaning": first["meaning"],
                "action": first["action"],
            }
        )
    texts = ("view", "check", "status", "bad", "runs_not_ok", "meaning", "action")
    result = pd.DataFrame(rows).astype(dict.fromkeys(texts, "str"))
    for row in result[result["status"] != "ok"].to_dict("records"):
        log.warning(
            "%s (view %s, runs %s): %s: %s",
            row["status"], row["view"], row["runs_not_ok"], row["check"], row["action"],
        )  # fmt: skip
    return result

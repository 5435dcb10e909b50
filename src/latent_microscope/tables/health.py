"""Health of a study's VAEs over its runs."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from latent_microscope.tables.runs import stack

_WORST = ("ok", "warning", "alarm")


def health_summary(
    healths: Sequence[pd.DataFrame], views: Sequence[str], runs: Sequence[int]
) -> pd.DataFrame:
    """Every check over the runs: values, the worst status, and what to do.

    Args:
        healths: Table of :func:`latent_microscope.models.diagnostics.health_table` of each run.
        views: View of each.
        runs: Number of each.

    Returns:
        One row a view and check, in their order: ``mean``, ``sd`` (ddof 1), ``min``, ``max``,
        ``n``, the limits, ``status`` (the worst of the runs), ``runs_not_ok`` (their numbers),
        ``meaning``, ``action``.

    Raises:
        InputError: Not one table a run.
    """
    table = stack(healths, {"view": views, "run": runs}, "healths")
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
    return pd.DataFrame(rows).astype(dict.fromkeys(texts, "str"))

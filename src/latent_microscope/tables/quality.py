"""Tables of the quality of a study's latents: diagnostics of the VAEs, linear probes."""

import logging

import numpy as np
import pandas as pd

from latent_microscope.arguments import In
from latent_microscope.io.artefacts import load_table
from latent_microscope.statistics.summaries import over_runs, stack

log = logging.getLogger("latent_microscope")
_WORST = ("ok", "warning", "alarm")
_CLASS_PROBES = [
    *("attribute", "classes", "tested_classes", "samples", "tested", "accuracy_mean"),
    *("accuracy_sd", "low", "high", "majority", "accuracy_pixels", "balanced_mean", "balanced_sd"),
    *("balanced_low", "balanced_high", "chance", "balanced_pixels", "q", "n", "status"),
    *("accuracy_covariates", "accuracy_partial", "balanced_covariates", "balanced_partial"),
]
_PROBES = [
    *("attribute", "prevalence", "auc_mean", "auc_sd", "low", "high", "q", "auc_pixels"),
    *("auc_colour", "gain_mean", "gain_sd", "gain_low", "gain_high", "gain_q", "baseline", "n"),
    *("positives", "images", "status", "auc_covariates", "auc_partial", "low_partial"),
    *("high_partial", "q_partial"),
]


def tabulate_diagnostics(
    *, diagnostics: list[In], crops: list[str], seeds: list[int]
) -> pd.DataFrame:
    """Summarise the checks of the VAEs over seeds: values, the worst status, and what to do.

    What is not ok is logged as a warning.

    Args:
        diagnostics: .parquet of the checks per seed.
        crops: crop of each.
        seeds: seed of each.

    Returns:
        One row per crop and check, in their order: ``crop``, ``check``, ``status`` (the worst of
        the seeds), ``mean``, ``sd`` (ddof 1), ``min``, ``max``, ``n``, the limits ``warning`` and
        ``alarm``, ``bad``, ``seeds_not_ok`` (their numbers), ``meaning``, ``action``.
    """
    tables = [load_table(path) for path in diagnostics]
    table = stack(tables, {"crop": crops, "seed": seeds}, "diagnostics")
    rows = []
    for (crop, check), part in table.groupby(["crop", "check"], sort=False):
        worst = max(part["status"], key=_WORST.index)
        first = part[part["status"] == worst].iloc[0]
        values = part["value"].to_numpy(float)
        rows.append(
            {
                "crop": crop,
                "check": check,
                "status": worst,
                "mean": values.mean(),
                "sd": values.std(ddof=1) if len(values) > 1 else np.nan,
                "min": values.min(),
                "max": values.max(),
                "n": len(values),
                **first[["warning", "alarm", "bad"]],
                "seeds_not_ok": " ".join(str(r) for r in part["seed"][part["status"] != "ok"]),
                **first[["meaning", "action"]],
            }
        )
    texts = ("crop", "check", "status", "bad", "seeds_not_ok", "meaning", "action")
    result = pd.DataFrame(rows).astype(dict.fromkeys(texts, "str"))
    for row in result[result["status"] != "ok"].to_dict("records"):
        where = f"crop {row['crop']}, seeds {row['seeds_not_ok']}"
        log.warning("%s (%s): %s: %s", row["status"], where, row["check"], row["action"])
    return result


def tabulate_class_probes(*, probes: list[In], seeds: list[int]) -> pd.DataFrame:
    """Summarise the probes of attributes of three classes or more over seeds.

    Args:
        probes: .parquet of the probes per seed.
        seeds: seed of each.

    Returns:
        One row per attribute: ``classes``, ``tested_classes``, ``samples``, ``tested`` (samples),
        ``accuracy_mean``, ``accuracy_sd``, ``low`` and ``high`` (means over seeds of the 95 %
        interval's ends), ``majority``, ``accuracy_pixels``, the same of ``balanced``, with
        ``chance``, ``q`` (the largest of the seeds), ``n`` (seeds), ``status``; from the covariates
        of the images, and from the latents without these, ``accuracy_covariates``,
        ``accuracy_partial``, ``balanced_covariates``, ``balanced_partial``.
    """
    table = stack([load_table(path) for path in probes], {"seed": seeds}, "class probes")
    table = table.rename(columns={"n": "samples"})
    summary = over_runs(table, ["attribute"], ["accuracy", "balanced"])
    means = ("low", "high", "majority", "accuracy_pixels", "balanced_low", "balanced_high")
    rules = dict.fromkeys((*means, "chance", "balanced_pixels", *_CLASS_PROBES[-4:]), "mean")
    rules |= {"q": "max"}
    first = ("classes", "tested_classes", "samples", "tested", "status")
    summary = _with_rest(summary, table, rules | dict.fromkeys(first, "first"))
    return summary[_CLASS_PROBES].astype({"attribute": "str", "status": "str"})


def _with_rest(summary: pd.DataFrame, table: pd.DataFrame, rules: dict[str, str]) -> pd.DataFrame:
    """The summary by attribute with further columns, one rule of summary each; also if empty."""
    groups = table.groupby("attribute", sort=False)
    return summary.assign(**{n: groups[n].agg(rule).to_numpy() for n, rule in rules.items()})


def tabulate_probes(*, probes: list[In], seeds: list[int]) -> pd.DataFrame:
    """Summarise the linear probes of the latents over seeds: every attribute, best first.

    Args:
        probes: .parquet of the probes per seed.
        seeds: seed of each.

    Returns:
        One row per attribute: ``prevalence``, ``auc_mean``, ``auc_sd``, ``low`` and ``high`` (means
        over seeds of the 95 % interval's ends: of sampling people, not of training VAEs), ``q``
        (the largest of the seeds), ``auc_pixels`` and ``auc_colour``, ``gain_mean``, ``gain_sd``,
        ``gain_low``, ``gain_high``, ``gain_q`` (as above), ``baseline`` 0.5, ``n`` (seeds),
        ``positives``, ``images``, ``status``; of the covariates of the images ``auc_covariates``,
        of the latents without what is linear in these ``auc_partial``, ``low_partial``,
        ``high_partial`` and ``q_partial`` (as above).
    """
    table = stack([load_table(path) for path in probes], {"seed": seeds}, "probes")
    table = table.rename(columns={"n": "images"})
    summary = over_runs(table, ["attribute"], ["auc", "gain"])
    means = ["low", "high", "auc_pixels", "auc_colour", "gain_low", "gain_high", "baseline"]
    means += ["auc_covariates", "auc_partial", "low_partial", "high_partial"]
    rules = dict.fromkeys(means, "mean") | dict.fromkeys(("q", "gain_q", "q_partial"), "max")
    rules |= dict.fromkeys(("positives", "status", "images"), "first")
    summary = _with_rest(summary, table, rules)
    summary["prevalence"] = summary["positives"] / summary["images"]
    best_first = summary.sort_values(
        ["auc_mean", "attribute"], ascending=[False, True], ignore_index=True
    )
    return best_first[_PROBES].astype({"attribute": "str", "status": "str"})

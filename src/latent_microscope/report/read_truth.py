"""Plain readings of studies with a ground truth, and of simulated studies."""

from collections.abc import Iterator

import pandas as pd

from latent_microscope.report.blocks import Reading, Study
from latent_microscope.report.cells import highest, listed, percent, rows_of, spread
from latent_microscope.report.limits import OURS
from latent_microscope.report.simulations import SHOWN_ODDS_RATIO

_AP = "average_precision_interpolations"


def funnel(study: Study) -> Iterator[Reading]:
    """Whether the funnel beats picking at random."""
    table = study.table("funnel")
    for view, part in table.groupby("view", sort=False):
        where = "" if len(set(table["view"])) == 1 else f"View {view}: "
        base = part["baseline_precision"].iloc[0]
        best = highest(part, part["f1_mean"])
        above = int((part["precision_mean"] > base).sum())
        if above:
            text = f"{where}{above} of {len(part)} configurations select more precisely than chance"
        else:
            text = f"{where}no configuration selects more precisely than chance"
        text = text[0].upper() + text[1:]
        text += f" (a random choice is right {percent(base)} of the time)."
        if part["tp_mean"].max() == 0:
            text += " None of them selects a single authentic sample."
        else:
            text += (
                f" The best F1 is {percent(best['f1_mean'])}: {best['tp_mean']:.1f} authentic and "
                f"{best['fp_mean']:.1f} wrong samples selected on average."
            )
        yield Reading(text, "funnel")


def detectors(study: Study) -> Iterator[Reading]:
    """Best, and which rank the wrong way round."""
    table = study.table("detectors")
    table = table[table["method"] == "intended"]
    for view, part in table.groupby("view", sort=False):
        where = "" if len(set(table["view"])) == 1 else f"View {view}: "
        best = highest(part, part["roc_auc_mean"])
        wrong = part[part["roc_auc_mean"] < part["baseline_roc_auc"] - 0.1]
        named = sorted(wrong["detector"], key=list(part["detector"]).index)
        text = (
            f"{where}{best['detector']} separates authentic samples from interpolations best "
            f"(area under the curve {spread(best['roc_auc_mean'], best['roc_auc_sd'])}; chance "
            f"{best['baseline_roc_auc']:.1f})."
        )
        if len(named):
            text += (
                f" {len(named)} of {len(part)} scores rank the wrong way round, authentic samples "
                f"last: {listed(named, 6)}."
            )
        yield Reading(text, "detectors")


def comparison(study: Study) -> Iterator[Reading]:
    """Our detector against the best of the others, with intervals."""
    table = study.table("comparison")
    better: list[str] = []
    worse: list[str] = []
    level: list[str] = []
    for setting, part in table.groupby("setting", sort=False):
        best = part[part["best_peer"]].iloc[0]
        low, high = best[f"{_AP}_difference_low"], best[f"{_AP}_difference_high"]
        place = better if low > 0 else worse if high < 0 else level
        place.append(str(setting))
    said = [
        f"{word} on {listed(names, 9)}"
        for word, names in (
            ("better", better),
            ("worse", worse),
            ("not told apart from it (the interval holds 0)", level),
        )
        if names
    ]
    yield Reading(
        f"{OURS} beside the best of all others, chosen after the fact, average precision of the "
        f"interpolations: {'; '.join(said)}.",
        "comparison",
    )


def search(study: Study) -> Iterator[Reading]:
    """Whether any parameters save the funnel."""
    table = study.table("search")
    above = table[table["f1_mean"] > table["f1_all_mean"]]
    yield Reading(
        f"With the best parameters of the other seeds, the funnel beats calling everything "
        f"authentic in {len(above) or 'none'} of {len(table)} rows (best F1 "
        f"{table['f1_mean'].max():.3f}, everything {table['f1_all_mean'].max():.3f}).",
        "search",
    )


def false_alarms(study: Study) -> Iterator[Reading]:
    """Whether the procedure keeps its level."""
    table = study.table("null")
    required = table[table["required"]]
    bad = required[~required["passes"]]
    runs = int(table["runs"].iloc[0])
    if len(bad):
        text = f"{len(bad)} of {len(required)} required settings exceed their limit: "
        text += listed([f"{r.scenario} ({percent(r.share)})" for r in rows_of(bad)], 4)
    else:
        text = (
            f"With nothing to find, at most {percent(required['share'].max())} of {runs:,} "
            f"simulated studies show any rejection (limit {percent(required['limit'].max())})"
        )
    yield Reading(text + ".", "null")
    ignored = table[~table["required"]]
    if len(ignored):
        yield Reading(
            f"Ignoring that images share people would give {percent(ignored['share'].max())}.",
            "null",
        )


def coverage(study: Study) -> Iterator[Reading]:
    """Whether the intervals hold what they promise."""
    table = study.table("coverage")
    bad = int((~table["passes"]).sum())
    low, high = table["coverage"].min(), table["coverage"].max()
    text = f"The 95 % intervals hold the truth in {percent(low)} to {percent(high)} of the studies"
    kept = "all settings are" if not bad else f"{bad} of {len(table)} settings are not"
    yield Reading(f"{text}; {kept} within the band that was required.", "coverage")


def power(study: Study) -> Iterator[Reading]:
    """From which size on an effect is found."""
    table = study.table("power")
    shown = table[table["odds_ratio"] == SHOWN_ODDS_RATIO]
    if not len(shown):
        return
    found = shown[shown["adjusted"] >= 0.8]
    if len(found):
        first = found.sort_values(["members", "prevalence"]).iloc[0]
        text = (
            f"an odds ratio of {SHOWN_ODDS_RATIO} is found in at least 80 % of the studies after "
            f"correction from {first['members']:,} members and a prevalence of "
            f"{percent(first['prevalence'])} on"
        )
    else:
        text = (
            f"an odds ratio of {SHOWN_ODDS_RATIO} is found in {percent(shown['adjusted'].max())} "
            "of the studies at best"
        )
    least = pd.Series(shown["adjusted"]).min()
    yield Reading(
        f"{text[0].upper()}{text[1:]}; in the smallest groups in {percent(least)}: that nothing is "
        "found in a small cluster does not say that nothing is there.",
        "power",
    )

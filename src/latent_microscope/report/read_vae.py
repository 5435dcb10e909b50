"""Plain readings of a VAE's tables: health, facts, what of a ranking repeats."""

from collections.abc import Iterator

import pandas as pd

from latent_microscope.report.blocks import Reading, Study
from latent_microscope.report.cells import counted, highest, listed, number, percent, rows_of

_NEARLY_A_FUNCTION = 0.8
_TIES = 0.5


def health(study: Study) -> Iterator[Reading]:
    """Whether the scores of these VAEs may be read at all."""
    table = study.table("health")
    bad = table[table["status"] != "ok"]
    alarms = table[table["status"] == "alarm"]
    views = len(set(table["view"]))
    if not len(bad):
        of = "" if views == 1 else f" of {views} views"
        yield Reading(
            f"All {len(table)} checks{of} are within their limits in every run: nothing speaks "
            "against reading the scores of this latent space.",
            "health",
        )
    elif len(alarms):
        yield Reading(
            f"Alarm: {counted(len(alarms), 'check')} of {len(table)} failed. Scores, clusters and "
            "bias of the runs concerned should not be read.",
            "health",
        )
    else:
        yield Reading(
            f"{len(bad)} of {len(table)} checks warn; read what follows with that in mind.",
            "health",
        )
    for row in rows_of(bad):
        seeds = f", seed {row.runs_not_ok}" if str(row.runs_not_ok) else ""
        yield Reading(
            f"{row.status.capitalize()}{seeds}: {row.meaning} is {number(row.mean)} ({row.status}s "
            f"{row.bad} {row.warning if row.status == 'warning' else row.alarm:g}). "
            f"{row.action[:1].upper()}{row.action[1:]}.",
            "health",
        )


def facts(study: Study) -> Iterator[Reading]:
    """What the scores of the latent space have to do with each other."""
    table = study.table("forensics")
    for view, part in table.groupby("view", sort=False):
        mean = part.set_index("quantity")["mean"]
        where = "" if len(set(table["view"])) == 1 else f"View {view}: "
        yield Reading(where + " ".join(_facts(mean)), "forensics")


def _facts(mean: pd.Series) -> Iterator[str]:
    get = mean.get
    active, dimensions = get("active_dimensions"), get("dimensions")
    if active is not None and dimensions is not None:
        yield f"{active:.0f} of {dimensions:.0f} latent dimensions carry information."
    norm = get("spearman_stability_norm")
    if norm is not None:
        nearly = abs(norm) >= _NEARLY_A_FUNCTION
        yield (
            f"Stability is {'little more than' if nearly else 'not only'} the length of the latent "
            f"vector (Spearman {norm:.2f} with its norm)."
        )
    both = get("spearman_uniqueness_originality")
    if both is not None:
        yield f"Uniqueness and originality correlate at {both:.2f}."
    ties = get("attractor_tie_share")
    if ties is not None and ties >= _TIES:
        yield (
            f"{100 * ties:.0f} % of the attractor densities tie at the published radius, so that "
            "the published attractors are the first rows of the file, not dense places."
        )
    pairs = get("overlaps_total")
    if pairs is not None:
        few = "No pair" if pairs == 0 else f"{pairs:,.0f} pairs (mean over runs)"
        yield f"{few} of latents with a cosine of 0.99 or more."


def reliability(study: Study) -> Iterator[Reading]:
    """Which lists another VAE would repeat."""
    table = study.table("reliability")
    known = table[(table["pairs"] > 0) & (table["over"] == "VAE seeds")]
    if not len(known):
        yield Reading(
            "One VAE was trained: how far any ranking repeats over VAEs is unknown, and with it "
            "whether a place in a list means anything. Set several seeds to find out."
            if "health" in study.tables
            else "These embeddings come from one model: how far another one would repeat any "
            "ranking is unknown, and with it whether a place in a list means anything.",
            "reliability",
        )
        return
    noise = known[known["status"] != "ok"]
    good = known[known["status"] == "ok"]
    if len(noise):
        words = [
            f"{row.score} (its {row.list}: {percent(row.list_shared)} found again, chance "
            f"{percent(row.list_shared_chance)})"
            for row in rows_of(noise)
        ]
        yield Reading(
            f"Rank stability is low, mostly noise at the top of the list, for {listed(words, 4)}: "
            "do not name an image from one VAE.",
            "reliability",
        )
    if len(good):
        words = [
            f"{row.score} ({percent(row.list_shared)} of its {row.list} found again, Spearman "
            f"{row.spearman_mean:.2f})"
            for row in rows_of(good)
        ]
        yield Reading(f"Another VAE repeats most of {listed(words, 4)}.", "reliability")


def rankings(study: Study) -> Iterator[Reading]:
    """The steadiest and the least steady score."""
    table = study.table("rankings")
    table = table[table["mean"].notna()]
    if not len(table):
        yield Reading("One latent space: no two rankings to compare.", "rankings")
        return
    best, worst = highest(table, table["mean"]), highest(table, -table["mean"])
    yield Reading(
        f"Over VAE seeds {best['score']} ranks most alike ({best['mean']:.2f}), {worst['score']} "
        f"least ({worst['mean']:.2f}); unrelated rankings give 0.",
        "rankings",
    )

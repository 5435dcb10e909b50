"""A plain reading of a single figure, from the tables of its study."""

from collections.abc import Callable

import pandas as pd

from latent_microscope.report.blocks import Reading, Study
from latent_microscope.report.cells import highest, percent, spread
from latent_microscope.report.limits import FALSE_DISCOVERY_RATE

Reads = Callable[[Study, str], Reading | None]


def figure_reading(study: Study, name: str) -> Reading | None:
    """What the numbers say of a figure; nothing where no table of the study tells of it.

    Args:
        study: Its tables.
        name: Of the figure; one of a further view as ``view/name``.
    """
    stem = name.rpartition("/")[2]
    for beginning, read in _READS:
        if stem.startswith(beginning):
            return read(study, name)
    return None


def _view(study: Study, name: str, table: str) -> pd.DataFrame:
    """The rows of the view that the figure's name tells; all where there is one."""
    rows = study.table(table)
    if "view" not in rows:
        return rows
    named = [v for v in dict.fromkeys(rows["view"]) if v in name.replace("/", "-").split("-")]
    first = list(dict.fromkeys(rows["view"]))[:1]
    return rows[rows["view"].isin(named or first)]


def _fact(quantity: str, text: str) -> Reads:
    """A reading of one quantity of the table of the latent space; ``{}`` is its value."""

    def read(study: Study, name: str) -> Reading | None:
        if not study.has("forensics"):
            return None
        table = _view(study, name, "forensics").set_index("quantity")["mean"]
        return Reading(text.format(table[quantity]), "forensics") if quantity in table else None

    return read


def _check(check: str, text: str, scale: float = 1.0) -> Reads:
    """A reading of one check of the VAE."""

    def read(study: Study, name: str) -> Reading | None:
        if not study.has("health"):
            return None
        table = _view(study, name, "health").set_index("check")["mean"]
        return Reading(text.format(scale * table[check]), "health") if check in table else None

    return read


def _checks(study: Study, name: str) -> Reading | None:
    if not study.has("health"):
        return None
    table = _view(study, name, "health")
    bad = table.loc[table["status"] != "ok", "meaning"]
    text = f"{len(table) - len(bad)} of {len(table)} checks are ok"
    return Reading(f"{text}{': not ' + '; not '.join(bad) if len(bad) else ''}.", "health")


def _list(score: str, direction: str) -> Reads:
    """How much of a ranked list another VAE repeats."""

    def read(study: Study, name: str) -> Reading | None:
        if not study.has("reliability"):
            return None
        table = study.table("reliability")
        row = table[(table["score"] == score) & (table["over"] == "VAE seeds")]
        if not len(row) or not row["pairs"].iloc[0]:
            return Reading(
                "One latent space: nobody knows how much of this list is noise.", "reliability"
            )
        shared, chance = row["list_shared"].iloc[0], row["list_shared_chance"].iloc[0]
        return Reading(
            f"Another VAE puts {percent(shared)} of these images among its {direction} again "
            f"(chance {percent(chance)}).",
            "reliability",
        )

    return read


def _planes(study: Study, name: str) -> Reading | None:
    if not study.has("sbs"):
        return None
    table = _view(study, name, "sbs")
    row = table[table["configured"]].iloc[0]
    if not row["n_clusters"]:
        return Reading("No cluster: all points are noise.", "sbs")
    return Reading(
        f"{row['n_clusters']} clusters; the largest holds {percent(row['share'])} of all samples, "
        f"{percent(row['noise_share'])} are noise.",
        "sbs",
    )


def _groups(beginning: str) -> Reads:
    """How many attributes survive in groups of a kind, in the run that is drawn."""

    def read(study: Study, name: str) -> Reading | None:
        if not study.has("bias-tests", "bias"):
            return None
        tests, found = study.table("bias-tests"), study.table("bias")
        run = tests["run"].iloc[0]
        tests = tests[(tests["definition"] == "odds") & (tests["run"] == run)]
        tests = tests[tests["group"].str.startswith(beginning)]
        if not len(tests):
            return Reading(f"Seed {run} has no such group.", "bias-tests")
        kept = found[(found["run"] == run) & found["group"].str.startswith(beginning)]
        text = f"Seed {run}: {len(kept) or 'none'} of {len(tests)} odds ratios"
        return Reading(f"{text} differ from 1 after correction.", "bias-tests")

    return read


def _funnel(study: Study, name: str) -> Reading | None:
    if not study.has("funnel"):
        return None
    table = _method(_view(study, name, "funnel"), name)
    best = highest(table, table["f1_mean"])
    return Reading(
        f"The best of ours reaches an F1 of {percent(best['f1_mean'])}, the best published one "
        f"{percent(table['published_f1'].max())}.",
        "funnel",
    )


def _detectors(study: Study, name: str) -> Reading | None:
    if not study.has("detectors"):
        return None
    table = _method(_view(study, name, "detectors"), name)
    best, worst = highest(table, table["roc_auc_mean"]), highest(table, -table["roc_auc_mean"])
    return Reading(
        f"From {best['detector']} ({spread(best['roc_auc_mean'], best['roc_auc_sd'], 2)}) down to "
        f"{worst['detector']} ({spread(worst['roc_auc_mean'], worst['roc_auc_sd'], 2)}); chance is "
        f"{best['baseline_roc_auc']:.1f}.",
        "detectors",
    )


def _method(table: pd.DataFrame, name: str) -> pd.DataFrame:
    named = table[[method in name for method in table["method"]]]
    return named if len(named) else table


def _probes(study: Study, name: str) -> Reading | None:
    if not study.has("probes"):
        return None
    table = study.table("probes")
    clear = table["gain_q"] <= FALSE_DISCOVERY_RATE
    best = highest(table, table["auc_mean"])
    return Reading(
        f"Best read: {best['attribute']} ({best['auc_mean']:.2f}); latents beat pixels on "
        f"{int((clear & (table['gain_mean'] > 0)).sum())} of {len(table)} attributes.",
        "probes",
    )


def _behaviour(column: str, text: str) -> Reads:
    """The best classifier by a measure of behaviour."""

    def read(study: Study, name: str) -> Reading | None:
        if not study.has("behaviour"):
            return None
        table = study.table("behaviour")
        models = table[table["temperature_mean"].notna() & table[column].notna()]
        if not len(models):
            return None
        best = highest(models, models[column])
        return Reading(text.format(model=best["model"], value=best[column]), "behaviour")

    return read


def _rsa(study: Study, name: str) -> Reading | None:
    table = study.table("alignment") if study.has("alignment") else None
    if table is None:
        return None
    part = table[(table["metric"] == name.partition("-")[2]) & (table["method"] == "spearman")]
    part = part[part["mean"].notna()]
    above = int((part["above_label"] > 0).sum())
    if not len(part):
        return None
    label, ceiling = part["label_only"].iloc[0], part["ceiling_lower"].iloc[0]
    return Reading(
        f"{above or 'None'} of {len(part)} models and layers above the label's line at "
        f"{label:.3f}; the ceiling begins at {ceiling:.3f}.",
        "alignment",
    )


_ERROR = "Reconstructions leave {:.0f} % of the error of the best constant image."
_ACTIVE = "{:.0f} dimensions carry information."
_READS: tuple[tuple[str, Reads], ...] = (
    ("training-", _check("error_ratio", "At the end: " + _ERROR.lower(), 100.0)),
    ("vae-images", _check("error_ratio", _ERROR, 100.0)),
    ("vae-health-", _fact("active_dimensions", _ACTIVE)),
    ("traversals", _fact("active_dimensions", _ACTIVE)),
    ("vae-checks-", _checks),
    ("vae-samples", _check("prior_mismatch", "Mismatch of posterior and prior: {:.2f} of the KL.")),
    ("uniqueness-originality", _fact("spearman_uniqueness_originality", "Spearman {:.2f}.")),
    ("density", _fact("attractor_tie_share", "At the published radius a share of {:.2f} ties.")),
    ("overlaps", _fact("overlaps_total", "{:.0f} pairs with a cosine of 0.99 or more.")),
    ("list-creative", _list("cls", "most creative")),
    ("list-stereotypes", _list("originality", "least original")),
    ("clusters", _planes),
    ("components", _planes),
    ("cluster-control", _planes),
    ("cluster-bias", _groups("cluster ")),
    ("bias-forest", _groups("")),
    ("cmax-bias", _groups("cmax")),
    ("subniches", _groups("sub-niche")),
    ("funnel-", _funnel),
    ("detectors-", _detectors),
    ("probes", _probes),
    ("rsa-", _rsa),
    ("confusions", _behaviour("accuracy_mean", "Most accurate: {model}, {value:.3f}.")),
    ("classifier-training", _behaviour("accuracy_mean", "Best at the end: {model}, {value:.3f}.")),
    ("entropy", _behaviour("entropy_spearman_mean", "Best: {model}, Spearman {value:.2f}.")),
)  # fmt: skip

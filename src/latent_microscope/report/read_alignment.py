"""Plain readings of models beside people."""

from collections.abc import Iterator

import pandas as pd

from latent_microscope.published import ORACLES
from latent_microscope.report.alignment import noted, with_intervals
from latent_microscope.report.blocks import Reading, Study
from latent_microscope.report.cells import highest, listed, percent, rows_of

_HELD = "with the label held constant"
PEOPLE = ("human", "human_majority", "uniform", *ORACLES)


def similarity(study: Study) -> Iterator[Reading]:
    """The model most like people, beside the label and the ceiling."""
    table = study.table("alignment")
    table = table[(table["method"] == "spearman") & table["mean"].notna()]
    for metric, part in table.groupby("metric", sort=False):
        where = "" if len(set(table["metric"])) == 1 else f"{str(metric).capitalize()} distances: "
        models = part[~part["model"].isin(ORACLES)]
        if not len(models):
            continue
        best = highest(models, models["mean"])
        label, ceiling = best["label_only"], best["ceiling_lower"]
        above = models[models["above_label"] > 0]
        yield Reading(
            f"{where}{noted(best['model'], best['note'])}, {best['layer']}, is most like people: "
            f"{best['mean']:.3f}, where the true label alone reaches {label:.3f} and people agree "
            f"with each other at {ceiling:.3f} or more.",
            "alignment",
        )
        names = [f"{r.model} ({r.layer})" for r in rows_of(above)]
        yield Reading(
            f"More like people than the label alone: {listed(names, 8)}."
            if names
            else "No model is more like people than the true label alone: what they share with "
            "people may be no more than the ten classes.",
            "alignment",
        )
        yield from _within(models)


def _within(models: pd.DataFrame) -> Iterator[Reading]:
    known = models[models["within_class"].notna()]
    if not len(known):
        return
    best = highest(known, known["within_class"])
    word = "at most" if best["within_class"] < 0.1 else "up to"
    yield Reading(
        f"Within a class, where the label cannot help, similarity is {word} "
        f"{best['within_class']:.3f} ({best['model']}, {best['layer']}).",
        "alignment",
    )


def measures(study: Study) -> Iterator[Reading]:
    """Which correlations the intervals tell from nothing."""
    table = study.table("measures")
    for measure, what in (
        ("spearman", "all pairs"),
        ("partial_label", _HELD),
    ):
        part = with_intervals(table[(table["measure"] == measure) & ~table["model"].isin(ORACLES)])
        if not len(part):
            continue
        zero = part[(part["low"] <= 0) & (part["high"] >= 0)]
        names = [f"{r.model} ({r.layer}, seed {r.seed})" for r in rows_of(zero)]
        text = f"Over {what}" if measure == "spearman" else f"{what[0].upper()}{what[1:]}"
        yield Reading(
            f"{text}, the interval of {len(zero) or 'no model'}"
            f"{f' of {len(part)} models' if len(zero) else ''} holds 0"
            f"{': ' + listed(names, 6) if names else ''}.",
            "measures",
        )


def differences(study: Study) -> Iterator[Reading]:
    """How many pairs of models are told apart, and whether any could be."""
    table = study.table("differences")
    images, votes = table["p_adjusted"] <= 0.05, table["p_votes_adjusted"] <= 0.05
    yield Reading(
        f"{int(images.sum()) or 'None'} of {len(table)} pairs of models differ over images, "
        f"{int(votes.sum()) or 'none'} over images and votes (adjusted p ≤ 0.05).",
        "differences",
    )
    least = table["p"].min() * len(table)
    if least > 0.05 and not images.any():
        yield Reading(
            f"With this few bootstrap draws none could: the smallest possible p, "
            f"{table['p'].min():.2g}, times {len(table)} pairs is {least:.2g}. Raise "
            "inference.draws.",
            "differences",
        )


def behaviour(study: Study) -> Iterator[Reading]:
    """Classifiers beside people's votes."""
    table = study.table("behaviour").set_index("model")
    models = table[~table.index.isin(PEOPLE) & table["accuracy_mean"].notna()]
    people = table["accuracy_mean"].get("human")
    if not len(models):
        yield Reading("No model of this study predicts classes.", "behaviour")
        return
    row = highest(models, -models["cross_entropy_mean"])
    floor, uniform = row["floor_cross_entropy"], table["cross_entropy_mean"].get("uniform")
    text = f"{row.name} predicts the votes best: cross-entropy {row['cross_entropy_mean']:.3f} nats"
    text += f", where perfect knowledge of the votes leaves {floor:.3f}"
    text += f" and knowing nothing {uniform:.3f}." if uniform is not None else "."
    yield Reading(text, "behaviour")
    row = highest(models, models["accuracy_mean"])
    text = (
        f"The most accurate, {row.name}, is right on {percent(row['accuracy_mean'])} of the images"
    )
    text += f"; a single human vote on {percent(people)}." if people is not None else "."
    yield Reading(text, "behaviour")
    known = models[models["entropy_spearman_mean"].notna()]
    if len(known):
        row = highest(known, known["entropy_spearman_mean"])
        best = row["entropy_spearman_mean"]
        word = "hardly" if best < 0.3 else "partly" if best < 0.6 else "largely"
        yield Reading(
            f"Where people disagree, models are {word} unsure too: the best Spearman correlation "
            f"of the entropies is {best:.2f} ({row.name}).",
            "behaviour",
        )


def ceilings(study: Study) -> Iterator[Reading]:
    """How much room there is at the top."""
    table = study.table("ceilings")
    table = table[(table["measure"] == "spearman") & table["lower"].notna()]
    for row in rows_of(table):
        yield Reading(
            f"A perfect model would score between {row.lower:.3f} (half of the votes against the "
            f"other half) and {row.upper:.3f} ({row.metric} distances, all pairs).",
            "ceilings",
        )


def recovery(study: Study) -> Iterator[Reading]:
    """Whether the comparison can tell its models apart."""
    table = study.table("recovery")
    own = table[table["model"] == table["attributed"]]
    bad = own[own["share"] < 1.0]
    if not len(bad):
        text = (
            f"Votes simulated from each of {len(own)} models lead back to that model every time "
            f"({int(own['n_simulations'].iloc[0])} simulations each)."
        )
    else:
        names = [f"{r.model} ({percent(r.share)})" for r in rows_of(bad)]
        text = f"{len(bad)} of {len(own)} models are not always recovered: {listed(names, 6)}."
    yield Reading(text, "recovery")


def layers(study: Study) -> Iterator[Reading]:
    """Where in each network the likeness to people peaks."""
    table = study.table("layers")
    for key, part in table.groupby(["metric", "model"], sort=False):
        best = highest(part, part["value_mean"])
        last, label = part.iloc[-1], best["label_only"]
        place = "its last stage" if best.name == last.name else f"stage {best['layer']}"
        if best["position"] == 0:
            place = "its input, the pixels: no stage is more like people than those"
        yield Reading(
            f"{key[1]} is most like people at {place} ({best['value_mean']:.3f}; the label alone "  # type: ignore[index]
            f"{label:.3f}).",
            "layers",
        )

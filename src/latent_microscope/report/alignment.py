"""Sections about models beside people: similarity, intervals, behaviour, recovery, layers."""

from collections.abc import Iterator

import pandas as pd

from latent_microscope.report.blocks import Block, Link, Picture, Study, Table, Text
from latent_microscope.report.cells import (
    interval,
    number,
    numbers_of,
    rows_of,
    signed,
    spread,
)

BEHAVIOUR = (
    "accuracy",
    "cross_entropy",
    "cross_entropy_calibrated",
    "second_best_accuracy",
    "entropy_spearman",
    "error_consistency",
)


def noted(model: str, note: str) -> str:
    """A model's name with what must stand beside it."""
    return f"{model} ({note})" if note else model


def similarity(study: Study) -> Iterator[Block]:
    """Similarity of every model to people, by distance."""
    table = study.table("alignment")
    for metric, part in table.groupby("metric", sort=False):
        first = part.iloc[0]
        yield Text(
            f"Similarity to people, Spearman of {metric} RDMs over {first['n_images']:.0f} images "
            f"and {first['n_pairs']:,.0f} pairs; label only {first['label_only']:.3f}, ceiling "
            f"{first['ceiling_lower']:.3f} (split halves) to {first['ceiling_upper']:.3f} "
            "(√Spearman–Brown) (",
            Link("all of it", "alignment"),
            "):",
        )
        shown = part[part["method"] == "spearman"]
        intervals = _intervals(study, str(metric))
        rows = [
            [
                noted(row.model, row.note),
                row.layer,
                str(row.n or "–"),
                spread(row.mean, row.sd),
                *intervals.get((row.model, row.layer), ("–", "–")),
                signed(row.above_label, float("nan"), float("nan")),
                number(row.partial),
                number(row.within_class),
                number(row.published),
            ]
            for row in rows_of(shown)
        ]
        head = "model;layer;seeds;RSA;95 % interval;annotators;above label;label partialled out"
        head += ";within class;measured earlier"
        yield Table(head.split(";"), rows, "alignment", numbers_of(shown))
        if intervals:
            yield Text(
                "Intervals are over images and votes, of one training (with several seeds the mean "
                "of their ends); annotators: how many votes an image a score is worth."
            )


def _intervals(study: Study, metric: str) -> dict[tuple[str, str], tuple[str, str]]:
    """By model and layer: interval of the Spearman correlation, annotator equivalents."""
    if not study.has("measures"):
        return {}
    table = study.table("measures")
    known = with_intervals(table[(table["measure"] == "spearman") & (table["metric"] == metric)])
    return {
        (str(model), str(layer)): (
            _between(part["low"].mean(), part["high"].mean()),
            " / ".join(dict.fromkeys(text or "–" for text in part["equivalents_text"])),
        )
        for (model, layer), part in known.groupby(["model", "layer"], sort=False)
    }


def with_intervals(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the measures that have an interval; low and high over images and votes if drawn."""
    low, high = (table[f"{end}_votes"].fillna(table[end]) for end in ("low", "high"))
    return table.assign(low=low, high=high)[low.notna()]


def similarity_pictures(study: Study) -> Iterator[Block]:
    """The same drawn."""
    for name in study.pictures("rsa-"):
        yield Picture(name, "Similarity of every model to people")


MEASURES = {
    "spearman": "all pairs",
    "partial_label": "label partialled out",
    "within_class": "within a class",
    "cross_entropy": "cross-entropy to the votes",
}


def measures(study: Study) -> Iterator[Block]:
    """Values with intervals, baseline and ceilings."""
    table = study.table("measures")
    for metric, part in table[table["measure"].isin(MEASURES)].groupby("metric", sort=False):
        if not part["low"].notna().any():
            continue
        yield Text(
            f"Each model with its 95 % intervals over images, and over images and votes, {metric} "
            "distances; annotator equivalents say how many votes an image the score is worth (",
            Link("all of it", "measures"),
            "):",
        )
        rows = [
            [
                noted(f"{row.model}, {row.layer}, seed {row.seed}", row.note),
                MEASURES[row.measure],
                interval(row.value, row.low, row.high),
                _between(row.low_votes, row.high_votes),
                f"{number(row.baseline)} {row.baseline_name}"
                if row.baseline == row.baseline
                else "–",
                f"{number(row.ceiling_lower)}–{number(row.ceiling_upper)}"
                if row.ceiling_lower == row.ceiling_lower
                else "–",
                row.equivalents_text or "–",
            ]
            for row in rows_of(part)
        ]
        head = "model;measure;value (95 %);images and votes;baseline;ceiling;annotators"
        yield Table(head.split(";"), rows, "measures", numbers_of(part))


def _between(low: float, high: float) -> str:
    return "–" if pd.isna(low) else f"{low:.3f} to {high:.3f}"


def differences(study: Study) -> Iterator[Block]:
    """Pairs of models, adjusted for their number."""
    table = study.table("differences")
    order = table["difference"].abs().sort_values(ascending=False).index
    shown = table.loc[order[:_LARGEST]]
    many = len(table) > _LARGEST
    yield Text(
        f"Differences of the Spearman correlations, {len(table)} pairs"
        f"{', the largest ' + str(_LARGEST) if many else ''} (",
        Link("all of it", "differences"),
        "):",
    )
    rows = [
        [
            f"{row.model_a}, {row.layer_a}, seed {row.seed_a}",
            f"{row.model_b}, {row.layer_b}, seed {row.seed_b}",
            signed(row.difference, row.low, row.high),
            f"{row.low_votes:+.3f} to {row.high_votes:+.3f}",
            f"{row.p_adjusted:.2g}",
            f"{row.p_votes_adjusted:.2g}",
        ]
        for row in rows_of(shown)
    ]
    correction = table["correction"].iloc[0].capitalize()
    head = ["model", "minus", "difference (95 %)", "images and votes"]
    head += [f"p ({correction})", f"p with votes ({correction})"]
    yield Table(head, rows, "differences", numbers_of(shown))


_LARGEST = 15


def behaviour(study: Study) -> Iterator[Block]:
    """Predictions against the votes."""
    table = study.table("behaviour")
    head = "model;accuracy;cross-entropy;with temperature;second-best accuracy;entropy Spearman"
    head += ";error consistency;published cross-entropy"
    yield Text("Behaviour against the votes, nats (", Link("all of it", "behaviour"), "):")
    rows = []
    for _, row in table.iterrows():
        cells = [row["model"]]
        for name in BEHAVIOUR:
            cells.append(spread(row[f"{name}_mean"], row[f"{name}_sd"]))
        rows.append([*cells, number(row["published_cross_entropy"])])
    yield Table(head.split(";"), rows, "behaviour", numbers_of(table))


def behaviour_pictures(study: Study) -> Iterator[Block]:
    """Errors beside likeness to people, and confusions."""
    for name in study.pictures("accuracy-"):
        yield Picture(name, "Errors and likeness to people")
    for name in study.pictures("confusions"):
        yield Picture(name, "Confusion matrices of people and models")


def ceilings(study: Study) -> Iterator[Block]:
    """What a perfect model could reach with these votes."""
    table = study.table("ceilings")
    yield Text(
        "What a perfect model could reach: halves of the votes against each other, and perfect "
        "models of simulated worlds (",
        Link("all of it", "ceilings"),
        "):",
    )
    rows = [
        [
            row.measure,
            row.metric,
            number(row.lower),
            number(row.upper),
            number(row.truth_smoothed),
            number(row.truth_dirichlet),
        ]
        for row in rows_of(table)
    ]
    head = "measure;distance;lower, halves;upper, Spearman–Brown;simulated, smoothed votes"
    head += ";simulated, Dirichlet"
    yield Table(head.split(";"), rows, "ceilings", numbers_of(table))


def recovery(study: Study) -> Iterator[Block]:
    """Whether simulated votes lead back to the model that made them."""
    for metric, part in study.table("recovery").groupby("metric", sort=False):
        yield Text(
            f"Model recovery, {metric} distances: votes simulated from the model of a row, "
            f"{part['n_simulations'].iloc[0]} times, and how often each model was found to be the "
            "most like them (",
            Link("all of it", "recovery"),
            "):",
        )
        names = list(dict.fromkeys(part["model"]))
        counts = part.pivot(index="model", columns="attributed", values="count")
        rows = [[name, *(str(counts.loc[name, other]) for other in names)] for name in names]
        yield Table(["votes of", *names], rows, "recovery")
    yield Picture("recovery", "Model recovery")


def layers(study: Study) -> Iterator[Block]:
    """The stage of each network that is most like people, its input and its last."""
    table = study.table("layers")
    yield Text(
        "Each network's stage that is most like people, beside its input (the pixels) and its last "
        f"stage, {table['n_images'].iloc[0]:,} images (",
        Link("all of it", "layers"),
        "):",
    )
    parts = []
    for _, part in table.groupby(["metric", "model"], sort=False):
        wanted = {part.index[0], part["value_mean"].idxmax(), part.index[-1]}
        parts.append(part[part.index.isin(wanted)])
    shown = pd.concat(parts)
    rows = [
        [
            noted(row.model, row.note),
            row.layer,
            f"{row.position} of {row.position / row.depth:.0f}" if row.depth else "input",
            spread(row.value_mean, row.value_sd),
            number(row.partial_label_mean),
            f"{number(row.value_ceiling_lower)}–{number(row.value_ceiling_upper)}",
        ]
        for row in rows_of(shown)
    ]
    head = ["model", "stage", "place", "RSA", "label held constant", "ceiling"]
    yield Table(head, rows, "layers", numbers_of(shown))
    yield Picture("layers", "Similarity to people by stage")

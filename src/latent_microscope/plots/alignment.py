"""Alignment of models with human judgements: similarity of RDMs with baselines and ceilings."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.maps import name_points
from latent_microscope.plots.panels import DASHED, band, estimate, key, name_rows, reference
from latent_microscope.plots.style import (
    INK,
    MUTED,
    Look,
    Page,
    Style,
    count,
    noted,
    panel,
    pretty,
    say,
)
from latent_microscope.published import CROSS_ENTROPY_TUNED, ORACLES, RSA, RSA_METRIC

Intervals = dict[tuple[str, str, str], tuple[float, float]]  # by model, layer and column
_METHODS = {"spearman": "Spearman ρ", "pearson": "Pearson r", "rho-a": "ρ-a", "tau-a": "τ-a"}
# Column of the table of similarities → measure of the table of measures, title.
_RSA_PANELS = {
    "value": ("spearman", "all pairs"),
    "partial_label": ("partial_label", "label held constant"),
    "within_class": ("within_class", "pairs within a class"),
}
_RSA_MEASURES = [
    *("model", "layer", "metric", "measure", "low", "high", "low_votes", "high_votes"),
    *("ceiling_lower", "ceiling_upper"),
]
_ENDS = ["low_votes", "high_votes", "low", "high"]


def plot_rsa(
    *,
    rsa: In,
    title: str,
    look: Look,
    method: str = "spearman",
    simulated: bool = False,
    measures: In | None = None,
    notes: dict[str, str] | None = None,
) -> Figure:
    """Similarity of each model's RDM to that of the votes, beside what the label alone reaches.

    ``measures``, the table of all measures, gives 95 % intervals and ceilings; without it whiskers
    are the standard deviation over seeds. ``simulated`` votes are compared with no published
    network.
    """
    table = load_table(rsa)
    table = table[table["method"] == method]
    if table.empty:
        raise InputError(f"{rsa}: no row has the method {method!r}")
    metric = str(table["metric"].iloc[0])
    rows = table.groupby(["model", "layer"], sort=False)
    means = rows["value"].mean().sort_values(kind="stable")
    order: list[tuple[str, str]] = list(means.index)[::-1]
    seeds = rows["seed"].nunique().max()
    every = load_table(measures, _RSA_MEASURES) if measures else None
    found = _intervals(every, metric) if method == "spearman" else {}
    whiskers = "95 % intervals over images and votes" if found else "sd"
    dark = "dark: PhilNet; " if any("philnet" in str(name) for name in order) else ""
    page = Page(
        1.5 + 0.2 * len(order),
        f"{title} · {metric} RDMs · n = {count(table['n_images'].iloc[0])} images",
        f"{_METHODS.get(method, method)} with the RDM of the annotators' votes; {dark}"
        + (f"mean of up to {seeds} seeds, dots: seeds" if seeds > 1 else "one seed")
        + (f"; whiskers: {whiskers}" if seeds > 1 or found else ""),
    )
    labels = [noted(f"{model}-{layer}", model, notes) for model, layer in order]
    left = float(np.clip(0.1 + 0.06 * max(map(len, labels)), 1.75, 2.6))
    axes = page.grid(1, 3, top=0.7, bottom=0.75, left=left, right=0.15, wspace=0.2)[0]
    for ax, letter, (column, (measure, text)) in zip(axes, "abc", _RSA_PANELS.items(), strict=True):
        if column == "value":
            _rsa_references(ax, table, look, published=not simulated and method == "spearman")
        elif every is not None:
            own = every[(every["metric"] == metric) & (every["measure"] == measure)]
            band(ax, own["ceiling_lower"].mean(), own["ceiling_upper"].mean())
        for y, name in enumerate(order):
            values = rows.get_group(name)[column].to_numpy(float)
            _bar(ax, y, values, name[0], look, found.get((*name, column)))
        ax.axvline(0, color=INK, lw=0.6)
        name_rows(ax, labels if ax is axes[0] else [""] * len(labels), grid=False)
        ax.spines["left"].set_visible(False)
        ax.set_xlabel(_METHODS.get(method, method))
        ax.xaxis.set_major_locator(MaxNLocator(4))
        panel(ax, letter, text)
        look.limit(ax, column)
    key(page, page.height - 0.27, axes[0].get_legend_handles_labels()[0], ncols=3)
    return page.figure


def _intervals(measures: pd.DataFrame | None, metric: str) -> Intervals:
    """Interval of each model, layer and panel: over images and votes, else over images."""
    if measures is None:
        return {}
    found: Intervals = {}
    rows = measures[measures["metric"] == metric]
    for column, (measure, _) in _RSA_PANELS.items():
        part = rows[rows["measure"] == measure]
        means = part.groupby(["model", "layer"], sort=False)[_ENDS].mean()
        for ends in means.reset_index().to_dict("records"):
            low = ends["low_votes"] if np.isfinite(ends["low_votes"]) else ends["low"]
            high = ends["high_votes"] if np.isfinite(ends["high_votes"]) else ends["high"]
            if np.isfinite(low) and np.isfinite(high):
                name = str(ends["model"]), str(ends["layer"]), column
                found[name] = (float(low), float(high))
    return found


def _bar(
    ax: Axes, y: int, values: np.ndarray, model: str, look: Look, interval: Any = None
) -> None:
    known = values[np.isfinite(values)]
    if known.size == 0:
        ax.text(0.0, y, " not defined", va="center", color=MUTED, size="small")
        return
    mean = float(known.mean())
    sd = known.std(ddof=1) if known.size > 1 else 0.0
    low, high = interval or (mean - sd, mean + sd)
    ax.barh(y, mean, height=0.66, color=look.colour(0 if "philnet" in model.lower() else 5))
    if high > low:  # an interval of draws need not hold the mean over seeds
        ax.plot([low, high], [y, y], color="black", lw=0.8, marker="|", ms=3, mew=0.8, zorder=3)
    if known.size > 1:
        offsets = np.linspace(0.18, -0.18, known.size)
        ax.scatter(known, y + offsets, s=3.5, c="black", linewidths=0, zorder=3)


def _rsa_references(ax: Axes, table: pd.DataFrame, look: Look, *, published: bool) -> None:
    """Noise ceiling, what the true label alone reaches, published networks."""
    lower, upper = float(table["ceiling_lower"].mean()), float(table["ceiling_upper"].mean())
    band(ax, lower, upper, label=f"noise ceiling, estimates {lower:.3f}–{upper:.3f}")
    label = float(table["label_only"].mean())
    if np.isfinite(label):
        style: Style = {"color": look.colour(4), "lw": 1.1, "ls": DASHED, "zorder": 4}
        reference(ax, x=label, label=f"true label alone: {label:.3f}", **style)
    if table["metric"].iloc[0] == RSA_METRIC and published:
        values = [value for name, value in RSA.items() if name not in ORACLES]
        marks: Style = {
            "ms": 3.5,
            "mfc": "none",
            "mec": INK,
            "mew": 0.7,
            "clip_on": False,
            "zorder": 5,
        }
        text = f"{len(values)} published CNNs, no human data (probabilities)"
        top = ax.get_xaxis_transform()
        ax.plot(values, np.ones(len(values)), "v", transform=top, label=text, **marks)


def plot_dissimilarity(*, table: In, title: str, look: Look) -> Figure:
    """Similarity of RDMs to dissimilarities that participants gave, one panel per metric."""
    found = load_table(table)
    chosen = found[found["method"] == "spearman"]
    metrics = list(dict.fromkeys(chosen["metric"]))
    observers = int(chosen["n_observers"].iloc[0])
    height = max(0.24 * chosen["model"].nunique(), 0.6)
    ceiling = f"band: noise ceiling of {observers} participants"
    page = Page(
        0.75 + len(metrics) * (height + 0.62),
        f"{title} · similarity to human dissimilarities · "
        f"n = {count(chosen['n_images'].iloc[0])} images",
        "Spearman of RDMs with 95 % intervals over images; dashed: true label alone; "
        + (ceiling if observers > 1 else "one matrix of participants: no noise ceiling"),
        width=5.6,
    )
    for number, metric in enumerate(metrics):
        part = chosen[chosen["metric"] == metric].sort_values("value", ascending=False)
        first = part.iloc[0]
        ax = page.axes(1.7, 0.75 + number * (height + 0.62), 3.6, height)
        band(ax, first["ceiling_lower"], first["ceiling_upper"])
        if np.isfinite(first["label_only"]):
            reference(ax, x=first["label_only"])
        ax.axvline(0.0, color=MUTED, lw=0.6)
        for y, row in enumerate(part.to_dict("records")):
            estimate(ax, y, row["value"], (row["low"], row["high"]), look.colour(0))
        name_rows(ax, [pretty(name) for name in part["model"]], grid=False)
        ax.set_xlabel("Spearman ρ with the human dissimilarities")
        panel(ax, "abc"[number], f"{metric} distances")
        look.limit(ax, metric)
    return page.figure


# --- accuracy and alignment --------------------------------------------------------------------
_TRAINED = {  # what a network was fine-tuned on → legend, marker, index of the colour
    "": ("no human data", "o", 0),
    "labels": ("fine-tuned on labels of other images (control)", "v", 5),
    "votes": ("fine-tuned on votes on other images", "^", 4),
}
_ACCURACY_COLUMNS = [
    *("model", "layer", "seed", "metric", "measure", "value", *_ENDS),
    *("baseline", "ceiling_lower", "ceiling_upper"),
]
# Measure → layers of which the first found counts, title, label of the axis.
_ACCURACY_PANELS = {
    "cross_entropy_calibrated": (
        ("probabilities",),
        "prediction of the votes (lower is better)",
        "cross-entropy to the votes (nats)",
    ),
    "spearman": (
        ("calibrated", "probabilities"),
        "similarity of RDMs (higher is better)",
        "Spearman ρ of RDMs",
    ),
}


def plot_accuracy(
    *,
    measures: In,
    title: str,
    look: Look,
    metric: str = "euclidean",
    targets: dict[str, str] | None = None,
    starts: dict[str, str] | None = None,
    simulated: bool = False,
) -> Figure:
    """Cross-entropy to the votes and similarity of RDMs against the error rate of classifiers.

    ``targets`` says what fine-tuned models were trained on (votes or labels), ``starts`` which
    model they started from, both by name. ``simulated`` votes are compared with no published
    network.
    """
    table = load_table(measures, _ACCURACY_COLUMNS)
    page = Page(
        4.25,
        f"{title} · accuracy and alignment with annotators",
        "mean over seeds; whiskers: 95 % intervals over images and votes; lines lead from a "
        "network to its fine-tuned versions",
    )
    axes = page.grid(1, 2, top=0.75, bottom=0.85, left=0.62, right=0.2, wspace=0.28)[0]
    accuracy = _values(table, "accuracy", "", ("probabilities",))["value"]
    for ax, letter, (measure, (layers, text, label)) in zip(
        axes, "ab", _ACCURACY_PANELS.items(), strict=True
    ):
        of = metric if measure == "spearman" else ""
        found = _values(table, measure, of, layers)
        found = found.join(100 * (1 - accuracy.rename("errors")), how="inner")
        panel(ax, letter, text)
        look.panels.add(measure)
        if found.empty:
            say(ax, "no classifier has both numbers")
            continue
        ax.set_xlabel("error rate (% of the images)")
        ax.set_ylabel(f"{label} ({metric})" if of else label)
        _classifiers(ax, found, targets or {}, starts or {}, look)
        if of:
            _similarity_references(ax, table[table["metric"] == metric])
        else:
            _vote_references(ax, table, look, published=not simulated)
        look.limit(ax, measure)
        box = ax.get_position()
        inches = (box.width * page.width, box.height * page.height)
        names = [pretty(str(name)) for name in found.index]
        points = found[["errors", "value"]].to_numpy(float)
        name_points(ax, points, names, look.font_size - 1.5, inches=inches)
    key(page, page.height - 0.42, axes[0].get_legend_handles_labels()[0], 0.36, ncols=2)
    return page.figure


def _values(
    table: pd.DataFrame, measure: str, metric: str, layers: tuple[str, ...]
) -> pd.DataFrame:
    """Mean over seeds of value, low and high (images and votes) of each model that was run."""
    rows = table[(table["measure"] == measure) & (table["metric"] == metric)]
    rows = rows[(rows["seed"] >= 0) & np.isfinite(rows["value"])]
    rows = rows[rows["layer"].isin(layers) & ~rows["model"].isin(ORACLES)]
    first = rows["layer"].map(layers.index)
    rows = rows[first == first.groupby(rows["model"]).transform("min")]
    low, high = (rows[f"{end}_votes"].fillna(rows[end]) for end in ("low", "high"))
    rows = rows.assign(low=low, high=high)
    return rows.groupby("model", sort=False)[["value", "low", "high"]].mean()


def _classifiers(
    ax: Axes, found: pd.DataFrame, targets: Mapping[str, str], starts: Mapping[str, str], look: Look
) -> None:
    for name, start in starts.items():
        if name in found.index and start in found.index:
            ends = found.loc[[start, name]]
            ax.plot(ends["errors"], ends["value"], color=MUTED, lw=0.7, zorder=1)
    for target, (text, marker, colour) in _TRAINED.items():
        rows = found[[targets.get(str(name), "") == target for name in found.index]]
        if len(rows):
            style: Style = {"color": look.colour(colour), "lw": 0.8}
            ax.vlines(rows["errors"], rows["low"], rows["high"], **style, zorder=2)
            marks: Style = {"color": look.colour(colour), "ms": 4.5, "label": text}
            ax.plot(rows["errors"], rows["value"], marker, **marks, zorder=3)
    ax.margins(x=0.22, y=0.12)
    left, right = ax.get_xlim()
    ax.set_xlim(max(left, 0.0), right)


def _similarity_references(ax: Axes, table: pd.DataFrame) -> None:
    """What the true label alone reaches, and the noise ceiling or where it begins."""
    low, high = ax.get_ylim()
    rows = table[table["measure"] == "spearman"]
    label, ceiling = float(rows["baseline"].mean()), float(rows["ceiling_lower"].mean())
    if np.isfinite(ceiling) and ceiling > high:
        text = f"↑ noise ceiling from {ceiling:.3f}"
        place: Style = {"transform": ax.transAxes, "ha": "right", "va": "top", "size": "x-small"}
        ax.text(0.99, 0.99, text, color=INK, **place)
        high += 0.06 * (high - low)
    else:
        band(ax, ceiling, high, across=True)
    if np.isfinite(label):
        _level(ax, label, "true label alone")
    ax.set_ylim(low, high)


def _vote_references(ax: Axes, table: pd.DataFrame, look: Look, *, published: bool) -> None:
    """The entropy of the votes, and published networks that were tuned on votes."""
    low, high = ax.get_ylim()
    human = table[(table["model"] == "human") & (table["measure"] == "cross_entropy")]["value"]
    if len(human):
        floor = float(human.iloc[0])
        _level(ax, floor, "entropy of the votes")
        low = min(low, floor - 0.05 * (high - floor))
    if published:
        values = [after for after, _ in CROSS_ENTROPY_TUNED.values()]
        marks: Style = {
            "ms": 4,
            "mfc": "none",
            "mec": look.colour(4),
            "clip_on": False,
            "zorder": 4,
        }
        marks |= {"transform": ax.get_yaxis_transform()}
        text = "published CNNs tuned on votes (accuracy not given)"
        ax.plot(np.zeros(len(values)), values, "<", label=text, **marks)
    ax.set_ylim(low, high)


def _level(ax: Axes, value: float, text: str) -> None:
    """A dashed level with its name at the right."""
    reference(ax, y=value, color=INK, zorder=1)
    place: Style = {"transform": ax.get_yaxis_transform(), "ha": "right", "va": "bottom"}
    ax.text(0.99, value, text, size="x-small", color=INK, **place)

"""Alignment of models with human judgements: similarity of RDMs with baselines and ceilings."""

from collections.abc import Mapping
from string import ascii_lowercase
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots import style
from latent_microscope.plots.maps import name_points
from latent_microscope.plots.panels import band, estimate, key, name_rows, reference
from latent_microscope.plots.style import INK, MUTED, Look, Page, Style, count, pretty
from latent_microscope.published import CROSS_ENTROPY_TUNED, ORACLES, RSA, RSA_METRIC

Intervals = dict[tuple[str, str, str], tuple[float, float]]  # by model, layer and column
_METHODS = {"spearman": "Spearman ρ", "pearson": "Pearson r", "rho-a": "ρa", "tau-a": "τ-a"}
# Column of the table of similarities → measure of the table of measures, title, method.
_RSA_PANELS = {
    "value": ("rho_a", "all pairs", "rho-a"),
    "within_class_rho_a": ("within_class_rho_a", "pairs within a class", "rho-a"),
    "partial_label": ("partial_label", "label held constant", "spearman"),
}
_CEILING = ["ceiling_lower", "ceiling_upper"]
_ENDS = ["low", "high"]
_MEASURES = ["model", "layer", "metric", "measure", *_ENDS, "ceiling", "ceiling_status"]


def plot_rsa(
    *,
    rsa: In,
    title: str,
    look: Look,
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
    if table.empty:
        raise InputError(f"{rsa}: has no rows; compare the RDMs of at least one model")
    metric = str(table["metric"].iloc[0])
    rows = table.groupby(["model", "layer"], sort=False)
    means = rows["value"].mean().sort_values(kind="stable")
    order: list[tuple[str, str]] = list(means.index)[::-1]
    seeds = rows["seed"].nunique().max()
    none = pd.DataFrame(columns=_MEASURES, dtype=float)
    every = load_table(measures, _MEASURES) if measures else none
    every = every[every["metric"] == metric]
    found = _intervals(every)
    whiskers = f"95 % intervals over {look.noun}s" if found else "sd"
    dark = "dark: PhilNet; " if any("philnet" in str(name) for name in order) else ""
    page = Page(
        1.5 + 0.2 * len(order),
        f"{title} · {metric} RDMs · n = {count(table['n_images'].iloc[0])} {look.noun}s",
        "similarity to the RDM of the annotators' votes; "
        + dark
        + (f"mean of up to {seeds} seeds, dots: seeds" if seeds > 1 else "one seed")
        + (f"; whiskers: {whiskers}" if seeds > 1 or found else "")
        + _no_ceiling(table),
    )
    labels = [style.noted(f"{model}-{layer}", model, notes) for model, layer in order]
    left = float(np.clip(0.1 + 0.06 * max(map(len, labels)), 1.75, 3.2))
    axes = page.grid(1, 3, top=0.7, bottom=0.75, left=left, right=0.15, wspace=0.2)
    for ax, letter, column in zip(axes, "abc", _RSA_PANELS, strict=True):
        measure, text, method = _RSA_PANELS[column]
        if column == "value":
            _rsa_references(ax, table, look, published=not simulated)
        else:
            _ceiling(ax, every.loc[every["measure"] == measure, "ceiling"].mean())
        for y, name in enumerate(order):
            values = rows.get_group(name)[column].to_numpy(float)
            _bar(ax, y, values, name[0], look, found.get((*name, column)))
        ax.axvline(0, color=INK, lw=0.6)
        name_rows(ax, labels if ax is axes[0] else [""] * len(labels), grid=False)
        ax.spines["left"].set_visible(False)
        ax.xaxis.set_major_locator(MaxNLocator(4))
        look.panel(ax, column, letter, text, xlabel=_METHODS[method])
    key(page, page.height - 0.27, axes[0].get_legend_handles_labels()[0], ncols=3)
    return page.figure


def _no_ceiling(table: pd.DataFrame) -> str:
    """Why there is no noise ceiling, to append."""
    reason = str(table["ceiling_status"].max()) if len(table) else ""
    return f"\nnoise ceiling not available: {reason}" if reason else ""


def _intervals(measures: pd.DataFrame) -> Intervals:
    """Interval over images of each model, layer and panel: the mean of those of its seeds."""
    means = measures.groupby(["measure", "model", "layer"], sort=False)[_ENDS].mean()
    ends = means.dropna()
    columns = {measure: column for column, (measure, _, _) in _RSA_PANELS.items()}
    return {
        (model, layer, columns[measure]): (low, high)
        for (measure, model, layer), low, high in ends.itertuples(name=None)
        if measure in columns
    }


def _bar(
    ax: Axes, y: int, values: np.ndarray, model: str, look: Look, interval: Any = None
) -> None:
    known = values[np.isfinite(values)]
    if known.size == 0:
        ax.text(0.0, y, " not defined", va="center", color=MUTED, size="small")
        return
    mean, sd = known.mean(), known.std(ddof=1) if known.size > 1 else 0.0
    low, high = interval or (mean - sd, mean + sd)
    ax.barh(y, mean, height=0.66, color=look.colour(0 if "philnet" in model.lower() else 5))
    if high > low:  # an interval of draws need not hold the mean over seeds
        ax.plot([low, high], [y, y], color="black", lw=0.8, marker="|", ms=3, mew=0.8, zorder=3)
    if known.size > 1:
        offsets = np.linspace(0.18, -0.18, known.size)
        ax.scatter(known, y + offsets, s=3.5, c="black", linewidths=0, zorder=3)


def _rsa_references(ax: Axes, table: pd.DataFrame, look: Look, *, published: bool) -> None:
    """Noise ceiling, what the true label alone reaches, published networks."""
    _ceiling(ax, float(table["ceiling"].mean()), name=True)
    label = float(table["label_only"].mean())
    if np.isfinite(label):
        text = f"true label alone: {label:.3f}"
        reference(ax, x=label, label=text, color=look.colour(4), lw=1.1, zorder=4)
    if table["metric"].iloc[0] == RSA_METRIC and published:
        values = [rho_a for name, (rho_a, _) in RSA.items() if name not in ORACLES]
        marks: Style = {"ms": 3.5, "mec": INK, "mew": 0.7, "zorder": 5}
        marks["label"] = f"{len(values)} published CNNs, no human data (probabilities)"
        _outside(ax, values, np.ones(len(values)), "v", ax.get_xaxis_transform(), marks)


def _ceiling(ax: Axes, value: float, *, name: bool = False) -> None:
    """What the true responses score against these votes, if it is known."""
    if np.isfinite(value):
        text = f"noise ceiling (a: {value:.3f})" if name else None
        reference(ax, x=value, ls=":", lw=1.3, color=INK, label=text)


def _outside(ax: Axes, x: Any, y: Any, marker: str, transform: Any, marks: Style) -> None:
    """Open marks on the edge of a panel."""
    ax.plot(x, y, marker, transform=transform, mfc="none", clip_on=False, **marks)


def plot_dissimilarity(*, table: In, title: str, look: Look) -> Figure:
    """Similarity of RDMs to dissimilarities that annotators gave, one panel per metric."""
    chosen = load_table(table)
    chosen = chosen[chosen["method"] == "rho-a"]
    metrics, first = list(dict.fromkeys(chosen["metric"])), chosen.iloc[0]
    inner = ["low_images", "high_images"]  # for these annotators, where there are several
    ends = chosen[["value", *_ENDS, *inner, "label_only", *_CEILING]].astype(float)
    observers = int(first["n_observers"])
    notes = [f"{_METHODS['rho-a']} of RDMs"]
    if ends["low"].notna().any():
        over = str(first["generalises_to"]).replace("image", look.noun)
        notes[0] += f" with 95 % intervals over {over}"
        notes[0] += f" (thick: over {look.noun}s)" if observers > 1 else ""
    if ends["label_only"].notna().any():
        notes.append("dashed: true label alone")
    if first["ceiling_status"]:
        notes.append(f"noise ceiling {first['ceiling_status']}")
    else:
        notes.append(f"band: noise ceiling of {observers} annotators")
    missing = int(first["n_missing"])
    judged = f"{count(first['n_pairs'])} pairs"
    judged += f", {count(missing)} judgements missing" if missing else ""
    height, head, gap = max(0.22 * chosen["model"].nunique(), 0.4), 0.7, 0.4
    page = Page(
        head + len(metrics) * (height + gap) + 0.1,
        f"{title} · similarity to human dissimilarities · n = {count(first['n_images'])} "
        f"{look.noun}s, {judged}",
        "; ".join(notes),
    )
    names = chosen["model"].map(pretty)
    letters = look.font_size - 1
    left = float(np.clip(0.2 + letters / 72 * 0.57 * names.str.len().max(), 0.8, 2.4))
    letters = style.fitting(max(names, key=len), letters, left - 0.2)
    low, high = (float(end(ends.to_numpy(), initial=0.0)) for end in (np.nanmin, np.nanmax))
    margin = 0.04 * max(high - low, 1e-3)
    for number, metric in enumerate(metrics):
        top = head + number * (height + gap)
        part = chosen[chosen["metric"] == metric].sort_values("value", ascending=False)
        ax = page.axes(left, top, page.width - left - 0.2, height)
        band(ax, *part[_CEILING].iloc[0])
        if np.isfinite(part["label_only"].iloc[0]):
            reference(ax, x=part["label_only"].iloc[0])
        ax.axvline(0.0, color=MUTED, lw=0.6)
        for y, row in enumerate(part.to_dict("records")):
            if observers > 1:
                ax.plot([row[end] for end in inner], [y, y], color=look.colour(0), lw=2.6)
            estimate(ax, y, row["value"], (row["low"], row["high"]), look.colour(0))
        name_rows(ax, list(names[part.index]), size=letters)
        ax.set_xlim(low - margin, high + margin)
        last = number == len(metrics) - 1
        ax.tick_params(labelbottom=last)
        text = f"{_METHODS['rho-a']} with the human dissimilarities" if last else ""
        look.panel(ax, metric, ascii_lowercase[number], f"{metric} distances", xlabel=text)
    return page.figure


# --- accuracy and alignment --------------------------------------------------------------------
_TRAINED = {  # what a network was fine-tuned on → legend, marker, index of the colour
    "": ("not fine-tuned here", "o", 0),
    "labels": ("fine-tuned on labels of other images (control)", "v", 5),
    "votes": ("fine-tuned on votes on other images", "^", 4),
}
# Measure → layers of which the first found counts, title, label of the axis.
_ACCURACY_PANELS = {
    "cross_entropy_calibrated": (
        ("probabilities",),
        "prediction of the votes (lower is better)",
        "cross-entropy with temperature (nats)",
    ),
    "rho_a": (
        ("calibrated", "probabilities"),
        "similarity of RDMs (higher is better)",
        f"{_METHODS['rho-a']} of RDMs",
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
    table = load_table(measures, [*_MEASURES, "seed", "value", "baseline"])
    page = Page(
        4.25,
        f"{title} · accuracy and alignment with annotators",
        f"mean over seeds; whiskers: 95 % intervals over {look.noun}s; lines lead from a "
        "network to its fine-tuned versions; temperatures: from other images"
        + _no_ceiling(table[(table["measure"] == "rho_a") & (table["metric"] == metric)]),
    )
    axes = page.grid(1, 2, top=0.75, bottom=0.85, left=0.62, right=0.2, wspace=0.6)
    accuracy = _values(table, "accuracy", "", ("probabilities",))["value"]
    for ax, letter, (measure, (layers, text, label)) in zip(
        axes, "ab", _ACCURACY_PANELS.items(), strict=True
    ):
        of = metric if measure == "rho_a" else ""
        found = _values(table, measure, of, layers)
        found = found.join(100 * (1 - accuracy.rename("errors")), how="inner")
        if found.empty:
            style.say(ax, "no classifier has both numbers")
            look.panel(ax, measure, letter, text)
            continue
        _classifiers(ax, found, targets or {}, starts or {}, look)
        if of:
            _similarity_references(ax, table[table["metric"] == metric])
        else:
            _vote_references(ax, table, look, published=not simulated)
        label = f"{label} ({metric})" if of else label
        look.panel(ax, measure, letter, text, f"error rate (% of the {look.noun}s)", label)
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
    """Mean over seeds of value, low and high of each model."""
    rows = table[(table["measure"] == measure) & (table["metric"] == metric)]
    rows = rows[(rows["seed"] >= 0) & np.isfinite(rows["value"])]
    rows = rows[rows["layer"].isin(layers) & ~rows["model"].isin(ORACLES)]
    first = rows["layer"].map(layers.index)
    rows = rows[first == first.groupby(rows["model"]).transform("min")]
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
            shade = look.colour(colour)
            ax.vlines(rows["errors"], rows["low"], rows["high"], color=shade, lw=0.8, zorder=2)
            ax.plot(
                rows["errors"], rows["value"], marker, color=shade, ms=4.5, label=text, zorder=3
            )
    ax.margins(x=0.22, y=0.12)
    left, right = ax.get_xlim()
    ax.set_xlim(max(left, 0.0), right)


def _similarity_references(ax: Axes, table: pd.DataFrame) -> None:
    """What the true label alone reaches, and the noise ceiling."""
    rows = table[table["measure"] == "rho_a"]
    for column, text in (("ceiling", "noise ceiling"), ("baseline", "true label alone")):
        value, (low, high) = float(rows[column].mean()), ax.get_ylim()
        margin = 0.06 * (high - low)
        if value > high:
            style.inside(ax, 0.99, 0.99, f"↑ {text} {value:.3f}", size="x-small")
            ax.set_ylim(low, high + margin)
        elif value < low:
            style.inside(ax, 0.99, 0.01, f"↓ {text} {value:.3f}", size="x-small", va="bottom")
            ax.set_ylim(low - margin, high)
        elif np.isfinite(value):
            _level(ax, value, text)
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
        text = "published CNNs tuned on votes, no temperature (accuracy not given)"
        marks: Style = {"ms": 4, "mec": look.colour(4), "zorder": 4, "label": text}
        _outside(ax, np.zeros(len(values)), values, "<", ax.get_yaxis_transform(), marks)
    ax.set_ylim(low, high)


def _level(ax: Axes, value: float, text: str) -> None:
    """A dashed level with its name at the right."""
    reference(ax, y=value, color=INK, zorder=1)
    place = ax.get_yaxis_transform()
    ax.text(0.99, value, text, size="x-small", ha="right", va="bottom", transform=place)

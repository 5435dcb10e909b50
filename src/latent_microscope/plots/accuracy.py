"""Errors of classifiers beside how well they predict people, and how alike their RDMs are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.maps import name_points
from latent_microscope.plots.style import FAINT, INK, MUTED, Look, Page, panel, pretty, say
from latent_microscope.published import CROSS_ENTROPY_TUNED, ORACLES

_TRAINED = {
    "": ("no human data", "o", 0),
    "labels": ("fine-tuned on labels of other images (control)", "v", 5),
    "votes": ("fine-tuned on votes on other images", "^", 4),
}
_HEIGHT = 2.9  # inches


@dataclass(frozen=True)
class _Panel:
    """One quantity of all classifiers.

    Attributes:
        measure: Its name in the table of measures.
        metric: Distance of the RDMs; empty for predictions.
        layers: Where it is looked for, the first found counts.
        text: Title.
        label: Of the axis.
    """

    measure: str
    metric: str
    layers: tuple[str, ...]
    text: str
    label: str


_ERRORS = _Panel("accuracy", "", ("probabilities",), "", "errors (% of the images)")
_PANELS = (
    _Panel(
        "cross_entropy_calibrated",
        "",
        ("probabilities",),
        "prediction of the votes (lower is better)",
        "cross-entropy to the votes (nats)",
    ),
    _Panel(
        "spearman",
        "",
        ("calibrated", "probabilities"),
        "similarity of RDMs (higher is better)",
        "ρ",
    ),
)


def accuracy(
    table: pd.DataFrame,
    title: str,
    look: Look,
    *,
    metric: str = "euclidean",
    targets: Mapping[str, str] | None = None,
    starts: Mapping[str, str] | None = None,
    published: bool = True,
) -> Figure:
    """Cross-entropy to the votes, and similarity of RDMs, against the errors of each classifier.

    Args:
        table: ``tables/measures.parquet``.
        title: Study.
        look: The figure's settings.
        metric: Distance of the RDMs.
        targets: ``votes`` or ``labels`` of models that were fine-tuned, by name.
        starts: The model each of those started from.
        published: Mark the published networks that were tuned on votes (not where votes are
            simulated).
    """
    targets, starts = targets or {}, starts or {}
    page = Page(
        1.0 + _HEIGHT + 0.35,
        f"{title} · accuracy and likeness to people",
        "whiskers: 95 % over images and votes; lines lead from a network to what it became; "
        "mean over seeds",
    )
    axes = page.grid(1, 2, top=0.75, bottom=0.85, left=0.62, right=0.2, wspace=0.28)[0]
    errors = _values(table, _ERRORS)
    for ax, letter, shown in zip(axes, "ab", _PANELS, strict=True):
        chosen = replace(shown, metric=metric) if shown.measure == "spearman" else shown
        found = errors.add_suffix("_errors").join(_values(table, chosen), how="inner")
        panel(ax, letter, shown.text)
        look.panels.add(shown.measure)
        if found.empty:
            say(ax, "no classifier has both numbers")
            continue
        ax.set_xlabel(_ERRORS.label)
        ax.set_ylabel(f"{shown.label} ({metric})" if shown.label == "ρ" else shown.label)
        points = np.column_stack([100 * (1 - found["value_errors"]), found["value"]])
        _draw(ax, found, points, targets, starts, look)
        _references(ax, table, chosen, points, look, published=published)
        look.limit(ax, shown.measure)
        box = ax.get_position()
        inches = (box.width * page.width, box.height * page.height)
        names = [pretty(name) for name in found.index]
        name_points(ax, points, names, look.font_size - 1.5, inches=inches)
    _legend(page, axes[0])
    return page.figure


def _values(table: pd.DataFrame, of: _Panel) -> pd.DataFrame:
    """Mean over seeds of value, low and high (images and votes) of each model that was run."""
    rows = table[(table["measure"] == of.measure) & (table["metric"] == of.metric)]
    rows = rows[(rows["seed"] >= 0) & np.isfinite(rows["value"])]
    rows = rows[rows["layer"].isin(of.layers) & ~rows["model"].isin(ORACLES)]
    first = rows["layer"].map(of.layers.index)
    rows = rows[first == first.groupby(rows["model"]).transform("min")]
    rows = rows.assign(
        low=rows["low_votes"].fillna(rows["low"]), high=rows["high_votes"].fillna(rows["high"])
    )
    return rows.groupby("model", sort=False)[["value", "low", "high"]].mean()


def _draw(
    ax: Axes,
    found: pd.DataFrame,
    points: np.ndarray,
    targets: Mapping[str, str],
    starts: Mapping[str, str],
    look: Look,
) -> None:
    place = {str(name): i for i, name in enumerate(found.index)}
    for name, start in starts.items():
        if name in place and start in place:
            ends = points[[place[start], place[name]]]
            ax.plot(ends[:, 0], ends[:, 1], color=MUTED, lw=0.7, zorder=1)
    for target, (text, marker, colour) in _TRAINED.items():
        rows = [i for name, i in place.items() if targets.get(name, "") == target]
        if not rows:
            continue
        x, y = points[rows].T
        low, high = (found[end].to_numpy(float)[rows] for end in ("low", "high"))
        ax.vlines(x, low, high, color=look.colour(colour), lw=0.8, zorder=2)
        ax.plot(x, y, marker, ms=4.5, color=look.colour(colour), label=text, zorder=3)
    ax.margins(x=0.22, y=0.12)
    left, right = ax.get_xlim()
    ax.set_xlim(max(left, 0.0), right)


def _references(
    ax: Axes, table: pd.DataFrame, shown: _Panel, points: np.ndarray, look: Look, *, published: bool
) -> None:
    """What the label alone gets and the ceiling, or the votes' own entropy; published values."""
    low, high = ax.get_ylim()
    if shown.measure == "spearman":
        rows = table[(table["measure"] == "spearman") & (table["metric"] == shown.metric)]
        label, ceiling = float(rows["baseline"].mean()), float(rows["ceiling_lower"].mean())
        if np.isfinite(ceiling) and ceiling > high:
            ax.text(0.99, 0.99, f"↑ noise ceiling from {ceiling:.3f}", transform=ax.transAxes,
                    ha="right", va="top", size="x-small", color=INK)  # fmt: skip
            high += 0.06 * (high - low)
        elif np.isfinite(ceiling):
            ax.axhspan(ceiling, high, color=FAINT, alpha=0.8, lw=0, zorder=0)
        if np.isfinite(label):
            ax.axhline(label, color=INK, lw=0.8, ls=(0, (4, 2)), zorder=1)
            ax.text(0.99, label, "true label alone", transform=ax.get_yaxis_transform(),
                    ha="right", va="bottom", size="x-small", color=INK)  # fmt: skip
        ax.set_ylim(low, high)
        return
    human = table[(table["model"] == "human") & (table["measure"] == "cross_entropy")]["value"]
    if len(human):
        floor = float(human.iloc[0])
        ax.axhline(floor, color=INK, lw=0.8, ls=(0, (4, 2)), zorder=1)
        ax.text(0.99, floor, "entropy of the votes", transform=ax.get_yaxis_transform(),
                ha="right", va="bottom", size="x-small", color=INK)  # fmt: skip
        low = min(low, floor - 0.05 * (high - floor))
    if published:
        values = [after for after, _ in CROSS_ENTROPY_TUNED.values()]
        ax.plot(np.full(len(values), 0.0), values, "<", ms=4, mfc="none", mec=look.colour(4),
                transform=ax.get_yaxis_transform(), clip_on=False, zorder=4,
                label="published CNNs tuned on votes (accuracy not given)")  # fmt: skip
    ax.set_ylim(low, high)


def _legend(page: Page, ax: Axes) -> None:
    handles, texts = ax.get_legend_handles_labels()
    host = page.axes(0.08, page.height - 0.42, page.width - 0.16, 0.36)
    host.set_axis_off()
    if handles:
        host.legend(handles, texts, loc="center", ncols=2, borderaxespad=0)


_ACCURACY_COLUMNS = [
    "model",
    "layer",
    "seed",
    "metric",
    "measure",
    "value",
    "low",
    "high",
    "low_votes",
    "high_votes",
    "baseline",
    "ceiling_lower",
    "ceiling_upper",
]


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
    """Plot cross-entropy to the votes, and similarity of RDMs, against the errors.

    Args:
        measures: .parquet of all measures of all models.
        title: Study.
        look: look of the figures.
        metric: distance of the RDMs.
        targets: what fine-tuned models were trained on (votes or labels), by name.
        starts: the model each of those started from.
        simulated: the votes are simulated: no published value is comparable.
    """
    return accuracy(
        load_table(measures, _ACCURACY_COLUMNS),
        title,
        look,
        metric=metric,
        targets=targets,
        starts=starts,
        published=not simulated,
    )

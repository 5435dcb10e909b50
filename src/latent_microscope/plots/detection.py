"""How well authentic samples are found: the funnel beside the published one, and detectors."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.style import FAINT, MUTED, NOISE, Look, Page, panel, pretty
from latent_microscope.published import FUNNEL, FUNNEL_UNIQUENESS

_MEASURES = {"precision": "precision", "recall": "recall", "f1": "F1"}


def _stack(tables: Sequence[pd.DataFrame], name: str) -> pd.DataFrame:
    if not tables:
        raise InputError(f"{name}: give the table of at least one seed")
    return pd.concat([t.assign(seed=i) for i, t in enumerate(tables)], ignore_index=True)


def plot_funnel(
    *,
    funnel: list[In],
    title: str,
    look: Look,
    percentile: float = 90.0,
) -> Figure:
    """Plot the four configurations, mean ± sd over seeds.

    Args:
        funnel: funnel .parquet of each seed.
        title: Study, view and method.
        look: look of the figures.
        percentile: uniqueness percentile of the configurations shown, 0 to 100.

    Raises:
        InputError: No table, or none has this percentile.
    """
    tables = [load_table(path) for path in funnel]
    table = _stack(tables, "funnel")
    table = table[np.isclose(table["uniqueness_percentile"], percentile)]
    if table.empty:
        raise InputError(f"funnel: no configuration has the uniqueness percentile {percentile:g}")
    page = Page(
        2.6,
        f"{title} · {_seeds(len(tables))}",
        f"uniqueness percentile {percentile:g}; ours: mean ± sd, dots: seeds; "
        "dashed: share of authentic samples; "
        "–: nothing selected",
    )
    published = FUNNEL if percentile == FUNNEL_UNIQUENESS else {}
    steps = sorted(table["stability_percentile"].unique(), reverse=True)
    for ax, (letter, (column, name)) in zip(
        page.grid(1, 3, top=0.72, bottom=0.4, wspace=0.45)[0],
        zip("abc", _MEASURES.items(), strict=True),
        strict=True,
    ):
        for x, step in enumerate(steps):
            values = table.loc[table["stability_percentile"] == step, column].to_numpy(float)
            _bar(ax, x - 0.2, values, look.colour(0), "ours" if x == 0 else None)
            if step in published:
                ax.bar(x + 0.2, getattr(published[step], column), 0.36, color=NOISE,
                       label="published" if x == 0 else None)  # fmt: skip
        ax.set_xticks(range(len(steps)), [_configuration(s) for s in steps], size=5.5)
        ax.set_ylim(*(0, 1.05) if column == "precision" else (0, _ceiling(table, column)))
        if column == "precision" and "prevalence" in table:
            ax.axhline(table["prevalence"].mean(), color=MUTED, lw=0.8, ls=(0, (3, 2)), zorder=0)
        panel(ax, letter, name)
        look.limit(ax, column)
    page.figure.axes[1].legend(loc="upper left")
    return page.figure


def _seeds(n: int) -> str:
    return f"{n} seed{'s' if n > 1 else ''}"


def _configuration(step: float) -> str:
    name = FUNNEL[step].name.partition(", ")[2] if step in FUNNEL else ""
    return f"P{step:g}\n{name}"


def _ceiling(table: pd.DataFrame, column: str) -> float:
    best = max(getattr(run, column) for run in FUNNEL.values())
    ours = np.nanmax(table[column].to_numpy(float), initial=0.0)
    return 1.25 * max(best, float(ours))


def _bar(ax: Axes, x: float, values: np.ndarray, colour: str, label: str | None) -> None:
    """A bar of the mean with its standard deviation and a dot for each value."""
    known = values[np.isfinite(values)]
    if known.size == 0:
        ax.bar(x, 0, 0.36, color=colour, label=label)
        ax.text(x, 0.01, "–", ha="center", va="bottom", color=colour)
        return
    sd = known.std(ddof=1) if known.size > 1 else None
    ax.bar(x, known.mean(), 0.36, color=colour, alpha=0.85, label=label,
           yerr=sd, error_kw={"lw": 0.8, "capsize": 2})  # fmt: skip
    spread = np.linspace(-0.1, 0.1, known.size) if known.size > 1 else np.zeros(1)
    ax.scatter(x + spread, known, s=5, c="black", linewidths=0, zorder=3)
    if known.max() == 0:
        ax.text(x, 0.0, "0", ha="center", va="bottom", color=colour, size="small")


def plot_detectors(
    *,
    detection: list[In],
    title: str,
    look: Look,
) -> Figure:
    """Plot ROC AUC and average precision of each detector, mean ± sd over seeds.

    Args:
        detection: detection .parquet of each seed.
        title: Study, view and method.
        look: look of the figures.
    """
    tables = [load_table(path) for path in detection]
    table = _stack(tables, "detection")
    base_rate = table["prevalence"].mean() if "prevalence" in table else None
    means = table.groupby("detector", sort=False)["roc_auc"].mean()
    order = list(means.sort_values(ascending=True, kind="stable").index)
    page = Page(
        0.95 + 0.21 * len(order),
        f"{title} · {_seeds(len(tables))}",
        "positives: authentic samples; large dot and line: mean ± sd, small dots: seeds; "
        "orange: our own detector",
    )
    left, right = page.grid(1, 2, top=0.68, left=1.55, right=0.15, wspace=0.3)[0]
    columns = {
        "roc_auc": (left, "a", "ROC AUC", 0.5),
        "average_precision": (right, "b", "average precision", base_rate),
    }
    for column, (ax, letter, name, chance) in columns.items():
        if chance is not None:
            ax.axvline(chance, color=MUTED, lw=0.8, ls=(0, (3, 2)))
            ax.text(chance + 0.01, len(order) - 0.45, "chance", color=MUTED, size="small",
                    va="bottom")  # fmt: skip
        for y, detector in enumerate(order):
            _interval(ax, y, table.loc[table["detector"] == detector, column], look, detector)
        ax.set_ylim(-0.6, len(order) - 0.1)
        ax.set_xlim(-0.03, 1.03)
        ax.set_yticks(range(len(order)), [pretty(d) for d in order] if ax is left else [])
        ax.grid(axis="y", color=FAINT, lw=0.5)
        ax.set_axisbelow(True)
        ax.spines["left"].set_visible(False)
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel(name)
        panel(ax, letter, name)
        look.limit(ax, column)
    return page.figure


def _interval(ax: Axes, y: int, values: pd.Series, look: Look, detector: str) -> None:
    known = values.dropna().to_numpy(float)
    if known.size == 0:
        ax.text(0.5, y, "–", ha="center", va="center", color=MUTED)
        return
    colour = look.colour(4) if detector == "detect_authentic" else look.colour(0)
    if known.size > 1:
        sd = known.std(ddof=1)
        ax.plot([known.mean() - sd, known.mean() + sd], [y, y], color=colour, lw=1.6)
        ax.scatter(known, np.full(known.size, y - 0.27), s=4, c=colour, linewidths=0, alpha=0.7)
    ax.scatter(known.mean(), y, s=22, c=colour, linewidths=0, zorder=3)

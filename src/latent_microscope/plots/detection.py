"""Detection of authentic samples: the published funnel, and detectors on all ground truths."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.forensics.evaluation import BASELINES, OURS
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots import style
from latent_microscope.plots.panels import estimate, name_rows, reference, slanted
from latent_microscope.plots.style import FAINT, MUTED, NOISE, Look, Page, Style, pretty
from latent_microscope.published import FUNNEL, FUNNEL_UNIQUENESS

_MEASURES = {"precision": "precision", "recall": "recall", "f1": "F1"}
_MEASURED = {
    "average_precision_interpolations": ("average precision", ", interpolations positive"),
    "f1": ("F1", " of authentic samples, one threshold rule for all"),
}
_SHOWN = 6  # detectors compared over scenarios


def plot_funnel(*, funnel: list[In], title: str, look: Look, percentile: float = 90.0) -> Figure:
    """Precision, recall and F1 of the published configurations, mean ± sd over seeds.

    ``funnel`` is the table of each seed; ``percentile`` that of uniqueness, 0 to 100.
    """
    table = pd.concat([load_table(path) for path in funnel])
    table = table[np.isclose(table["uniqueness_percentile"], percentile)]
    if table.empty:
        raise InputError(f"funnel: no configuration has the uniqueness percentile {percentile:g}")
    page = Page(
        2.6,
        f"{title} · {style.several(len(funnel), 'seed')}",
        f"uniqueness percentile {percentile:g}; ours: mean ± sd, dots: seeds; dashed: share of "
        "authentic samples; –: nothing selected",
    )
    published = FUNNEL if percentile == FUNNEL_UNIQUENESS else {}
    steps = sorted(table["stability_percentile"].unique(), reverse=True)
    axes = page.grid(1, 3, top=0.72, bottom=0.4, wspace=0.45)
    for ax, letter, (column, name) in zip(axes, "abc", _MEASURES.items(), strict=True):
        for x, step in enumerate(steps):
            values = table.loc[table["stability_percentile"] == step, column].to_numpy(float)
            _bar(ax, x - 0.2, values, look.colour(0), "ours" if x == 0 else None)
            if step in published:
                value, label = getattr(published[step], column), "published" if x == 0 else None
                ax.bar(x + 0.2, value, 0.36, color=NOISE, label=label)
        names = [FUNNEL[s].name.partition(", ")[2] if s in FUNNEL else "" for s in steps]
        configurations = [f"P{s:g}\n{name}" for s, name in zip(steps, names, strict=True)]
        ax.set_xticks(range(len(steps)), configurations, size=5.5)
        ax.set_xlim(-0.6, len(steps) - 0.4)
        best = max(getattr(run, column) for run in FUNNEL.values())
        ours = float(np.nanmax(table[column].to_numpy(float), initial=0.0))
        ax.set_ylim(0, 1.05 if column == "precision" else 1.25 * max(best, ours))
        if column == "precision" and "prevalence" in table:
            reference(ax, y=table["prevalence"].mean(), zorder=0)
        look.panel(ax, column, letter, f"{name} by stability percentile", ylabel=name)
    axes[1].legend(loc="upper left")
    return page.figure


def _bar(ax: Axes, x: float, values: np.ndarray, colour: str, label: str | None) -> None:
    """A bar of the mean with its standard deviation and a dot for each value."""
    known = values[np.isfinite(values)]
    if known.size == 0:
        ax.bar(x, 0, 0.36, color=colour, label=label)
        ax.text(x, 0.01, "–", ha="center", va="bottom", color=colour)
        return
    sd = known.std(ddof=1) if known.size > 1 else None
    spread = np.linspace(-0.1, 0.1, known.size) if known.size > 1 else np.zeros(1)
    ends = {"lw": 0.8, "capsize": 2}
    ax.bar(x, known.mean(), 0.36, color=colour, alpha=0.85, label=label, yerr=sd, error_kw=ends)
    ax.scatter(x + spread, known, s=5, c="black", linewidths=0, zorder=3)
    if known.max() == 0:
        ax.text(x, 0.0, "0", ha="center", va="bottom", color=colour, size="small")


def plot_detectors(*, detection: list[In], title: str, look: Look) -> Figure:
    """ROC AUC and average precision of each detector, mean ± sd over seeds.

    ``detection`` is the table of each seed.
    """
    table = pd.concat([load_table(path) for path in detection])
    means = table.groupby("detector", sort=False)["roc_auc"].mean()
    order = list(means.sort_values(ascending=True, kind="stable").index)[::-1]
    page = Page(
        0.95 + 0.21 * len(order),
        f"{title} · {style.several(len(detection), 'seed')}",
        "positives: authentic samples; large dot and line: mean ± sd, small dots: seeds; dashed: "
        "chance; orange: our own detector",
    )
    axes = page.grid(1, 2, top=0.68, left=1.55, right=0.15, wspace=0.3)
    panels = {"roc_auc": ("ROC AUC", 0.5), "average_precision": ("average precision", None)}
    for ax, letter, (column, (name, chance)) in zip(axes, "ab", panels.items(), strict=True):
        if chance is None and "prevalence" in table:
            chance = float(table["prevalence"].mean())
        reference(ax, x=chance)
        for y, detector in enumerate(order):
            values = table.loc[table["detector"] == detector, column]
            _seeds_of(ax, y, values, look.colour(4 if detector == OURS else 0))
        name_rows(ax, [pretty(d) for d in order] if ax is axes[0] else [""] * len(order))
        ax.set_xlim(-0.03, 1.03)
        ax.spines["left"].set_visible(False)
        look.panel(ax, column, letter, name, xlabel=name)
    return page.figure


def _seeds_of(ax: Axes, y: int, values: pd.Series, colour: str) -> None:
    known = values.dropna().to_numpy(float)
    if known.size == 0:
        ax.text(0.5, y, "–", ha="center", va="center", color=MUTED)
        return
    mean, sd = known.mean(), known.std(ddof=1) if known.size > 1 else np.nan
    estimate(ax, y, mean, (mean - sd, mean + sd), colour, ms=4.7, mew=0, lw=1.6)
    if known.size > 1:
        place = np.full(known.size, y + 0.27)
        ax.scatter(known, place, s=4, c=colour, linewidths=0, alpha=0.7)


def plot_scenarios(*, comparison: In, title: str, look: Look) -> Figure:
    """Average precision and F1 of the best detectors in every scenario, mean ± sd over seeds.

    ``comparison`` has one row per scenario and detector.
    """
    table = load_table(comparison)
    if table.empty:
        raise InputError("comparison: no detector was compared; give the study a scenario")
    scenarios = list(dict.fromkeys(table["scenario"]))
    ranked = table[table["family"].isin(["ours", *BASELINES])]
    names = _best_detectors(ranked)
    low, high = int(table["n"].min()), int(table["n"].max())
    page = Page(
        5.6,
        title,
        f"mean ± sd over {low}{f'–{high}' if high > low else ''} data seeds; grey lines: share of "
        "interpolations (a), F1 of calling every sample authentic (b)"
        + style.part_of(len(names), ranked["detector"].nunique(), "detectors"),
    )
    axes = page.grid(2, 1, top=0.72, bottom=0.85, left=0.55, right=1.5, hspace=0.32)
    base = table.drop_duplicates("scenario").set_index("scenario").loc[scenarios, "prevalence"]
    chances = [1.0 - base, 2.0 * base / (1.0 + base)]
    for k, (measure, (label, rest)) in enumerate(_MEASURED.items()):
        ax = axes[k]
        _detectors(ax, table, scenarios, names, measure, look)
        left = np.arange(len(scenarios)) - 0.5
        ax.hlines(chances[k], left, left + 1.0, color=MUTED, lw=0.8, zorder=0)
        slanted(ax, range(len(scenarios)), scenarios if k else [""] * len(scenarios), rotation=35)
        for x in range(1, len(scenarios), 2):
            ax.axvspan(x - 0.5, x + 0.5, color=FAINT, alpha=0.35, lw=0, zorder=-1)
        ax.set(xlim=(-0.5, len(scenarios) - 0.5), ylim=(-0.03, 1.03))
        ax.grid(axis="y", color=FAINT, lw=0.5)
        ax.set_axisbelow(True)
        look.panel(ax, measure, "ab"[k], label + rest, ylabel=label)
    axes[0].legend(loc="upper left", bbox_to_anchor=(1.01, 1.02), fontsize="small")
    return page.figure


def _best_detectors(table: pd.DataFrame) -> list[str]:
    """Ours, the best others by average precision, uniqueness and stability."""
    rank = table.groupby("detector", sort=False)
    means = rank["average_precision_interpolations_mean"].mean().sort_values(ascending=False)
    # PyOD's KNN with the mean of ten is the same score as our kNN density.
    names = [OURS, *[n for n in means.index if n not in (OURS, "knn_density")][: _SHOWN - 1]]
    heuristics = [n for n in ("uniqueness", "stability") if n in means.index and n not in names]
    return names + heuristics


def _detectors(
    ax: Axes, table: pd.DataFrame, scenarios: list[str], names: list[str], measure: str, look: Look
) -> None:
    others = [i for i in range(7) if i != 4]
    for i, name in enumerate(names):
        part = table[table["detector"] == name].set_index("scenario").reindex(scenarios)
        marks: Style = {"color": look.colour(others[(i - 1) % len(others)]), "ms": 3.5, "zorder": 3}
        marks |= {"marker": "sD^vP*X"[(i - 1) % 7], "elinewidth": 0.8, "ls": "none"}
        if name == OURS:
            marks |= {"color": look.colour(4), "marker": "o", "ms": 5, "zorder": 4}
        x = np.arange(len(scenarios)) + 0.1 * (i - (len(names) - 1) / 2)
        mean, sd = part[f"{measure}_mean"], part[f"{measure}_sd"]
        ax.errorbar(x, mean, sd, label=pretty(name), **marks)

"""Figure of how alike models are to people's dissimilarities."""

import numpy as np
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.style import MUTED, Look, Page, count, panel, pretty

_ROW = 0.24


def plot_dissimilarity(
    *,
    table: In,
    title: str,
    look: Look,
) -> Figure:
    """Plot correlations with intervals, baseline and ceiling.

    Args:
        table: .parquet of the similarity to people's dissimilarities.
        title: Study.
        look: look of the figures.
    """
    found = load_table(table)
    chosen = found[found["method"] == "spearman"]
    metrics = list(dict.fromkeys(chosen["metric"]))
    first = chosen.iloc[0]
    observers = int(first["n_observers"])
    rows = chosen["model"].nunique()
    height = max(_ROW * rows, 0.6)
    note = "Spearman of RDMs with 95% interval over images; dashed: true label alone; "
    if observers > 1:
        note += f"band: noise ceiling of {observers} observers"
    else:
        note += "one matrix of people: no noise ceiling"
    page = Page(
        0.75 + len(metrics) * (height + 0.62),
        f"{title} · similarity to people's dissimilarities, {count(int(first['n_images']))} images",
        note,
        width=5.6,
    )
    for number, metric in enumerate(metrics):
        part = chosen[chosen["metric"] == metric].sort_values("value", ascending=False)
        ax = page.axes(1.7, 0.75 + number * (height + 0.62), 3.6, height)
        y = np.arange(len(part))
        lower, upper = part["ceiling_lower"].iloc[0], part["ceiling_upper"].iloc[0]
        if np.isfinite(lower):
            ax.axvspan(lower, upper, color="#E6E6E6", lw=0)
        if np.isfinite(part["label_only"].iloc[0]):
            ax.axvline(part["label_only"].iloc[0], color=MUTED, lw=0.9, ls="--")
        ax.axvline(0.0, color=MUTED, lw=0.6)
        ax.hlines(y, part["low"], part["high"], color=look.colour(0), lw=1.1)
        ax.plot(part["value"], y, "o", ms=4, color=look.colour(0))
        ax.set_yticks(y, [pretty(name) for name in part["model"]])
        ax.set_ylim(len(part) - 0.5, -0.5)
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel("Spearman correlation with people")
        panel(ax, "abc"[number], f"{metric} distances")
        look.limit(ax, metric)
    return page.figure

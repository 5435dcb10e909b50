"""Detectors of authentic samples over ground truths of growing difficulty."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.forensics.evaluation import OURS, PEERS
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.style import FAINT, MUTED, Look, Page, panel, pretty

_SHOWN = 6
_PANELS = {
    "average_precision_interpolations": "average precision, interpolations positive",
    "f1": "F1 of authentic samples, one threshold rule for all",
}


def detector_settings(table: pd.DataFrame, title: str, look: Look) -> Figure:
    """Mean ± sd over seeds of the best detectors on every setting.

    Args:
        table: From ``tables.detection.comparison_summary``.
        title: Study.
        look: The figure's settings.

    Raises:
        InputError: The table is empty.
    """
    if table.empty:
        raise InputError("comparison: no detector was compared; give the study a setting")
    settings = list(dict.fromkeys(table["setting"]))
    rank = table[table["family"].isin(["ours", *PEERS])].groupby("detector", sort=False)
    means = rank["average_precision_interpolations_mean"].mean().sort_values(ascending=False)
    # PyOD's KNN with the mean of ten is the same score as our kNN density.
    names = [OURS, *[n for n in means.index if n not in (OURS, "knn_density")][: _SHOWN - 1]]
    for wanted in ("uniqueness", "stability"):
        if wanted in means.index and wanted not in names:
            names.append(wanted)
    low, high = int(table["n"].min()), int(table["n"].max())
    page = Page(
        5.6,
        title,
        f"mean ± sd over {low}{f'–{high}' if high > low else ''} data seeds; grey: share of "
        "interpolations (a), calling everything authentic (b)",
    )
    axes = page.grid(2, 1, top=0.72, bottom=0.85, left=0.55, right=1.5, hspace=0.32)
    for ax, (letter, (measure, text)) in zip(
        [row[0] for row in axes], zip("ab", _PANELS.items(), strict=True), strict=True
    ):
        _lines(ax, table, settings, names, measure, look)
        base = table.drop_duplicates("setting").set_index("setting").loc[settings, "prevalence"]
        chance = 1.0 - base if letter == "a" else 2.0 * base / (1.0 + base)
        left = np.arange(len(settings)) - 0.5
        ax.hlines(chance, left, left + 1.0, color=MUTED, lw=0.8, zorder=0)
        ax.set_xticks(range(len(settings)), settings if letter == "b" else [], rotation=35,
                      ha="right")  # fmt: skip
        for x in range(1, len(settings), 2):
            ax.axvspan(x - 0.5, x + 0.5, color=FAINT, alpha=0.35, lw=0, zorder=-1)
        ax.set_xlim(-0.5, len(settings) - 0.5)
        ax.set_ylim(-0.03, 1.03)
        ax.set_ylabel("average precision" if letter == "a" else "F1")
        ax.grid(axis="y", color=FAINT, lw=0.5)
        ax.set_axisbelow(True)
        panel(ax, letter, text)
        look.limit(ax, measure)
    axes[0][0].legend(loc="upper left", bbox_to_anchor=(1.01, 1.02), fontsize="small")
    return page.figure


def _lines(
    ax: Axes, table: pd.DataFrame, settings: list[str], names: list[str], measure: str, look: Look
) -> None:
    others = [i for i in range(7) if i != 4]
    for i, name in enumerate(names):
        part = table[table["detector"] == name].set_index("setting").reindex(settings)
        own = name == OURS
        x = np.arange(len(settings)) + 0.1 * (i - (len(names) - 1) / 2)
        ax.errorbar(
            x,
            part[f"{measure}_mean"],
            part[f"{measure}_sd"],
            color=look.colour(4 if own else others[(i - 1) % len(others)]),
            marker="o" if own else "sD^vP*X"[(i - 1) % 7],
            ms=5 if own else 3.5,
            elinewidth=0.8,
            ls="none",
            zorder=4 if own else 3,
            label=pretty(name),
        )


def plot_settings(
    *,
    comparison: In,
    title: str,
    look: Look,
) -> Figure:
    """Plot average precision and F1 over the settings.

    Args:
        comparison: .parquet, one row a setting and detector.
        title: Study.
        look: look of the figures.
    """
    return detector_settings(load_table(comparison), title, look)

"""Simulations: power of the bias tests, calibration of every method of inference."""

from itertools import product
from string import ascii_lowercase

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.forensics.bias_simulations import LEVEL, POWER
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.panels import name_rows, reference
from latent_microscope.plots.settling import log_ticks
from latent_microscope.plots.style import Look, Page, count


def plot_power(*, power: In, title: str, look: Look, attributes: int = 40) -> Figure:
    """Power over odds ratio, prevalence and cluster size, alone and adjusted in a family.

    ``attributes`` is the number of tests of the family.
    """
    table = load_table(power)
    table = table[table["people"] == "single"]
    sizes = sorted(table["members"].unique())
    page = Page(
        4.3,
        f"{title} · power of the test of independent images",
        f"{count(table['runs'].max())} simulated studies per point, bands: 95 % intervals; dashed: "
        f"5 %; star and dots: required, {POWER['power']:.0%} at odds ratio "
        f"{POWER['odds_ratio']:g}, prevalence ≥ {POWER['prevalence']:g}, "
        f"{POWER['members']:.0f} members",
    )
    axes = page.grid(2, len(sizes), top=0.72, bottom=0.42, left=0.5, wspace=0.25, hspace=0.5)
    rows = {"power": "p ≤ 0.05, one attribute", "adjusted": f"q ≤ 0.05 among {attributes}"}
    ticks = [v for v in (1, 1.5, 2, 3, 5) if v <= table["odds_ratio"].max()]
    for k, (column, size) in enumerate(product(rows, sizes)):
        ax = axes[k]
        _curves(ax, table[table["members"] == size], column, look)
        reference(ax, y=LEVEL, zorder=0)
        if size == POWER["members"] and column == "power":
            reference(ax, y=POWER["power"], ls=":", zorder=0)
            ax.plot(POWER["odds_ratio"], POWER["power"], "*", color="black", ms=7, zorder=5)
        ax.set(ylim=(-0.02, 1.03), xscale="log")
        log_ticks(ax.xaxis, 1e3)
        ax.set_xticks(ticks, [f"{v:g}" for v in ticks])
        labels = "odds ratio (log scale)" * (k >= len(sizes)), "power" * (k % len(sizes) == 0)
        text = f"n = {count(size)}: {rows[column]}"
        look.panel(ax, column, ascii_lowercase[k], text, *labels)
    axes[len(sizes) - 1].legend(title="prevalence", loc="lower right", title_fontsize="small")
    return page.figure


def _curves(ax: Axes, table: pd.DataFrame, column: str, look: Look) -> None:
    for k, prevalence in enumerate(sorted(table["prevalence"].unique())):
        part = table[table["prevalence"] == prevalence].sort_values("odds_ratio")
        x, low, high = (part[name] for name in ("odds_ratio", f"{column}_low", f"{column}_high"))
        ax.plot(x, part[column], "o-", ms=2.2, color=look.colour(k), label=f"{prevalence:g}")
        ax.fill_between(x, low, high, color=look.colour(k), alpha=0.18, lw=0)


def plot_calibration(*, calibration: In, title: str, look: Look) -> Figure:
    """Every method of inference on its grid: false alarms, coverage and bias by cell."""
    table = load_table(calibration)
    table = table[table["nominal"].notna() & table["value"].notna()]
    rows = list(table.groupby(["method", "outcome"], sort=False))
    height = 0.16 * len(rows)
    page = Page(
        1.2 + height,
        f"{title} · calibration of the inference",
        f"one dot per cell of a method's grid, {count(table['n'].max())} data sets each at most; "
        "line: nominal value; orange: outside its band, which is simultaneous over cells",
    )
    ax = page.axes(3.1, 0.72, 3.9, height)
    for y, (_, part) in enumerate(rows):
        colours = [look.colour(4 if outside else 0) for outside in part["outside"]]
        ax.scatter(part["value"], np.full(len(part), y), s=8, c=colours, alpha=0.55, linewidths=0)
        nominal = part["nominal"].iloc[0]
        ax.plot([nominal] * 2, [y - 0.35, y + 0.35], color="black", lw=0.8)
    names = [f"{method}: {outcome}".replace("_", " ") for (method, outcome), _ in rows]
    name_rows(ax, names, size=5.8)
    look.panel(ax, "calibration", "", "", xlabel="share of data sets (bias: mean)")
    return page.figure

"""Simulations of the bias index: power, false positives under the null, coverage of intervals."""

from itertools import product
from string import ascii_lowercase

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.forensics.bias_simulations import COVERAGE, LEVEL, POWER
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots import style
from latent_microscope.plots.panels import band, estimate, name_rows, reference
from latent_microscope.plots.style import Look, Page, count

_EFFECTS = {"odds": "odds ratio", "ratio": "ratio", "difference": "difference"}


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
        style.log_ticks(ax.xaxis, 1e3)
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


def plot_calibration(*, null: In, coverage: In, title: str, look: Look) -> Figure:
    """Rejections under the global null, and coverage of the 95 % intervals."""
    alarms, covered = load_table(null), load_table(coverage)
    groups = list(covered.groupby(["scenario", "effect", "members"], sort=False))
    height = max(0.27 * len(alarms), 0.2 * len(groups))
    page = Page(
        1.2 + height,
        f"{title} · false positives and coverage",
        f"{count(alarms['runs'].max())} simulated studies; a: 95 % intervals, dashed: 5 %, dotted: "
        "its 99 % binomial limit; b: dots: prevalences and odds ratios, line: mean, band: 93 % to "
        "97 %",
    )
    left, right = page.axes(2.0, 0.72, 1.5, height), page.axes(5.35, 0.72, 1.7, height)
    procedures = []
    for y, row in enumerate(alarms.to_dict("records")):
        colour = look.colour(0 if row["required"] else 4)
        estimate(left, y, row["share"], (row["low"], row["high"]), colour, lw=1.3)
        scenario = row["scenario"].replace("independent images, correlated", "correlated")
        procedures.append(f"{_short(scenario)},\n{row['procedure']}, {row['tests']} tests")
    reference(left, x=LEVEL)
    reference(left, x=float(alarms["limit"].max()), ls=":")
    name_rows(left, procedures, size=5.8)
    left.set_xlim(0, max(0.12, 1.08 * float(alarms["high"].max())))
    look.panel(left, "null", "a", "global null", "share of studies with any rejection")
    band(right, *COVERAGE)
    reference(right, x=1 - LEVEL)
    names = []
    for y, (_, part) in enumerate(groups):
        scenario, effect, members = part[["scenario", "effect", "members"]].iloc[0]
        values = part["coverage"].to_numpy(float)
        colour = look.colour(list(_EFFECTS).index(effect))
        right.scatter(values, np.full(len(values), y), s=8, c=colour, alpha=0.55, linewidths=0)
        right.plot([values.mean()] * 2, [y - 0.3, y + 0.3], color=colour, lw=1.6)
        names.append(f"{_short(scenario)}, {_EFFECTS[effect]}, n = {count(members)}")
    name_rows(right, names, size=5.8)
    right.set_xlim(min(0.9, float(covered["coverage"].min()) - 0.01), 1.0)
    look.panel(right, "coverage", "b", "intervals", xlabel="coverage of the 95 % interval")
    return page.figure


def _short(scenario: str) -> str:
    return scenario.replace(" images", "").replace("few people hold most", "few people")

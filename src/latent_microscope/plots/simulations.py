"""Simulations of the bias index: power, false alarms under the null, coverage of intervals."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.forensics.bias_simulations import COVERAGE, LEVEL, POWER
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.style import FAINT, MUTED, Look, Page, count, log_ticks, panel

_EFFECTS = {"odds": "odds ratio", "ratio": "ratio", "difference": "difference"}


def plot_power(
    *,
    power: In,
    title: str,
    look: Look,
    attributes: int = 40,
) -> Figure:
    """Plot power over odds ratio, prevalence and cluster size, alone and adjusted.

    Args:
        power: .parquet of the simulated power.
        title: Study.
        look: look of the figures.
        attributes: size of the family.
    """
    table = load_table(power)
    sizes = sorted(table["members"].unique())
    page = Page(
        4.3,
        f"{title} · power of the test of independent images",
        f"{count(table['runs'].max())} simulated studies a point, bands: 95%; dashes: 5%; "
        f"star and dots: required, {POWER['power']:.0%} at odds ratio {POWER['odds_ratio']:g}, "
        f"prevalence ≥ {POWER['prevalence']:g}, {POWER['members']:.0f} members",
    )
    grid = page.grid(2, len(sizes), top=0.72, bottom=0.42, left=0.5, wspace=0.25, hspace=0.5)
    rows = (("power", "p ≤ 0.05, one attribute"),
            ("adjusted", f"q ≤ 0.05 among {attributes}"))  # fmt: skip
    letters = iter("abcdefghijkl")
    for line, (column, text) in zip(grid, rows, strict=True):
        for ax, size in zip(line, sizes, strict=True):
            part = table[table["members"] == size]
            _curves(ax, part, column, look)
            ax.axhline(LEVEL, color=MUTED, lw=0.8, ls=(0, (3, 2)), zorder=0)
            if size == POWER["members"] and column == "power":
                ax.axhline(POWER["power"], color=MUTED, lw=0.8, ls=":", zorder=0)
                ax.plot(POWER["odds_ratio"], POWER["power"], "*", color="black", ms=7, zorder=5)
            panel(ax, next(letters), f"n = {count(size)}: {text}")
            ax.set_ylim(-0.02, 1.03)
            ax.set_xscale("log")
            log_ticks(ax.xaxis, 1e3)
            shown = [v for v in (1, 1.5, 2, 3, 5) if v <= table["odds_ratio"].max()]
            ax.set_xticks(shown, [f"{v:g}" for v in shown])
            if ax is line[0]:
                ax.set_ylabel("power")
            if line is grid[-1]:
                ax.set_xlabel("odds ratio")
            look.limit(ax, column)
    grid[0][-1].legend(title="prevalence", loc="lower right", title_fontsize="small")
    return page.figure


def _curves(ax: Axes, table: pd.DataFrame, column: str, look: Look) -> None:
    for k, (prevalence, part) in enumerate(table.groupby("prevalence", sort=True)):
        part = part.sort_values("odds_ratio")
        x = part["odds_ratio"].to_numpy(float)
        ax.plot(x, part[column], color=look.colour(k), marker="o", ms=2.2,
                label=f"{float(prevalence):g}")  # type: ignore[arg-type]  # fmt: skip
        ax.fill_between(x, part[f"{column}_low"], part[f"{column}_high"], color=look.colour(k),
                        alpha=0.18, lw=0)  # fmt: skip


def plot_calibration(
    *,
    null: In,
    coverage: In,
    title: str,
    look: Look,
) -> Figure:
    """Plot what the simulations say about tests and intervals.

    Args:
        null: .parquet of rejections under the global null.
        coverage: .parquet of the coverage of intervals.
        title: Study.
        look: look of the figures.
    """
    alarms, covered = load_table(null), load_table(coverage)
    rows = alarms.to_dict("records")
    groups = list(covered.groupby(["scenario", "effect", "members"], sort=False))
    height = max(0.27 * len(rows), 0.2 * len(groups))
    page = Page(
        1.2 + height,
        f"{title} · false alarms and coverage",
        f"{count(alarms['runs'].max())} simulated studies; a: 95% intervals, dashed: 5%, dotted: "
        "its 99% binomial limit; b: dots: prevalences and odds ratios, line: mean, band: 93% to "
        "97%",
    )
    left = page.axes(2.0, 0.72, 1.5, height)
    right = page.axes(5.35, 0.72, 1.7, height)
    for y, row in enumerate(rows):
        colour = look.colour(0) if row["required"] else look.colour(4)
        left.plot([row["low"], row["high"]], [y, y], color=colour, lw=1.3)
        left.plot(row["share"], y, "o", ms=4, color=colour)
    left.axvline(LEVEL, color=MUTED, lw=0.8, ls=(0, (3, 2)))
    left.axvline(float(alarms["limit"].max()), color=MUTED, lw=0.8, ls=":")
    _rows(left, [_procedure(row) for row in rows])
    left.set_xlim(0, max(0.12, 1.08 * float(alarms["high"].max())))
    left.set_xlabel("studies with any rejection")
    panel(left, "a", "global null")
    look.limit(left, "null")
    right.axvspan(*COVERAGE, color=FAINT, alpha=0.8, lw=0)
    right.axvline(1 - LEVEL, color=MUTED, lw=0.8, ls=(0, (3, 2)))
    names = []
    for y, (_, part) in enumerate(groups):
        scenario, effect, members = part[["scenario", "effect", "members"]].iloc[0]
        values = part["coverage"].to_numpy(float)
        colour = look.colour(list(_EFFECTS).index(effect))
        right.scatter(values, np.full(len(values), y), s=8, c=colour, alpha=0.55, linewidths=0)
        right.plot([values.mean()] * 2, [y - 0.3, y + 0.3], color=colour, lw=1.6)
        names.append(f"{_short(scenario)}, {_EFFECTS[effect]}, n = {count(members)}")
    _rows(right, names)
    right.set_xlim(min(0.9, float(covered["coverage"].min()) - 0.01), 1.0)
    right.set_xlabel("coverage of the 95% interval")
    panel(right, "b", "intervals")
    look.limit(right, "coverage")
    return page.figure


def _short(scenario: str) -> str:
    return scenario.replace(" images", "").replace("few people hold most", "few people")


def _procedure(row: dict) -> str:
    scenario = row["scenario"].replace("independent images, correlated attributes",
                                       "correlated attributes")  # fmt: skip
    family = f"{row['tests']} tests"
    return f"{_short(scenario)},\n{row['procedure']}, {family}"


def _rows(ax: Axes, names: list[str]) -> None:
    ax.set_yticks(range(len(names)), names, size=5.8)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", color=FAINT, lw=0.4)
    ax.set_axisbelow(True)

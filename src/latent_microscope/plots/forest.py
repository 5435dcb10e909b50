"""Attribute bias without photographs: a forest plot of odds ratios with intervals."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.bias import NEUTRAL, strongest
from latent_microscope.plots.style import (
    FAINT,
    INK,
    MUTED,
    NOISE,
    Look,
    Page,
    count,
    log_ticks,
    panel,
    pretty,
    say,
)
from latent_microscope.published import CLUSTER_BIAS

_LEVEL = 0.05  # of q, as in the tables
_COLOUR = {"over": 4, "under": 0}
_ROW, _HEAD, _FOOT = 0.165, 0.7, 0.62
_GROUPS = 5  # at most, in the order of the table: clusters by size, C_max, sub-niches


def plot_bias_forest(
    *,
    abi: In,
    title: str,
    look: Look,
    published: bool = False,
    top: int = 10,
) -> Figure:
    """Plot the attributes furthest from 1 with 95 % intervals, for the largest groups.

    Args:
        abi: .parquet: group, n_members, definition, attribute, direction, status, estimate, low,
            high, q, q_run.
        title: Study and seed.
        look: look of the figures.
        published: put the preprint's bars beside it.
        top: attributes of a group.
    """
    bars = CLUSTER_BIAS if published else None
    every = load_table(abi)
    table = every[every["definition"] == "odds"]
    names = list(dict.fromkeys(table["group"]))[:_GROUPS]
    parts = [strongest(table[table["group"] == name], top) for name in names]
    panels = len(parts) + bool(bars)
    rows = max(1, -(-panels // 2))
    height = _ROW * top + 0.1
    small = 0.3 * len(bars or {}) + 0.1
    alone = bool(bars) and panels % 2 == 1 and panels > 1
    page = Page(
        _HEAD + rows * (height + _FOOT) - (max(height - small, 0.0) if alone else 0.0),
        f"{title} · attribute bias (odds ratio, members against the rest)",
        "lines: 95% interval; orange: over-, blue: under-represented, grey: neutral; filled: "
        "q ≤ 0.05 in the group; *: also over all groups; ×: a cell is 0",
    )
    look.panels.add("bars")
    if not parts:
        say(page.axes(0.1, _HEAD, page.width - 0.2, height), "no cluster: all samples are noise")
        return page.figure
    span = _span(pd.concat(parts), bars)
    for k in range(panels):
        tall = height if k < len(parts) else small
        ax = page.axes(1.5 + 3.6 * (k % 2), _HEAD + (k // 2) * (height + _FOOT), 1.95, tall)
        ax.set_xscale("log")
        ax.axvspan(*NEUTRAL["odds"], color=FAINT, alpha=0.6, lw=0)
        ax.axvline(1.0, color=MUTED, lw=0.7)
        if k < len(parts):
            _intervals(ax, parts[k], look)
            members = int(parts[k]["n_members"].iloc[0]) if len(parts[k]) else 0
            text = f"{pretty(names[k])}, n = {count(members)}"
        else:
            _bars(ax, bars or {}, table[table["group"] == names[0]], look)
            text = f"preprint's (bars), our {pretty(names[0])}"
        panel(ax, "abcdefghijkl"[k % 12], text)
        ax.set_ylim((top if k < len(parts) else len(bars or {})) - 0.4, -0.6)
        ax.tick_params(axis="y", length=0)
        ax.set_xlim(span)
        log_ticks(ax.xaxis, span[1] / span[0])
        ax.set_xlabel("odds ratio (log scale)")
        look.limit(ax, "bars")
    return page.figure


def _span(table: pd.DataFrame, published: Mapping[str, float] | None) -> tuple[float, float]:
    """Shared x limits: all estimates and intervals, at most a factor of 100 from 1."""
    ends = table[["low", "high", "estimate"]].to_numpy(float).ravel()
    ends = np.concatenate([ends, list((published or {}).values())])
    ends = ends[np.isfinite(ends) & (ends > 0)]
    if ends.size == 0:
        return 0.1, 10.0
    return (
        float(np.clip(ends.min() / 1.2, 1e-2, 0.5)),
        float(np.clip(ends.max() * 1.2, 2.0, 1e2)),
    )


def _intervals(ax: Axes, table: pd.DataFrame, look: Look) -> None:
    names = []
    for y, row in enumerate(table.to_dict("records")):
        _interval(ax, y, row, look)
        names.append(pretty(row["attribute"]) + (" *" if row["q_run"] <= _LEVEL else ""))
    if table.empty:
        ax.text(0.5, 0.5, "no attribute varies", transform=ax.transAxes, ha="center", color=MUTED)
    ax.set_yticks(range(len(names)), names)


def _interval(ax: Axes, y: float, row: Mapping[Hashable, Any], look: Look) -> None:
    """A dot and its interval."""
    colour = look.colour(_COLOUR[row["direction"]]) if row["direction"] in _COLOUR else NOISE
    if np.isfinite(row["low"]) and np.isfinite(row["high"]):
        ax.plot([max(row["low"], 1e-9), row["high"]], [y, y], color=colour, lw=1.1)
    marker = "x" if row["status"] == "zero_cell" else "o"
    face = colour if row["q"] <= _LEVEL or marker == "x" else "white"
    ax.plot(row["estimate"], y, marker, ms=4.2, mfc=face, mec=colour, mew=0.9)


def _bars(ax: Axes, published: Mapping[str, float], ours: pd.DataFrame, look: Look) -> None:
    """The preprint's values, which it drew as bars, and our estimates of the same attributes."""
    for y, (name, value) in enumerate(published.items()):
        ax.barh(y - 0.17, value - 1.0, left=1.0, height=0.32, color=NOISE, ec=MUTED, lw=0.6)
        ax.text(value * 1.05, y - 0.17, f"{value:g}", va="center", color=INK, size="small")
        for row in ours[ours["attribute"] == name].to_dict("records"):
            _interval(ax, y + 0.2, row, look)
    ax.set_yticks(range(len(published)), [pretty(name) for name in published])

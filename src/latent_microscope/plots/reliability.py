"""Figure of how sure every sample's place in a ranking is."""

import math
from collections.abc import Hashable, Mapping
from string import ascii_lowercase
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.style import (
    INK,
    MUTED,
    NOISE,
    Look,
    Page,
    count,
    fitting,
    panel,
    pretty,
    say,
)

_ACROSS = 4  # scores beside each other
_COLUMNS = 400  # samples that are drawn of each score, evenly spaced in its order
_DASHED = (0, (4, 2))
_ORANGE = 4  # says mostly noise
_BARS = (0, 1, 2, 3, 5)  # colours of scores: not that one, and not the black of the lines


def plot_reliability(
    *,
    intervals: In,
    reliability: In,
    title: str,
    look: Look,
) -> Figure:
    """Plot the range of each sample's percentile by each main score.

    Args:
        intervals: score-intervals .parquet: score, id, median, low, high, next_low, next_high,
            noise_median, noise_low, noise_high, replicates, vaes.
        reliability: .parquet, one row a score and source of variation.
        title: Study.
        look: look of the figures.
    """
    ranges, found = load_table(intervals), load_table(reliability)
    n = ranges["id"].nunique()
    vaes = int(ranges["vaes"].max())
    bad = found[found["status"].isin(["mostly noise", "list mostly noise"])]
    warning = "".join(
        f" · {pretty(row['score'])} over {row['over']}: {row['status']}"
        for row in bad[bad["over"] != "both"].to_dict("records")
    )
    scores = [str(score) for score in ranges["score"].unique()]
    blocks = math.ceil(len(scores) / _ACROSS)
    page = Page(
        4.75 + 4.0 * (blocks - 1),
        f"{title} · n = {count(n)} · {vaes} VAE{'s' if vaes > 1 else ''}{warning}",
        "each sample's percentile, samples ordered by median (line): range over VAEs or VAEs × "
        "ICA restarts (bars); dashed: 95% of the percentiles by another VAE lie between",
    )
    axes = page.grid(2 * blocks, _ACROSS, top=0.78, bottom=0.42, left=0.5, wspace=0.2, hspace=0.62)
    for unused in (ax for pair in axes[-2:] for ax in pair[(len(scores) - 1) % _ACROSS + 1 :]):
        unused.set_axis_off()
    for k, score in enumerate(scores):
        block, column = divmod(k, _ACROSS)
        table = ranges[ranges["score"] == score]
        row = _headline(found, score)
        top, bottom = axes[2 * block][column], axes[2 * block + 1][column]
        _ranges(top, table, look.colour(_BARS[k % len(_BARS)]), "")
        _ranges(bottom, table, NOISE, "noise_")
        _next(top, table)
        noisy = row["status"] in ("mostly noise", "list mostly noise")
        text = f"{pretty(score)} ({_replicates(table)})"
        panel(top, ascii_lowercase[k], text)
        top.set_title(top.get_title(loc="left"), fontsize=fitting(text, look.font_size, 1.4))
        _note(top, row, look.colour(_ORANGE) if noisy else MUTED)
        panel(bottom, "", _of_noise(table))
        for ax, name in ((top, score), (bottom, f"{score}_noise")):
            ax.set(xlim=(0, 100), ylim=(0, 100), xticks=(0, 50, 100), yticks=(0, 50, 100))
            if column:
                ax.tick_params(labelleft=False)
            look.limit(ax, name)
        bottom.set_xlabel("samples by median (%)")
    for row_axes in axes:
        row_axes[0].set_ylabel("percentile")
    return page.figure


def _headline(table: pd.DataFrame, score: str) -> Mapping[Hashable, Any]:
    """The row that says how far a score repeats: over VAEs, of one VAE over its restarts."""
    rows = table[table["score"] == score].to_dict("records")
    known = [r for r in rows if r["pairs"] and r["over"] in ("both", "VAE seeds")]
    return (known or [r for r in rows if r["pairs"]] or rows)[-1]


def _replicates(table: pd.DataFrame) -> str:
    total, vaes = int(table["replicates"].iloc[0]), int(table["vaes"].iloc[0])
    if total == vaes:
        return f"{vaes} VAE{'s' if vaes > 1 else ''}"
    return f"{vaes} × {total // vaes}"


def _of_noise(table: pd.DataFrame) -> str:
    what = "VAEs" if int(table["vaes"].iloc[0]) > 1 else "restarts"
    return f"if {what} were unrelated"


def _ranges(ax: Axes, table: pd.DataFrame, colour: str, prefix: str) -> None:
    if table["low"].isna().all():
        say(ax, "one replicate:\nno uncertainty known")
        return
    order = np.argsort(table[f"{prefix}median"].to_numpy(float), kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, min(len(order), _COLUMNS)).round().astype(int)]
    x = np.linspace(0, 100, len(chosen))
    low, high, middle = (
        table[f"{prefix}{name}"].to_numpy(float)[chosen] for name in ("low", "high", "median")
    )
    ax.vlines(x, low, high, color=colour, lw=0.5, alpha=0.75, rasterized=True)
    ax.plot(x, middle, color=INK, lw=0.9)


def _next(ax: Axes, table: pd.DataFrame) -> None:
    known = table[np.isfinite(table["next_low"])].sort_values("median", kind="stable")
    if len(known):
        x = np.linspace(0, 100, len(known))
        for name in ("next_low", "next_high"):
            ax.plot(x, known[name], color=INK, lw=0.8, ls=_DASHED)


def _note(ax: Axes, row: Mapping[Hashable, Any], colour: str) -> None:
    if not row["pairs"]:
        return
    over = {"both": "VAEs", "VAE seeds": "VAEs", "ICA restarts": "restarts"}[row["over"]]
    text = (
        f"between {over}: Spearman {row['spearman_mean']:.2f}\n"
        f"{row['list']}: {row['list_shared']:.0%} repeat (chance {row['list_shared_chance']:.1%})"
    )
    ax.text(
        0.98, -0.16, text, transform=ax.transAxes, ha="right", va="top", color=colour,
        size="x-small", linespacing=1.15,
    )  # fmt: skip

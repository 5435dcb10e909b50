"""Figure of how sure every sample's place in a ranking is."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latent_microscope.plots.style import INK, MUTED, NOISE, Look, Page, count, panel, pretty, say

_SCORES = ("uniqueness", "originality", "stability", "cls")
_COLUMNS = 400  # samples that are drawn of each score, evenly spaced in its order
_DASHED = (0, (4, 2))


def reliability(
    intervals: pd.DataFrame, reliability: pd.DataFrame, title: str, look: Look
) -> Figure:
    """Range of every sample's percentile, ordered by median, above what pure noise looks like.

    Args:
        intervals: ``score-intervals.parquet``.
        reliability: ``reliability.parquet``.
        title: Study.
        look: The figure's settings.
    """
    n = intervals["id"].nunique()
    vaes = int(intervals["vaes"].max())
    bad = reliability[reliability["status"].isin(["mostly noise", "list mostly noise"])]
    warning = "".join(
        f" · {pretty(row['score'])} over {row['over']}: {row['status']}"
        for row in bad[bad["over"] != "both"].to_dict("records")
    )
    page = Page(
        4.75,
        f"{title} · n = {count(n)} · {vaes} VAE{'s' if vaes > 1 else ''}{warning}",
        "each sample's percentile, samples ordered by median (line): range over VAEs or VAEs × "
        "ICA restarts (bars); dashed: 95% of the percentiles by another VAE lie between",
    )
    axes = page.grid(2, 4, top=0.78, bottom=0.42, left=0.5, wspace=0.2, hspace=0.62)
    for column, score in enumerate(_SCORES):
        table = intervals[intervals["score"] == score]
        row = _headline(reliability, score)
        top, bottom = axes[0][column], axes[1][column]
        _ranges(top, table, look.colour(column), "")
        _ranges(bottom, table, NOISE, "noise_")
        _next(top, table)
        noisy = row["status"] in ("mostly noise", "list mostly noise")
        panel(top, "abcd"[column], f"{pretty(score)} ({_replicates(table)})")
        _note(top, row, look.colour(4) if noisy else MUTED)
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

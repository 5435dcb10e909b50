"""Attribute bias of groups of images: bars with intervals beside a sample of the group."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latent_microscope.plots.grids import grid_height, image_grid
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

NEUTRAL = {"odds": (0.85, 1.15), "ratio": (0.90, 1.10)}
_LEVEL = 0.05  # of q, as in the tables
_COLOUR = {"over": 4, "under": 0}
_MEANING = {"odds": "odds ratio", "ratio": "ratio of prevalences"}


def strongest(abi: pd.DataFrame, top: int) -> pd.DataFrame:
    """The attributes furthest from 1, over or under, on a log scale; constant ones left out."""
    known = abi[(abi["status"] != "constant") & (abi["estimate"] > 0)]
    known = known[np.isfinite(known["estimate"])]
    distance = np.log(known["estimate"]).abs()
    return known.loc[distance.sort_values(ascending=False, kind="stable").index[:top]]


def bias_panels(
    images: np.ndarray,
    abi: pd.DataFrame,
    members: dict[str, npt.NDArray[np.int64]],
    rng: np.random.Generator,
    title: str,
    look: Look,
    *,
    top: int = 10,
    nothing: str = "no cluster: all samples are noise",
) -> Figure:
    """A row a group: its strongest attributes with 95% intervals, and a sample of its images.

    Args:
        images: uint8 (n, H, W, C).
        abi: ``abi.parquet`` of one definition: group, attribute, direction, status, estimate, low,
            high, q.
        members: Rows of the images of each group that is shown, in order.
        rng: Draws the images.
        title: Study, seed.
        look: The figure's settings.
        top: Attributes a group.
        nothing: What to say when there is no group.
    """
    definition = str(abi["definition"].iloc[0]) if len(abi) else "odds"
    row_height, head = 2.2, 0.7
    page = Page(
        head + row_height * max(1, len(members)) - 0.2,
        f"{title} · attribute bias ({_MEANING[definition]})",
        "members against the rest, 95% interval; orange: over-, blue: under-represented, grey: "
        "neutral; filled: q ≤ 0.05; ×: a cell of the table is 0",
    )
    look.panels.add("bars")
    if not members:
        say(page.axes(0.1, head, page.width - 0.2, row_height - 0.3), nothing)
        return page.figure
    tables = {name: strongest(abi[abi["group"] == name], top) for name in members}
    span = _span(pd.concat(tables.values()))
    for k, (name, rows) in enumerate(members.items()):
        y = head + k * row_height
        ax = page.axes(1.55, y, 2.3, row_height - 0.62)
        _bars(ax, tables[name], definition, look, span)
        panel(ax, "abcdefghijkl"[k % 12], f"{pretty(name)}, n = {count(len(rows))}")
        look.limit(ax, "bars")
        if k == len(members) - 1:
            ax.set_xlabel(f"{_MEANING[definition]} (log scale)")
        _sample(page, images, rows, rng, left=4.1, top=y, width=3.0, height=row_height - 0.5)
    return page.figure


def _span(table: pd.DataFrame) -> tuple[float, float]:
    """Shared x limits: all estimates and nearly all intervals, at most a factor of 1,000 from 1."""
    ends = table[["low", "high", "estimate"]].to_numpy(float)
    ends = ends[np.isfinite(ends) & (ends > 0)]
    if ends.size == 0:
        return 0.1, 10.0
    return (
        float(np.clip(ends.min() / 1.15, 1e-3, 0.5)),
        float(np.clip(ends.max() * 1.15, 2.0, 1e3)),
    )


def _bars(
    ax: Axes, table: pd.DataFrame, definition: str, look: Look, span: tuple[float, float]
) -> None:
    if table.empty:
        say(ax, "no attribute varies")
        return
    ax.set_xscale("log")
    ax.axvspan(*NEUTRAL[definition], color=FAINT, alpha=0.6, lw=0)
    ax.axvline(1.0, color=MUTED, lw=0.7)
    for y, row in enumerate(table.to_dict("records")):
        estimate = float(row["estimate"])
        side = row["direction"]
        colour = look.colour(_COLOUR[side]) if side in _COLOUR else NOISE
        sure = bool(row["q"] <= _LEVEL)
        ax.barh(y, estimate - 1.0, left=1.0, height=0.62, fc=colour if sure else "white",
                ec=colour, lw=0.8)  # fmt: skip
        if np.isfinite(row["low"]) and np.isfinite(row["high"]):
            ax.plot([max(row["low"], 1e-9), row["high"]], [y, y], color=INK, lw=0.8)
        if row["status"] == "zero_cell":
            ax.plot(estimate, y, "x", color=INK, ms=3.5, mew=0.9)
    ax.set_yticks(range(len(table)), [pretty(a) for a in table["attribute"]])
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.set_xlim(span)
    log_ticks(ax.xaxis, span[1] / span[0])


def _sample(
    page: Page, images: np.ndarray, rows: npt.NDArray[np.int64], rng: np.random.Generator, *,
    left: float, top: float, width: float, height: float,
) -> None:  # fmt: skip
    """As many random members as fill the rectangle."""
    shape = images.shape[1:]
    columns = next(
        c for c in range(5, 41)
        if grid_height(shape, 3 * c, c, width) <= height
        or grid_height(shape, c, c, width) > height
        or c == 40
    )  # fmt: skip
    lines = 1
    while grid_height(shape, (lines + 1) * columns, columns, width) <= height:
        lines += 1
    chosen = np.sort(rng.permutation(rows)[: lines * columns])
    image_grid(page, images[chosen], left=left, top=top, width=width, columns=columns)

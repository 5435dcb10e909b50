"""Attribute bias of groups of images: bars with intervals beside a sample of the group."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.io.artefacts import load_npy, load_table
from latent_microscope.io.inputs import joined
from latent_microscope.plots.grids import grid_height, image_grid
from latent_microscope.plots.latent import biggest_clusters
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
from latent_microscope.seeds import rng

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


def _bias_panels(
    images: Path,
    abi: Path,
    definition: str,
    members: Mapping[str, npt.NDArray[np.int64]],
    rng: np.random.Generator,
    title: str,
    look: Look,
    *,
    top: int,
    nothing: str = "no cluster: all samples are noise",
) -> Figure:
    """A row a group: its strongest attributes with 95% intervals, and a sample of its images.

    Args:
        images: .npy uint8 (n, H, W, C).
        abi: ``abi.parquet``.
        definition: Of the index: odds or ratio.
        members: Rows of the images of each group that is shown, in order.
        rng: Draws the images.
        title: Study, seed.
        look: The figure's settings.
        top: Attributes a group.
        nothing: What to say when there is no group.
    """
    pictures, bias = load_npy(images, mmap=True), load_table(abi)
    bias = bias[bias["definition"] == definition]
    definition = definition if len(bias) else "odds"
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
    tables = {name: strongest(bias[bias["group"] == name], top) for name in members}
    span = _span(pd.concat(tables.values()))
    for k, (name, rows) in enumerate(members.items()):
        y = head + k * row_height
        ax = page.axes(1.55, y, 2.3, row_height - 0.62)
        _bars(ax, tables[name], definition, look, span)
        panel(ax, "abcdefghijkl"[k % 12], f"{pretty(name)}, n = {count(len(rows))}")
        look.limit(ax, "bars")
        if k == len(members) - 1:
            ax.set_xlabel(f"{_MEANING[definition]} (log scale)")
        _sample(page, pictures, rows, rng, left=4.1, top=y, width=3.0, height=row_height - 0.5)
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


def plot_cluster_bias(
    *,
    images: In,
    samples: In,
    clusters: In,
    abi: In,
    title: str,
    look: Look,
    definition: str = "odds",
    top: int = 10,
    most: int = 6,
    seed: int = 0,
) -> Figure:
    """Plot the attributes furthest from 1 with 95 % intervals, for the largest clusters.

    Args:
        images: .npy uint8 (n, H, W, C), row i = row i of samples.
        samples: .parquet: id.
        clusters: .parquet: id, cluster.
        abi: .parquet: group, definition, attribute, direction, status, estimate, low, high, q.
        title: Study and seed.
        look: look of the figures.
        definition: odds or ratio.
        top: attributes of a group.
        most: clusters at most, the largest first.
        seed: root seed, draws the images.
    """
    table = joined(samples, clusters, ([], ["cluster"]))
    labels = table["cluster"].to_numpy()
    groups = {f"cluster {k}": np.flatnonzero(labels == k) for k in biggest_clusters(labels)[:most]}
    draws = rng(seed, "plot_cluster_bias")
    return _bias_panels(images, abi, definition, groups, draws, title, look, top=top)


def plot_cmax_bias(
    *,
    images: In,
    samples: In,
    clusters: In,
    abi: In,
    title: str,
    look: Look,
    definition: str = "odds",
    top: int = 10,
    seed: int = 0,
) -> Figure:
    """Plot the attributes furthest from 1 with 95 % intervals, for C_max.

    Args:
        images: .npy uint8 (n, H, W, C), row i = row i of samples.
        samples: .parquet: id.
        clusters: .parquet: id, cmax.
        abi: .parquet: group, definition, attribute, direction, status, estimate, low, high, q.
        title: Study and seed.
        look: look of the figures.
        definition: odds or ratio.
        top: attributes of a group.
        seed: root seed, draws the images.
    """
    table = joined(samples, clusters, ([], ["cmax"]))
    labels = table["cmax"].fillna(-1).to_numpy(int)
    found = biggest_clusters(labels)
    groups = {"cmax": np.flatnonzero(labels == found[0])} if found else {}
    nothing = "no C_max: HDBSCAN calls all latents noise (SBS = 0)"
    draws = rng(seed, "plot_cmax_bias")
    return _bias_panels(
        images, abi, definition, groups, draws, title, look, top=top, nothing=nothing
    )

"""Maps of a latent space: projections, points by cluster, points by a score."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import MaxNLocator

from latent_microscope.errors import InputError
from latent_microscope.plots.style import (
    INK,
    MUTED,
    NOISE,
    SEQUENTIAL,
    Look,
    colourbar,
    count,
    log_ticks,
    point_size,
    points,
)


def same_rows(array: np.ndarray, table: pd.DataFrame, name: str) -> None:
    """Raise :class:`InputError` unless ``array`` has a row for each row of the table of scores."""
    if len(array) != len(table):
        raise InputError(
            f"{name}: {len(array)} rows, but the table of samples has {len(table)}; "
            "both must describe the same images"
        )


def biggest_clusters(labels: npt.ArrayLike) -> list[int]:
    """Cluster labels without noise (−1), largest first, ties by label."""
    names, sizes = np.unique(np.asarray(labels), return_counts=True)
    found = sorted((-int(s), int(k)) for k, s in zip(names, sizes, strict=True) if k >= 0)
    return [k for _, k in found]


def by_cluster(
    ax: Axes,
    plane: np.ndarray,
    labels: npt.ArrayLike,
    look: Look,
    *,
    names: bool = True,
    marker: str = "o",
    rows: npt.ArrayLike | None = None,
) -> list[tuple[str, str]]:
    """Colour points by cluster: noise grey, the largest clusters in colour, the rest dark grey.

    Args:
        ax: Where.
        plane: (n, 2).
        labels: (n,) cluster, −1 noise.
        look: The figure's settings.
        names: Write the cluster's number at its median (the 20 largest).
        marker: Of the points.
        rows: Boolean (n,): draw these points only.

    Returns:
        (colour, legend text) of what can be seen, largest cluster first, noise last.
    """
    labels = np.asarray(labels)
    shown = np.ones(len(labels), bool) if rows is None else np.asarray(rows, bool)
    order = biggest_clusters(labels)
    own = order[: len(look.colours) - 1]
    legend = []
    size = point_size(len(labels))
    noise = labels < 0
    points(ax, plane[noise & shown], s=size, c=NOISE, alpha=0.7, marker=marker)
    rest = np.isin(labels, order[len(own) :])
    if rest.any():
        points(ax, plane[rest & shown], s=size, c=MUTED, alpha=0.8, marker=marker)
    for i, k in enumerate(own):
        inside = labels == k
        points(ax, plane[inside & shown], s=size, c=look.colour(i), alpha=0.8, marker=marker)
        legend.append((look.colour(i), f"cluster {k} (n = {count(inside.sum())})"))
    if rest.any():
        legend.append((MUTED, f"{len(order) - len(own)} more (n = {count(rest.sum())})"))
    if noise.any():
        legend.append((NOISE, f"noise (n = {count(noise.sum())})"))
    for k in order[:20] if names else []:
        place = np.median(plane[labels == k], axis=0)
        ax.annotate(
            str(k), place, ha="center", va="center", weight="bold", size="small", color=INK,
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.75},
        )  # fmt: skip
    return legend


def legend_of(ax: Axes, entries: list[tuple[str, str]], **options: Any) -> None:
    """A legend of round dots in the given colours."""
    for colour, text in entries:
        ax.scatter([], [], s=18, c=colour, linewidths=0, label=text)
    ax.legend(**{"loc": "best", "handlelength": 0.8, "borderaxespad": 0.2, **options})


def by_value(
    ax: Axes,
    plane: np.ndarray,
    values: npt.ArrayLike,
    label: str,
    look: Look,
    panel: str,
    *,
    log: bool = False,
) -> None:
    """Colour points by a number, with a bar; bounds from the config or the 1–99 % range.

    Args:
        ax: Where.
        plane: (n, 2).
        values: (n,) numbers.
        label: Of the bar.
        look: The figure's settings.
        panel: Name of the panel in the limits.
        log: A logarithmic scale where the bounds are positive and a factor of 20 apart.
    """
    array = np.asarray(values, dtype=np.float64)
    low, high = look.bounds(array, panel)
    log = log and low > 0 and high / low >= 20
    scale = LogNorm(low, high) if log else Normalize(low, high)
    drawn = points(ax, plane, c=array, cmap=SEQUENTIAL, norm=scale, alpha=0.85)
    below, above = bool(np.nanmin(array) < low), bool(np.nanmax(array) > high)
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max"}
    bar = colourbar(ax, drawn, label, extend=extend.get((below, above), "both"))
    if log:
        log_ticks(bar.ax.yaxis, high / low)
    else:
        bar.ax.yaxis.set_major_locator(MaxNLocator(6))

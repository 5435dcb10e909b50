"""Maps: samples coloured by cluster or by a score, and classical scaling of a few named items."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import MaxNLocator

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy
from latent_microscope.plots import style
from latent_microscope.plots.style import INK, MUTED, NOISE, Look, Style, count

Floats = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]  # left, right, low, high (inches)
ALL_NOISE = "no cluster: all samples are noise"
_NUMBER = (0.16, 0.13)  # inches, of a cluster's number
_DOT, _GAP = 0.03, 0.045  # inches: half a point's room, and from its middle to its name


def rows_of(path: Path, table: pd.DataFrame) -> np.ndarray:
    """A memory-mapped array with one row per row of the table of samples."""
    array = load_npy(path, mmap=True)
    if len(array) != len(table):
        raise InputError(
            f"{path}: {len(array)} rows, but the table of samples has {len(table)}; both must "
            "describe the same samples"
        )
    return array


def require_ids(index: Any, ids: Any, samples: pd.DataFrame, what: str) -> None:
    """Raise :class:`InputError` unless row ``index[k]`` of the samples has the id ``ids[k]``."""
    rows, wanted = np.asarray(index, dtype=np.int64), np.asarray(ids)
    if rows.size and rows.max() >= len(samples):
        raise InputError(f"{what}: index {rows.max()} is beyond the {len(samples)} samples")
    wrong = samples["id"].to_numpy()[rows] != wanted
    if wrong.any():
        raise InputError(
            f"{what}: id {wanted[wrong][0]!r} is not in the row of samples that its index names; "
            "make the table again"
        )


def biggest_clusters(labels: npt.ArrayLike) -> list[int]:
    """Cluster labels without noise (−1), largest first, ties by label."""
    names, sizes = np.unique(np.asarray(labels), return_counts=True)
    return [int(k) for k in names[np.argsort(-sizes, kind="stable")] if k >= 0]


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
    """Colour points by cluster (−1: noise): the largest in colours, noise grey, the rest dark grey.

    ``names`` writes each cluster's number at its median (the 20 largest, if there is room);
    ``rows`` (boolean) restricts what is drawn. Returns (colour, legend text), largest cluster
    first, noise last.
    """
    labels = np.asarray(labels)
    shown = np.ones(len(labels), bool) if rows is None else np.asarray(rows, bool)
    order = biggest_clusters(labels)
    own = order[: len(look.colours) - 1]
    groups = [(NOISE, "noise", labels < 0)]
    groups.append((MUTED, f"{len(order) - len(own)} more", np.isin(labels, order[len(own) :])))
    groups += [(look.colour(i), f"cluster {k}", labels == k) for i, k in enumerate(own)]
    for colour, _, members in groups:
        marks: Style = {
            "s": style.point_size(len(labels)),
            "alpha": 0.7 if colour == NOISE else 0.8,
        }
        style.points(ax, plane[members & shown], c=colour, marker=marker, **marks)
    groups = [*groups[2:], *groups[1::-1]]
    legend = [(c, f"{text} (n = {count(m.sum())})") for c, text, m in groups if m.any()]
    ax.autoscale_view()
    taken = np.empty((0, 2))  # inches
    for k in order[:20] if names else []:
        place = np.median(plane[labels == k], axis=0)
        at = ax.transData.transform(place) / ax.figure.dpi
        if (np.abs(taken - at) < _NUMBER).all(axis=1).any():
            continue  # on the number of a larger cluster
        taken = np.vstack([taken, at])
        box = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.75}
        words: Style = {"ha": "center", "va": "center", "weight": "bold", "size": "small"}
        ax.annotate(str(k), place, bbox=box, color=INK, **words)
    return legend


def legend_of(ax: Axes, entries: list[tuple[str, str]], **options: Any) -> None:
    """A legend of round dots in the given colours, right of the axes."""
    for colour, text in entries:
        ax.scatter([], [], s=18, c=colour, linewidths=0, label=text)
    place = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.0), "borderaxespad": 0.2}
    ax.legend(handlelength=0.8, **place | options)


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
    """Colour points by a number, with a bar labelled ``label``.

    Bounds come from the config or are the 1st and 99th percentile (say so: ``look.cut``); ``log``
    asks for a logarithmic scale where they are positive and a factor of 20 apart.
    """
    array = np.asarray(values, dtype=np.float64)
    low, high = look.bounds(array, panel)
    log = log and low > 0 and high / low >= 20
    scale = LogNorm(low, high) if log else Normalize(low, high)
    drawn = style.points(ax, plane, c=array, cmap=style.SEQUENTIAL, norm=scale, alpha=0.85)
    below, above = np.nanmin(array) < low, np.nanmax(array) > high
    extend = ("neither", "min", "max", "both")[int(below) + 2 * int(above)]
    bar = style.colourbar(ax, drawn, label, extend=extend)
    if not log:
        bar.ax.yaxis.set_major_locator(MaxNLocator(6))


def name_points(
    ax: Axes, plane: Floats, names: Sequence[str], size: float, *, inches: tuple[float, float]
) -> None:
    """Write names beside the first points of (k, 2), where they cover no other name and no point.

    The axes are ``inches`` wide and high and have their limits; a name that has to move further
    away is tied to its point by a thin line.
    """
    (left, right), (low, high) = sorted(ax.get_xlim()), sorted(ax.get_ylim())
    scale = np.array([inches[0] / (right - left), inches[1] / (high - low)])
    at = (plane - [left, low]) * scale  # inches
    taken = [(x - _DOT, x + _DOT, y - _DOT, y + _DOT) for x, y in at]
    own = at[: len(names)]
    for i in np.lexsort((own[:, 0], -own[:, 1])):
        width, line = 0.58 * size / 72.0 * len(names[i]), size / 72.0
        box = _free(at[i], width, line, inches, [b for j, b in enumerate(taken) if j != i])
        taken.append(box)
        x, y = np.array([box[0], (box[2] + box[3]) / 2]) / scale + [left, low]
        ax.text(x, y, names[i], size=size, color=INK, ha="left", va="center")
        if abs((box[2] + box[3]) / 2 - at[i, 1]) > 0.8 * line:
            end = x if box[0] > at[i, 0] else x + width / scale[0]
            ax.plot([plane[i, 0], end], [plane[i, 1], y], color=MUTED, lw=0.4, zorder=1)


def _free(
    point: Floats, width: float, line: float, inches: tuple[float, float], taken: Sequence[Box]
) -> Box:
    """The nearest place for a name that nothing else takes."""
    best: Box | None = None
    for step in range(60):
        y = point[1] + (step + 1) // 2 * line * 0.4 * (-1 if step % 2 else 1)
        for x in (point[0] + _GAP, point[0] - _GAP - width):
            box = (x, x + width, y - line / 2, y + line / 2)
            if box[0] < 0 or box[1] > inches[0] or box[2] < 0 or box[3] > inches[1]:
                continue
            best = best or box
            if all(
                box[1] <= b[0] or b[1] <= box[0] or box[3] <= b[2] or b[3] <= box[2] for b in taken
            ):
                return box
    return best or (point[0], point[0] + width, point[1], point[1])


def frame(ax: Axes, plane: Floats, margin: float = 0.25, ratio: float = 1.0) -> None:
    """Equal units on both axes (width by height: ``ratio``) and room for names; no ticks."""
    middle = (plane.max(0) + plane.min(0)) / 2
    extent = np.ptp(plane, axis=0) / 2
    half = max(float(extent[1]), float(extent[0]) / ratio, 1e-9) * (1 + margin)
    ax.set_xlim(middle[0] - half * ratio, middle[0] + half * ratio)
    ax.set_ylim(middle[1] - half, middle[1] + half)
    ax.set(xticks=[], yticks=[])

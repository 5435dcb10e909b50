"""Alignment of networks with annotators from their first layer to their last."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots import style
from latent_microscope.plots.panels import DASHED, estimate, key, name_rows, reference, slanted
from latent_microscope.plots.style import INK, MUTED, Look, Page, count, pretty

_PANELS = {"value": ("all pairs", "ρa"), "partial_label": ("label held constant", "Spearman ρ")}
_MARKERS = "osD^vPX"
_NAMED = 11  # names of layers that a panel has room for


def plot_layers(*, layers: In, title: str, metric: str, look: Look) -> Figure:
    """Similarity over depth with ceiling and label-only line, and the stages of each network.

    ``layers`` is the table of the layers of all networks; rows of ``metric`` are drawn.
    """
    table = load_table(layers)
    table = table[table["metric"] == metric]
    if table.empty:
        raise InputError(f"layers: no row has the metric {metric!r}")
    models = list(dict.fromkeys(table["model"]))
    parts = {m: table[table["model"] == m].sort_values("position") for m in models}
    styles = {
        model: {"color": look.colour(i), "marker": _MARKERS[i % len(_MARKERS)]}
        for i, model in enumerate(models)
    }
    first = table.iloc[0]
    columns = min(4, len(models))
    rows = -(-len(models) // columns)
    more = 0.17 * max(0, -(-(len(models) + 2) // 4) - 2)  # a longer legend
    page = Page(
        3.6 + more + 2.15 * rows,
        f"{title} · {metric} RDMs of layers · n = {count(first['n_images'])} images, "
        f"{count(first['n_pairs'])} pairs",
        "similarity to the RDM of the annotators' votes; mean over seeds, bars: sd; depth 0: the "
        "pixels, 1: the last layer",
    )
    for k, (column, (text, quantity)) in enumerate(_PANELS.items()):
        ax = page.axes(0.55 + k * 3.45, 0.72, 2.95, 1.95)
        _references(ax, first, column)
        for model, part in parts.items():
            _curve(ax, part["depth"], part, column, styles[model])
        ax.set_xlim(-0.03, 1.03)
        look.panel(ax, column, "ab"[k], text, "depth (share of the layers)", quantity)
    _key(page, {m: part["note"].iloc[0] for m, part in parts.items()}, styles, more)
    means = table[[f"{c}_mean" for c in _PANELS]].to_numpy(float)
    sds = table[[f"{c}_sd" for c in _PANELS]].fillna(0.0).to_numpy(float)
    low, high = float(np.nanmin(means - sds)), float(np.nanmax(means + sds))
    margin = 0.08 * max(high - low, 1e-3)
    width = (page.width - 0.55 - 0.15 - 0.18 * (columns - 1)) / columns
    for i, (model, part) in enumerate(parts.items()):
        row, place = divmod(i, columns)
        ax = page.axes(0.55 + place * (width + 0.18), 3.7 + more + row * 2.15, width, 1.15)
        _stages(ax, part, styles[model])
        ax.set_ylim(min(low, 0.0) - margin, high + margin)
        ax.yaxis.set_major_locator(MaxNLocator(4))
        ax.tick_params(labelleft=not place)
        ax.set_ylabel("" if place else "ρa; Spearman ρ")
        note = part["note"].iloc[0]
        size = style.fitting(note, 0.9 * look.font_size, width)
        style.inside(ax, 0, 1.04, note, ha="left", va="bottom", size=size, color=MUTED)
        look.panel(ax, "stages", _letter(i + 2), pretty(model) + "\n")
    return page.figure


def plot_leaderboard(*, leaderboard: In, layers: In, title: str, look: Look) -> Figure:
    """Score of each network's best layer with its interval, the highest first."""
    table = load_table(leaderboard)
    references = load_table(layers)
    first = references[references["metric"] == table["metric"].iloc[0]].iloc[0]
    page = Page(
        1.55 + 0.2 * len(table),
        f"{title} · best layers · {table['metric'].iloc[0]} RDMs · n = "
        f"{count(table['n_images'].iloc[0])} images",
        "chosen and scored on different images; bars: 95 % intervals over images",
    )
    (ax,) = page.grid(1, 1, top=0.75, bottom=0.5, left=1.5, right=2.4)
    rows: list[Any] = list(table.itertuples(index=False))
    for y, row in enumerate(rows):
        estimate(ax, y, row.score, (row.low, row.high), look.colour(0))
        ax.plot(row.best, y, "o", ms=4, mfc="none", mec=MUTED, mew=0.8)
        text = str(row.layer) if len(row.layer) < 28 else f"…{row.layer[-26:]}"
        text += f" ({100 * row.chosen:.0f} % of halves)" if row.layers > 1 else ""
        size = style.fitting(text, 0.85 * look.font_size, 2.35)
        ax.text(1.02, y, text, transform=ax.get_yaxis_transform(), va="center", size=size)
    label, ceiling = float(first["label_only"]), float(first["value_ceiling"])
    reference(ax, x=label, color=INK, lw=0.9, ls=DASHED)
    if np.isfinite(ceiling):
        reference(ax, x=ceiling, color=INK, lw=1.1, ls=":")
    name_rows(ax, [pretty(str(name)) for name in table["model"]])
    look.panel(ax, "leaderboard", "a", "", "ρa with the RDM of the votes")
    return page.figure


def _letter(place: int) -> str:
    """Letter of a panel: a to z, then aa, ab and so on."""
    more, last = divmod(place, 26)
    return (chr(96 + more) if more else "") + chr(97 + last)


def _curve(ax: Axes, x: Any, part: pd.DataFrame, column: str, drawn: Mapping[str, Any]) -> None:
    lines = {"ms": 3.2, "lw": 1.1, "mew": 0.8, "elinewidth": 0.7, "zorder": 3, **drawn}
    ax.errorbar(x, part[f"{column}_mean"], yerr=part[f"{column}_sd"].fillna(0.0), **lines)


def _references(ax: Axes, row: pd.Series, column: str) -> None:
    """Label-only line (over all pairs) and ceiling."""
    ceiling = float(row[f"{column}_ceiling"])
    if np.isfinite(ceiling):
        ax.axhline(ceiling, color=INK, lw=1.1, ls=":")
        text = f"noise ceiling: {ceiling:.2f}"
        ax.text(0.5, ceiling, text, ha="center", va="bottom", size="small")
    if column == "value":
        label = float(row["label_only"])
        ax.axhline(label, color=INK, lw=0.9, ls=(0, (1, 1.5)))
        text = f"true label alone: {label:.3f}"
        ax.text(0.5, label, text, ha="center", va="bottom", size="small")
    ax.axhline(0, color=INK, lw=0.5)


def _stages(ax: Axes, part: pd.DataFrame, drawn: Mapping[str, Any]) -> None:
    x = range(len(part))
    _curve(ax, x, part, "value", drawn)
    _curve(ax, x, part, "partial_label", {**drawn, "ls": DASHED, "mfc": "white"})
    ax.axhline(0, color=INK, lw=0.5)
    every = -(-len(part) // _NAMED)
    names = [".".join(name.split(".")[-2:]) for name in part["layer"]]
    slanted(ax, x[::every], names[::every])
    ax.tick_params(axis="x", labelsize=6, pad=1.5)
    ax.set_xlim(-0.4, len(part) - 0.6)


def _key(page: Page, notes: Mapping[str, str], styles: Mapping[str, Any], more: float) -> None:
    random = {model: note for model, note in notes.items() if "random" in note}
    handles = [
        Line2D([], [], **drawn, ms=3.2, label=style.noted(model, model, random))
        for model, drawn in styles.items()
    ]
    for line, text in (("-", "all pairs"), (DASHED, "label held constant")):
        handles.append(Line2D([], [], color=INK, lw=1.1, ls=line, label=f"below: {text}"))
    key(page, 3.02, handles, 0.32 + more, ncols=4)

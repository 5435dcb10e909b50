"""How like people networks are from their first layer to their last."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.style import (
    FAINT,
    INK,
    MUTED,
    Look,
    Page,
    count,
    fitting,
    noted,
    panel,
    pretty,
)

_PANELS = {"value": "all pairs", "partial_label": "label held constant"}
_MARKERS = "osD^vPX"
_DASHED = (0, (4, 2))


def plot_layers(
    *,
    layers: In,
    title: str,
    metric: str,
    look: Look,
) -> Figure:
    """Plot similarity over depth, with ceiling and label-only line.

    Args:
        layers: .parquet, table of the layers of all networks.
        title: Study.
        look: look of the figures.
        metric: distance whose rows are drawn.

    Raises:
        InputError: No row of this metric.
    """
    table = load_table(layers)
    table = table[table["metric"] == metric]
    if table.empty:
        raise InputError(f"layers: no row has the metric {metric!r}")
    models = list(dict.fromkeys(table["model"]))
    first = table.iloc[0]
    columns = min(4, len(models))
    rows = -(-len(models) // columns)
    page = Page(
        3.6 + 2.15 * rows,
        f"{title} · {metric} RDMs of layers · n = {count(first['n_images'])} images, "
        f"{count(first['n_pairs'])} pairs",
        "Spearman ρ with the RDM of people's votes; mean over seeds, bars: sd; "
        "depth 0: the pixels, 1: the last layer",
    )
    for k, (column, text) in enumerate(_PANELS.items()):
        ax = page.axes(0.55 + k * 3.45, 0.72, 2.95, 1.95)
        _references(ax, first, column, look)
        for i, model in enumerate(models):
            part = table[table["model"] == model].sort_values("position")
            _curve(ax, part["depth"], part, column, look.colour(i), _MARKERS[i % len(_MARKERS)])
        panel(ax, "ab"[k], text)
        ax.set(xlabel="depth, share of the layers", ylabel="Spearman ρ", xlim=(-0.03, 1.03))
        look.limit(ax, column)
    _legend(page, table, models, look)
    ends = [table[f"{c}_mean"] for c in _PANELS]
    low, high = min(e.min() for e in ends), max(e.max() for e in ends)
    margin = 0.08 * max(high - low, 1e-3)
    width = (page.width - 0.55 - 0.15 - 0.18 * (columns - 1)) / columns
    for i, model in enumerate(models):
        row, place = divmod(i, columns)
        ax = page.axes(0.55 + place * (width + 0.18), 3.7 + row * 2.15, width, 1.15)
        part = table[table["model"] == model].sort_values("position")
        _stages(ax, part, look, i)
        ax.set_ylim(min(low, 0.0) - margin, high + margin)
        ax.yaxis.set_major_locator(MaxNLocator(4))
        if place:
            ax.set_yticklabels([])
        else:
            ax.set_ylabel("Spearman ρ")
        note = part["note"].iloc[0]
        panel(ax, "cdefghijklmnop"[i], pretty(model) + "\n")
        size = fitting(note, 0.9 * look.font_size, width)
        ax.text(0, 1.04, note, transform=ax.transAxes, va="bottom", size=size, color=MUTED)
        look.limit(ax, "stages")
    return page.figure


def _curve(
    ax: Axes,
    x: pd.Series,
    part: pd.DataFrame,
    column: str,
    colour: str,
    marker: str,
    *,
    dashed: bool = False,
) -> None:
    ax.errorbar(
        x, part[f"{column}_mean"], yerr=part[f"{column}_sd"].fillna(0.0), color=colour,
        marker=marker, ms=3.2, lw=1.1, ls=_DASHED if dashed else "-",
        mfc="white" if dashed else colour, mew=0.8, elinewidth=0.7, zorder=3,
    )  # fmt: skip


def _references(ax: Axes, row: pd.Series, column: str, look: Look) -> None:
    """Label-only line (over all pairs) and ceiling band."""
    lower, upper = float(row[f"{column}_ceiling_lower"]), float(row[f"{column}_ceiling_upper"])
    if lower == lower and upper == upper:
        ax.axhspan(lower, upper, color=FAINT, alpha=0.8, lw=0, zorder=0)
        ax.text(
            0.5, (lower + upper) / 2, f"noise ceiling, estimates {lower:.2f}–{upper:.2f}",
            ha="center", va="center", size="small",
        )  # fmt: skip
    if column == "value":
        label = float(row["label_only"])
        ax.axhline(label, color=INK, lw=0.9, ls=(0, (1, 1.5)))
        ax.text(
            0.5, label, f"true label alone: {label:.3f}", ha="center", va="bottom", size="small"
        )
    ax.axhline(0, color=INK, lw=0.5)


def _stages(ax: Axes, part: pd.DataFrame, look: Look, index: int) -> None:
    marker = _MARKERS[index % len(_MARKERS)]
    x = pd.Series(range(len(part)), index=part.index)
    _curve(ax, x, part, "value", look.colour(index), marker)
    _curve(ax, x, part, "partial_label", look.colour(index), marker, dashed=True)
    ax.axhline(0, color=INK, lw=0.5)
    ax.set_xticks(range(len(part)), part["layer"], rotation=50, ha="right", rotation_mode="anchor")
    ax.tick_params(axis="x", labelsize=6, pad=1.5)
    ax.set_xlim(-0.4, len(part) - 0.6)


def _legend(page: Page, table: pd.DataFrame, models: list[str], look: Look) -> None:
    host = page.axes(0.08, 3.02, page.width - 0.16, 0.32)
    host.set_axis_off()
    for i, model in enumerate(models):
        note = table.loc[table["model"] == model, "note"].iloc[0]
        label = noted(model, model, {model: note if "random" in note else ""})
        host.plot([], [], color=look.colour(i), marker=_MARKERS[i % len(_MARKERS)], ms=3.2,
                  label=label)  # fmt: skip
    host.plot([], [], color=INK, lw=1.1, label="below: all pairs")
    host.plot([], [], color=INK, lw=1.1, ls=_DASHED, label="below: label held constant")
    host.legend(loc="center", ncols=4, borderaxespad=0)

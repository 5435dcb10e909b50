"""How like people models are: RSA with baselines and ceilings, and models among each other."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from latent_microscope.errors import InputError
from latent_microscope.figures.style import (
    DIVERGING,
    FAINT,
    INK,
    MUTED,
    Look,
    Page,
    count,
    panel,
    pretty,
)
from latent_microscope.published import RSA, RSA_METRIC

_METHODS = {"spearman": "Spearman ρ", "pearson": "Pearson r", "rho-a": "ρ-a", "tau-a": "τ-a"}
_ORACLES = ("label", "class_mean")  # measured too, but no networks
_PANELS = {
    "value": "all pairs",
    "partial_label": "label held constant",
    "within_class": "pairs within a class",
}


def rsa(
    table: pd.DataFrame,
    title: str,
    look: Look,
    *,
    method: str = "spearman",
    published: bool = True,
) -> Figure:
    """Similarity of each model's RDM with people's, beside what the label alone gets.

    Args:
        table: ``rsa/{metric}.parquet``.
        title: Study.
        look: The figure's settings.
        method: Which comparison of the table.
        published: Mark the published networks (not where votes are simulated).

    Raises:
        InputError: The table has no row of this method.
    """
    table = table[table["method"] == method]
    if table.empty:
        raise InputError(f"rsa: no row has the method {method!r}")
    metric = str(table["metric"].iloc[0])
    names = [(m, layer) for m, layer in zip(table["model"], table["layer"], strict=True)]
    table = table.assign(name=pd.Series(names, index=table.index))
    means = table.groupby("name", sort=False)["value"].mean().sort_values(kind="stable")
    order = list(means.index)
    seeds = table.groupby("name", sort=False)["seed"].nunique().max()
    page = Page(
        1.5 + 0.2 * len(order),
        f"{title} · {metric} RDMs · n = {count(table['n_images'].iloc[0])} images",
        f"{_METHODS.get(method, method)} with the RDM of people's votes; dark: PhilNet; "
        + (f"mean of up to {seeds} seeds, whiskers: sd, dots: seeds" if seeds > 1 else "one seed"),
    )
    axes = page.grid(1, 3, top=0.7, bottom=0.75, left=1.75, right=0.15, wspace=0.2)[0]
    for ax, letter, (column, text) in zip(axes, "abc", _PANELS.items(), strict=True):
        if column == "value":
            _references(ax, table, metric, look, published=published and method == "spearman")
        for y, name in enumerate(order):
            _bar(ax, y, table.loc[table["name"] == name, column].to_numpy(float), name[0], look)
        ax.axvline(0, color=INK, lw=0.6)
        ax.set_ylim(-0.6, len(order) - 0.4)
        labels = [f"{pretty(model)} · {layer}" for model, layer in order]
        ax.set_yticks(range(len(order)), labels if ax is axes[0] else [])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.set_xlabel(_METHODS.get(method, method))
        ax.xaxis.set_major_locator(MaxNLocator(4))
        panel(ax, letter, text)
        look.limit(ax, column)
    _reference_legend(page, axes[0])
    return page.figure


def _bar(ax: Axes, y: int, values: np.ndarray, model: str, look: Look) -> None:
    known = values[np.isfinite(values)]
    if known.size == 0:
        ax.text(0.0, y, " not defined", va="center", color=MUTED, size="small")
        return
    ours = look.colour(0) if "philnet" in model.lower() else look.colour(5)
    sd = known.std(ddof=1) if known.size > 1 else None
    ax.barh(y, known.mean(), height=0.66, color=ours, xerr=sd,
            error_kw={"lw": 0.8, "capsize": 1.5})  # fmt: skip
    if known.size > 1:
        offsets = np.linspace(-0.18, 0.18, known.size)
        ax.scatter(known, y + offsets, s=3.5, c="black", linewidths=0, zorder=3)


def _references(ax: Axes, table: pd.DataFrame, metric: str, look: Look, *, published: bool) -> None:
    label_only = float(table["label_only"].mean())
    lower, upper = float(table["ceiling_lower"].mean()), float(table["ceiling_upper"].mean())
    if np.isfinite(lower) and np.isfinite(upper):
        ax.axvspan(lower, upper, color=FAINT, alpha=0.8, lw=0, zorder=0,
                   label=f"noise ceiling, estimates {lower:.3f}–{upper:.3f}")  # fmt: skip
    if np.isfinite(label_only):
        ax.axvline(label_only, color=look.colour(4), lw=1.1, ls=(0, (4, 2)), zorder=4,
                   label=f"true label alone: {label_only:.3f}")  # fmt: skip
    if metric == RSA_METRIC and published:
        values = [value for name, value in RSA.items() if name not in _ORACLES]
        ax.plot(values, np.full(len(values), 1.0), "v", ms=3.5, mfc="none", mec=INK, mew=0.7,
                transform=ax.get_xaxis_transform(), clip_on=False, zorder=5,
                label=f"{len(values)} published CNNs, no human data (probabilities)")  # fmt: skip


def _reference_legend(page: Page, ax: Axes) -> None:
    handles, texts = ax.get_legend_handles_labels()
    host = page.axes(0.08, page.height - 0.27, page.width - 0.16, 0.2)
    host.set_axis_off()
    host.legend(handles, texts, loc="center", ncols=3, borderaxespad=0)


def model_similarity(table: pd.DataFrame, title: str, look: Look, *, metric: str = "") -> Figure:
    """Similarity of every pair of RDMs, people included.

    Args:
        table: ``rsa/{metric}-models.parquet``: model_a, model_b, value.
        title: Study.
        look: The figure's settings.
        metric: Distance of the RDMs.
    """
    names = list(dict.fromkeys([*table["model_a"], *table["model_b"]]))
    names.sort(key=lambda name: name != "human")  # people first, the rest as given
    place = {name: i for i, name in enumerate(names)}
    matrix = np.full((len(names), len(names)), np.nan)
    for a, b, value in zip(table["model_a"], table["model_b"], table["value"], strict=True):
        matrix[place[a], place[b]] = matrix[place[b], place[a]] = value
    cell = float(np.clip(4.4 / max(len(names), 1), 0.22, 0.5))
    side, left = cell * len(names), 1.75
    longest = max(len(pretty(name)) for name in names) if names else 0
    page = Page(
        side + 0.7 + 0.035 * longest,
        f"{title} · similarity of {metric} RDMs".replace("  ", " "),
        width=max(left + side + 1.1, 4.6),
    )
    ax = page.axes(left, 0.5, side, side)
    low, high = look.bounds(matrix, "matrix", tail=0)
    bound = max(abs(low), abs(high), 1e-9)
    colours = matplotlib.colormaps[DIVERGING].with_extremes(bad=FAINT)
    drawn = ax.imshow(matrix, cmap=colours, vmin=-bound, vmax=bound, aspect="auto")
    size = float(np.clip(72 * cell * 0.3, 4.0, 6.5))
    for i, j in np.argwhere(np.isfinite(matrix)):
        dark = abs(matrix[i, j]) > 0.55 * bound
        text = f"{round(matrix[i, j], 2) + 0.0:.2f}".replace("-", "−")  # + 0.0: no "−0.00"
        ax.text(j, i, text, ha="center", va="center", size=size, color="white" if dark else INK)
    texts = [pretty(name) for name in names]
    ax.set_xticks(range(len(names)), texts, rotation=50, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(names)), texts)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    bar = page.figure.colorbar(drawn, cax=ax.inset_axes((1.03, 0, 0.035, 1)))
    bar.set_label("Spearman ρ of RDMs")
    bar.outline.set_linewidth(0.4)
    return page.figure

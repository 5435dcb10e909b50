"""How like people models are: RSA with baselines and ceilings, and models among each other."""

from collections.abc import Mapping

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.maps import classical_scaling, frame, name_points
from latent_microscope.plots.style import (
    DIVERGING,
    FAINT,
    INK,
    MUTED,
    Look,
    Page,
    count,
    noted,
    panel,
    say,
)
from latent_microscope.published import ORACLES, RSA, RSA_METRIC

_METHODS = {"spearman": "Spearman ρ", "pearson": "Pearson r", "rho-a": "ρ-a", "tau-a": "τ-a"}
_MAP = 2.6  # inches
_MEASURE = {
    "value": "spearman",
    "partial_label": "partial_label",
    "within_class": "within_class",
}
_PANELS = {
    "value": "all pairs",
    "partial_label": "label held constant",
    "within_class": "pairs within a class",
}


def rsa_bars(
    table: pd.DataFrame,
    title: str,
    look: Look,
    *,
    method: str = "spearman",
    published: bool = True,
    notes: Mapping[str, str] | None = None,
    measures: pd.DataFrame | None = None,
) -> Figure:
    """Similarity of each model's RDM with people's, beside what the label alone gets.

    Args:
        table: ``rsa/{metric}.parquet``.
        title: Study.
        look: The figure's settings.
        method: Which comparison of the table.
        published: Mark the published networks (not where votes are simulated).
        notes: What a reader must know of a model, by its name.
        measures: ``tables/measures.parquet``: 95 % intervals become the whiskers, and every panel
            gets its own ceiling; without it whiskers are the sd over seeds.

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
    found = _intervals(measures, metric) if method == "spearman" else {}
    whiskers = "95 % interval over images and votes" if found else "sd"
    dark = "dark: PhilNet; " if any("philnet" in str(name) for name in order) else ""
    page = Page(
        1.5 + 0.2 * len(order),
        f"{title} · {metric} RDMs · n = {count(table['n_images'].iloc[0])} images",
        f"{_METHODS.get(method, method)} with the RDM of people's votes; {dark}"
        + (f"mean of up to {seeds} seeds, dots: seeds" if seeds > 1 else "one seed")
        + (f"; whiskers: {whiskers}" if seeds > 1 or found else ""),
    )
    labels = [noted(f"{model}-{layer}", model, notes) for model, layer in order]
    left = float(np.clip(0.1 + 0.06 * max(map(len, labels)), 1.75, 2.6))
    axes = page.grid(1, 3, top=0.7, bottom=0.75, left=left, right=0.15, wspace=0.2)[0]
    for ax, letter, (column, text) in zip(axes, "abc", _PANELS.items(), strict=True):
        if column == "value":
            _references(ax, table, metric, look, published=published and method == "spearman")
        else:
            _ceiling(ax, measures, metric, column)
        for y, name in enumerate(order):
            values = table.loc[table["name"] == name, column].to_numpy(float)
            _bar(ax, y, values, name[0], look, found.get((*name, column)))
        ax.axvline(0, color=INK, lw=0.6)
        ax.set_ylim(-0.6, len(order) - 0.4)
        ax.set_yticks(range(len(order)), labels if ax is axes[0] else [])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.set_xlabel(_METHODS.get(method, method))
        ax.xaxis.set_major_locator(MaxNLocator(4))
        panel(ax, letter, text)
        look.limit(ax, column)
    _reference_legend(page, axes[0])
    return page.figure


def _intervals(
    measures: pd.DataFrame | None, metric: str
) -> dict[tuple[str, str, str], tuple[float, float]]:
    """Interval of each model, layer and panel: over images and votes, else over images."""
    if measures is None:
        return {}
    found = {}
    rows = measures[measures["metric"] == metric]
    for column, measure in _MEASURE.items():
        part = rows[rows["measure"] == measure]
        for (model, layer), own in part.groupby(["model", "layer"], sort=False):
            ends = []
            for end in ("low", "high"):
                votes = own[f"{end}_votes"].mean()
                ends.append(float(votes if np.isfinite(votes) else own[end].mean()))
            if np.isfinite(ends).all():
                found[str(model), str(layer), column] = (ends[0], ends[1])
    return found


def _ceiling(ax: Axes, measures: pd.DataFrame | None, metric: str, column: str) -> None:
    """The ceiling band of a measure, where the measures' table has one."""
    if measures is None:
        return
    of = (measures["metric"] == metric) & (measures["measure"] == _MEASURE[column])
    lower = float(measures.loc[of, "ceiling_lower"].mean())
    upper = float(measures.loc[of, "ceiling_upper"].mean())
    if np.isfinite(lower) and np.isfinite(upper):
        ax.axvspan(lower, upper, color=FAINT, alpha=0.8, lw=0, zorder=0)


def _bar(
    ax: Axes,
    y: int,
    values: np.ndarray,
    model: str,
    look: Look,
    interval: tuple[float, float] | None = None,
) -> None:
    known = values[np.isfinite(values)]
    if known.size == 0:
        ax.text(0.0, y, " not defined", va="center", color=MUTED, size="small")
        return
    ours = look.colour(0) if "philnet" in model.lower() else look.colour(5)
    sd = known.std(ddof=1) if known.size > 1 else 0.0
    mean = float(known.mean())
    low, high = interval if interval else (mean - sd, mean + sd)
    ax.barh(y, mean, height=0.66, color=ours)
    if high > low:  # an interval of draws need not hold the mean over seeds
        ax.plot([low, high], [y, y], color="black", lw=0.8, marker="|", ms=3, mew=0.8, zorder=3)
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
        values = [value for name, value in RSA.items() if name not in ORACLES]
        ax.plot(values, np.full(len(values), 1.0), "v", ms=3.5, mfc="none", mec=INK, mew=0.7,
                transform=ax.get_xaxis_transform(), clip_on=False, zorder=5,
                label=f"{len(values)} published CNNs, no human data (probabilities)")  # fmt: skip


def _reference_legend(page: Page, ax: Axes) -> None:
    handles, texts = ax.get_legend_handles_labels()
    host = page.axes(0.08, page.height - 0.27, page.width - 0.16, 0.2)
    host.set_axis_off()
    host.legend(handles, texts, loc="center", ncols=3, borderaxespad=0)


def plot_model_similarity(
    *,
    similarity: In,
    title: str,
    look: Look,
    metric: str = "",
    notes: dict[str, str] | None = None,
) -> Figure:
    """Plot a matrix of RDMs by RDMs.

    Args:
        similarity: .parquet: model_a, model_b, value.
        title: Study.
        look: look of the figures.
        metric: distance of the RDMs, for the title.
        notes: what a reader must know of a model, by its name.
    """
    table = load_table(similarity, ["model_a", "model_b", "value"])
    names, matrix = _similarities(table)
    cell = float(np.clip(4.4 / max(len(names), 1), 0.22, 0.5))
    side, left = cell * len(names), 1.95
    texts = [noted(name, name.rpartition("-")[0], notes) for name in names]
    longest = max(map(len, texts)) if names else 0
    under = 0.55 + 0.037 * longest  # the names below the matrix are slanted
    page = Page(
        0.75 + side + under + _MAP + 0.3,
        f"{title} · similarity of {metric} RDMs".replace("  ", " "),
        "first seed of each; after people in the order of their similarity to people",
        width=max(left + side + 1.1, 4.6),
    )
    ax = page.axes(left, 0.75, side, side)
    low, high = look.bounds(matrix, "matrix", tail=0)
    bound = max(abs(low), abs(high), 1e-9)
    colours = matplotlib.colormaps[DIVERGING].with_extremes(bad=FAINT)
    drawn = ax.imshow(matrix, cmap=colours, vmin=-bound, vmax=bound, aspect="auto")
    size = float(np.clip(72 * cell * 0.3, 4.0, 6.5))
    for i, j in np.argwhere(np.isfinite(matrix)):
        dark = abs(matrix[i, j]) > 0.55 * bound
        text = f"{round(matrix[i, j], 2) + 0.0:.2f}".replace("-", "−")  # + 0.0: no "−0.00"
        ax.text(j, i, text, ha="center", va="center", size=size, color="white" if dark else INK)
    ax.set_xticks(range(len(names)), texts, rotation=50, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(names)), texts)
    ax.tick_params(length=0)
    panel(ax, "a", "Spearman ρ of every two RDMs")
    for spine in ax.spines.values():
        spine.set_visible(False)
    bar = page.figure.colorbar(drawn, cax=ax.inset_axes((1.03, 0, 0.035, 1)))
    bar.set_label("Spearman ρ of RDMs")
    bar.outline.set_linewidth(0.4)
    _model_map(page, matrix, texts, look)
    return page.figure


def _similarities(table: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    """Names and matrix, people first, then the others from the most like people to the least."""
    names = list(dict.fromkeys([*table["model_a"], *table["model_b"]]))
    place = {name: i for i, name in enumerate(names)}
    matrix = np.full((len(names), len(names)), np.nan)
    for a, b, value in zip(table["model_a"], table["model_b"], table["value"], strict=True):
        matrix[place[a], place[b]] = matrix[place[b], place[a]] = value
    if "human" in place:
        likeness = np.nan_to_num(matrix[place["human"]], nan=-2.0)
        likeness[place["human"]] = 2.0
        order = np.argsort(-likeness, kind="stable")
        names, matrix = [names[i] for i in order], matrix[np.ix_(order, order)]
    return names, matrix


def _model_map(page: Page, matrix: np.ndarray, texts: list[str], look: Look) -> None:
    width = page.width - 0.7
    ax = page.axes(0.35, page.height - _MAP - 0.25, width, _MAP)
    panel(ax, "b", "map of the RDMs: distance √(2 − 2ρ), classical scaling")
    look.panels.add("map")
    known = np.flatnonzero(np.isfinite(np.diag(matrix)))
    inner = matrix[np.ix_(known, known)]
    if len(known) < 3 or not np.isfinite(inner).all():
        say(ax, "too few RDMs for a map")
        return
    plane, kept = classical_scaling(np.sqrt(np.maximum(2.0 - 2.0 * inner, 0.0)))
    frame(ax, plane, margin=0.12, ratio=width / _MAP)
    colours = [look.colour(4) if texts[i] == "people" else look.colour(0) for i in known]
    ax.scatter(plane[:, 0], plane[:, 1], s=16, c=colours, linewidths=0)
    names = [texts[i] for i in known]
    name_points(ax, plane, names, look.font_size - 1, inches=(width, _MAP))
    ax.set_xlabel(f"two dimensions keep {100 * kept:.0f} % of the squared distances")


_RSA_MEASURES = [
    *("model", "layer", "metric", "measure", "low", "high", "low_votes", "high_votes"),
    *("ceiling_lower", "ceiling_upper"),
]


def plot_rsa(
    *,
    rsa: In,
    title: str,
    look: Look,
    method: str = "spearman",
    simulated: bool = False,
    measures: In | None = None,
    notes: dict[str, str] | None = None,
) -> Figure:
    """Plot the mean over seeds for every model and layer, with whiskers.

    Args:
        rsa: .parquet: model, layer, seed, metric, method, value, partial_label, within_class,
            label_only, ceiling_lower, ceiling_upper, n_images.
        title: Study.
        look: look of the figures.
        method: comparison to show.
        simulated: the votes are simulated: no published value is comparable.
        measures: .parquet of all measures with intervals and ceilings; without it whiskers are the
            standard deviation over seeds.
        notes: what a reader must know of a model, by its name.
    """
    return rsa_bars(
        load_table(rsa),
        title,
        look,
        method=method,
        published=not simulated,
        notes=notes,
        measures=load_table(measures, _RSA_MEASURES) if measures else None,
    )

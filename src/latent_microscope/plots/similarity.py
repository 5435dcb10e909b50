"""Models among each other: similarity of their RDMs, distances of classes, model recovery."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.stats import rankdata, spearmanr

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots import style
from latent_microscope.plots.maps import frame, name_points
from latent_microscope.plots.matrices import classical_scaling, leaf_order, onto, square
from latent_microscope.plots.panels import flat_bar, matrix, slanted
from latent_microscope.plots.style import FAINT, MUTED, Look, Page, count, pretty

Floats = npt.NDArray[np.float64]
_MAP = 2.6  # inches, of the map of models
_SIDE, _GAP, _LEFT, _TOP = 1.48, 0.12, 0.72, 0.75  # inches, of the matrices of classes
_BLOCK = 2 * _SIDE + 0.3 + 0.82  # title, matrix, its class names, map
_LETTERS = 5.5
ANNOTATOR = "annotator "  # begins the name of a single one, as in tables.dissimilarity


def plot_model_similarity(
    *, similarity: In, title: str, look: Look, metric: str = "", notes: dict[str, str] | None = None
) -> Figure:
    """Spearman correlation of every two RDMs, and a map of the models by it."""
    table = load_table(similarity, ["model_a", "model_b", "value"])
    if "metric" in table:
        table = table[table["metric"] == metric]
    every, values = _similarities(table)
    names = [name for name in every if not name.startswith(ANNOTATOR)]
    whole, values = values, values[: len(names), : len(names)]
    cell = float(np.clip(4.4 / max(len(names), 1), 0.22, 0.5))
    texts = [style.noted(name, name.rpartition("-")[0], notes) for name in names]
    longest = max(map(len, texts), default=0)
    side, left = cell * len(names), max(1.95, 0.15 + 0.049 * longest)
    under = 0.55 + 0.037 * longest  # the slanted names
    page = Page(
        1.05 + side + under + _MAP,
        f"{title} · similarity of {metric} RDMs".replace("  ", " "),
        ("" if any(" seed " in name for name in names) else "first seed of each; ")
        + "after annotators in the order of similarity to annotators",
        width=max(left + side + 1.1, 4.6),
    )
    ax = page.axes(left, 0.75, side, side)
    bound = max(*(abs(end) for end in look.bounds(values, "matrix", tail=0)), 1e-9)
    size = float(np.clip(72 * cell * 0.3, 4.0, 6.5))
    norm = Normalize(-bound, bound)
    drawn = matrix(ax, values, norm, style.DIVERGING, style.rounded, size=size)
    slanted(ax, range(len(names)), texts)
    ax.set_yticks(range(len(names)), texts)
    ax.set_title(style.lettered("a", "every two RDMs"))
    bar = style.colourbar(ax, drawn, "Spearman ρ of RDMs")
    bar.ax.set_ylim(min(0.0, float(np.nanmin(values, initial=0.0))), bound)
    _model_map(page, whole, texts, look)
    return page.figure


def _similarities(table: pd.DataFrame) -> tuple[list[str], Floats]:
    """Names and matrix: annotators, then models from the most to the least similar to them.

    Single annotators come last.
    """
    names = list(dict.fromkeys([*table["model_a"], *table["model_b"]]))
    both = pd.concat([table, table.rename(columns={"model_a": "model_b", "model_b": "model_a"})])
    wide = both.drop_duplicates(["model_a", "model_b"], keep="last")
    wide = wide.pivot(index="model_a", columns="model_b", values="value")
    values = wide.reindex(index=names, columns=names).to_numpy(float)
    if "human" in names:
        likeness = np.nan_to_num(values[names.index("human")], nan=-2.0)
        likeness[names.index("human")] = 2.0
        single = [name.startswith(ANNOTATOR) for name in names]
        order = np.lexsort((-likeness, single))
        names, values = [names[i] for i in order], values[np.ix_(order, order)]
    return names, values


def _model_map(page: Page, values: Floats, texts: list[str], look: Look) -> None:
    """A map of the RDMs in these texts, and of single annotators, whose rows follow."""
    width = page.width - 0.7
    ax = page.axes(0.35, page.height - _MAP - 0.25, width, _MAP)
    title = "map of the RDMs: distance √(2 − 2ρ), classical scaling"
    ax.set_title(style.lettered("b", title))
    look.panels.add("map")
    known = np.flatnonzero(np.isfinite(np.diag(values)))
    inner = values[np.ix_(known, known)]
    if len(known) < 3 or not np.isfinite(inner).all():
        style.say(ax, "too few RDMs for a map")
        return
    plane, kept = classical_scaling(np.sqrt(np.maximum(2.0 - 2.0 * inner, 0.0)))
    frame(ax, plane, margin=0.12, ratio=width / _MAP)
    named = known < len(texts)
    names = [texts[i] for i in known[named]]
    colours = [look.colour(4 if name == pretty("human") else 0) for name in names]
    x, y = plane.T
    ax.scatter(x[~named], y[~named], s=7, c=look.colour(4), alpha=0.5, linewidths=0)
    ax.scatter(x[named], y[named], s=16, c=colours, linewidths=0)
    name_points(ax, plane, names, look.font_size - 1, inches=(width, _MAP))
    ax.set_xlabel(
        f"two dimensions keep {100 * kept:.0f} % of the squared distances"
        + ("" if named.all() else "; small dots: single annotators")
    )


def plot_classes(
    *, classes: In, title: str, look: Look, notes: dict[str, str] | None = None
) -> Figure:
    """Distances between classes, and maps by them, for annotators and models.

    Distances of each seed are ranked and the ranks averaged. Models that rank nothing (the label)
    or as the annotators do (their class means) are left out.
    """
    columns = ["model", "layer", "seed", "metric", "class_a", "class_b", "value"]
    table = load_table(classes, columns)
    if "human" not in set(table["model"]):
        raise InputError(f"{classes}: no row has the model 'human'; compute the table again")
    names = list(dict.fromkeys([*table["class_a"], *table["class_b"]]))
    found = _percentiles(table, len(names))
    human = found.pop(("human", "features"))
    order = leaf_order(human)
    names = [names[i] for i in order]
    sources = [(pretty("human"), human)] + [
        (style.noted(f"{model}-{layer}", model, notes), values)
        for (model, layer), values in found.items()
        if np.ptp(values) != 0 and not np.allclose(values, human, atol=1e-9)
    ]
    page = Page(
        _TOP + _BLOCK * -(-len(sources) // 4) + 0.5,
        f"{title} · {table['metric'].iloc[0]} distances of {len(names)} class means",
        f"above: percentile of the distance among the {len(human)} pairs, mean over seeds, "
        "classes by the annotators' dendrogram; below: maps; ρ: Spearman with annotators",
    )
    reference, _ = classical_scaling(square(human)[np.ix_(order, order)])
    norm = Normalize(*look.bounds([0.0, 100.0], "matrix", tail=0))
    for k, (name, values) in enumerate(sources):
        left, top = _LEFT + (k % 4) * (_SIDE + _GAP), _TOP + (k // 4) * _BLOCK
        above = page.axes(left, top, _SIDE, _SIDE)
        full = square(values)[np.ix_(order, order)]
        matrix(above, full, norm, style.SEQUENTIAL)
        slanted(above, range(len(names)), names, rotation=60, size=_LETTERS)
        if k % 4 == 0:
            above.set_yticks(range(len(names)), names, size=_LETTERS + 0.5)
        name, letters = style.in_lines(name, look.font_size, _SIDE + _GAP)
        above.set_title(name, size=letters)
        rho = f"ρ = {spearmanr(human, values).statistic:.2f}, ".replace("-", "−") if k else ""
        below = page.axes(left, top + _SIDE + 0.62, _SIDE, _SIDE)
        _class_map(below, full, names, reference, look, rho)
    text = "distance of class means: percentile within the matrix (%)"
    flat_bar(page, norm, text, (_LEFT, page.height - 0.5, 2 * _SIDE))
    return page.figure


def _percentiles(table: pd.DataFrame, k: int) -> dict[tuple[str, str], Floats]:
    """Condensed distances of each model and layer: percentile of each pair, mean over seeds."""
    found: dict[tuple[str, str], list[Floats]] = {}
    for (model, layer, _), part in table.groupby(["model", "layer", "seed"], sort=False):
        values = part["value"].to_numpy(dtype=np.float64)
        if len(values) != k * (k - 1) // 2:
            raise InputError(f"classes: {model} has {len(values)} pairs of {k} classes")
        ranks = (rankdata(values, nan_policy="propagate") - 0.5) / len(values) * 100.0
        found.setdefault((str(model), str(layer)), []).append(ranks)
    return {name: np.mean(several, axis=0) for name, several in found.items()}


def _class_map(
    ax: Axes, distances: Floats, names: list[str], reference: Floats, look: Look, text: str
) -> None:
    ax.spines[:].set(visible=True, color=FAINT)
    if not np.isfinite(distances).all():
        ax.set(xticks=[], yticks=[])
        style.inside(ax, 0.5, 0.5, "not defined", ha="center", va="baseline", color=MUTED)
        return
    plane, kept = classical_scaling(distances)
    plane = onto(plane, reference)
    frame(ax, plane)
    ax.scatter(plane[:, 0], plane[:, 1], s=7, color=look.colour(0), linewidths=0)
    name_points(ax, plane, names, _LETTERS, inches=(_SIDE, _SIDE))
    text = f"{text}map keeps {100 * kept:.0f} %"
    ax.set_xlabel(text, size=_LETTERS + 0.5, color=MUTED, labelpad=1.5)


def plot_recovery(*, recovered: In, title: str, look: Look) -> Figure:
    """Which model simulated the votes, and which it was attributed to, per metric."""
    columns = ["model", "attributed", "count", "n_simulations", "n_images", "metric", "status"]
    table = load_table(recovered, columns)
    if table["status"].any():
        page = Page(1.4, f"{title} · model recovery", width=4.2)
        style.say(page.axes(0.2, 0.5, 3.8, 0.7), f"not available: {table['status'].iloc[0]}")
        return page.figure
    metrics, names = (list(dict.fromkeys(table[c])) for c in ("metric", "model"))
    texts = [pretty(name) for name in names]
    cell = float(np.clip(3.6 / len(names), 0.3, 0.5))
    side, left, gap = cell * len(names), 1.5, 1.75
    page = Page(
        1.2 + side + 0.047 * max(map(len, texts)),
        f"{title} · model recovery",
        f"n = {count(table['n_images'].iloc[0])} {look.noun}s",
        width=max(left + len(metrics) * (side + gap) - gap + 0.9, 4.2),
    )
    for number, metric in enumerate(metrics):
        part = table[table["metric"] == metric]
        counts = part.pivot(index="model", columns="attributed", values="count")
        values = counts.loc[names, names].to_numpy(dtype=np.float64)
        total = int(part["n_simulations"].iloc[0])
        ax = page.axes(left + number * (side + gap), 0.7, side, side)
        drawn = matrix(
            ax,
            values,
            Normalize(0, total),
            "Blues",
            lambda v: f"{v:.0f}" if v > 0 else "",
            size=look.font_size,
        )
        slanted(ax, range(len(names)), texts)
        ax.set_yticks(range(len(names)), texts)
        ax.set(xlabel="attributed to", ylabel="" if number else "votes simulated from")
        right = f"{int(np.trace(values))} of {int(values.sum())} correct"
        ax.set_title(f"{metric} RDMs\n{right}")
    bar = style.colourbar(ax, drawn, f"number of {total} simulated data sets")
    bar.ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    return page.figure

"""Classes as people and models see them: their RDMs and their maps."""

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from scipy.stats import rankdata, spearmanr

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.maps import (
    classical_scaling,
    frame,
    leaf_order,
    name_points,
    onto,
    square,
)
from latent_microscope.plots.style import (
    FAINT,
    MUTED,
    SEQUENTIAL,
    Look,
    Page,
    in_lines,
    noted,
)

Floats = npt.NDArray[np.float64]
_COLUMNS = 4
_READ = ["model", "layer", "seed", "metric", "class_a", "class_b", "value"]
_SIDE, _GAP, _LEFT, _TOP = 1.48, 0.12, 0.72, 0.75
_BLOCK = 2 * _SIDE + 0.3 + 0.82  # title, matrix, its class names, map
_LETTERS = 5.5


def plot_classes(
    *,
    classes: In,
    title: str,
    look: Look,
    notes: dict[str, str] | None = None,
) -> Figure:
    """Plot distances between classes, and maps by them.

    Distances of each seed are ranked and the ranks averaged. Models that rank nothing (the label)
    or as people do (their class means) are left out.

    Args:
        classes: .parquet: model, layer, seed, metric, class_a, class_b, value.
        title: Study.
        look: look of the figures.
        notes: what a reader must know of a model, by its name.

    Raises:
        InputError: No row of people.
    """
    table = load_table(classes, _READ)
    if "human" not in set(table["model"]):
        raise InputError("classes: no row has the model 'human'; compute the table again")
    names = list(dict.fromkeys([*table["class_a"], *table["class_b"]]))
    found = _matrices(table, len(names))
    people = found.pop(("human", "features"))
    order = leaf_order(people)
    names = [names[i] for i in order]
    sources = [("people", people)] + [
        (noted(f"{model}-{layer}", model, notes), values)
        for (model, layer), values in found.items()
        if np.ptp(values) != 0 and not np.allclose(values, people, atol=1e-9)
    ]
    blocks = [sources[i : i + _COLUMNS] for i in range(0, len(sources), _COLUMNS)]
    page = Page(
        _TOP + _BLOCK * len(blocks) + 0.5,
        f"{title} · {table['metric'].iloc[0]} distances of {len(names)} class means",
        f"above: percentile of the distance among the {len(people)} pairs, mean over seeds, "
        "classes by people's dendrogram; below: maps by these; ρ: Spearman with people",
    )
    reference, _ = classical_scaling(square(people)[np.ix_(order, order)])
    low, high = look.bounds([0.0, 100.0], "matrix", tail=0)
    for b, block in enumerate(blocks):
        top = _TOP + b * _BLOCK
        for c, (name, values) in enumerate(block):
            left = _LEFT + c * (_SIDE + _GAP)
            above = page.axes(left, top, _SIDE, _SIDE)
            matrix = square(values)[np.ix_(order, order)]
            _matrix(above, matrix, names, (low, high), labels=c == 0)
            name, letters = in_lines(name, look.font_size, _SIDE + _GAP)
            above.set_title(name, size=letters)
            below = page.axes(left, top + _SIDE + 0.62, _SIDE, _SIDE)
            rho = "" if name == "people" else f"ρ = {_rho(people, values):.2f}, "
            _map(below, matrix, names, reference, look, rho.replace("-", "−"))
    _bar(page, low, high)
    return page.figure


def _matrices(table: pd.DataFrame, k: int) -> dict[tuple[str, str], Floats]:
    """Condensed distances of each model and layer: percentile of each pair, mean over seeds."""
    found: dict[tuple[str, str], list[Floats]] = {}
    for (model, layer, _), part in table.groupby(["model", "layer", "seed"], sort=False):
        values = part["value"].to_numpy(dtype=np.float64)
        if len(values) != k * (k - 1) // 2:
            raise InputError(f"classes: {model} has {len(values)} pairs of {k} classes")
        ranks = (rankdata(values, nan_policy="propagate") - 0.5) / len(values) * 100.0
        found.setdefault((str(model), str(layer)), []).append(ranks)
    return {name: np.mean(several, axis=0) for name, several in found.items()}


def _rho(people: Floats, values: Floats) -> float:
    if not np.isfinite(values).all() or np.ptp(values) == 0:
        return float("nan")
    return float(spearmanr(people, values).statistic)


def _matrix(
    ax: Axes, matrix: Floats, names: list[str], limits: tuple[float, float], *, labels: bool
) -> None:
    colours = matplotlib.colormaps[SEQUENTIAL].with_extremes(bad=FAINT)
    ax.imshow(matrix, cmap=colours, vmin=limits[0], vmax=limits[1], aspect="auto")
    ax.set_xticks(
        range(len(names)), names, size=_LETTERS, rotation=60, ha="right", rotation_mode="anchor"
    )
    ax.set_yticks(range(len(names)) if labels else [], names if labels else [], size=_LETTERS + 0.5)
    ax.tick_params(length=0, pad=2)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _map(
    ax: Axes, matrix: Floats, names: list[str], reference: Floats, look: Look, text: str
) -> None:
    for spine in ax.spines.values():
        spine.set_visible(True)
        spine.set_color(FAINT)
    if not np.isfinite(matrix).all():
        ax.set(xticks=[], yticks=[])
        ax.text(0.5, 0.5, "not defined", transform=ax.transAxes, ha="center", color=MUTED)
        return
    plane, kept = classical_scaling(matrix)
    plane = onto(plane, reference)
    frame(ax, plane)
    ax.scatter(plane[:, 0], plane[:, 1], s=7, color=look.colour(0), linewidths=0)
    name_points(ax, plane, names, _LETTERS, inches=(_SIDE, _SIDE))
    ax.set_xlabel(
        f"{text}map keeps {100 * kept:.0f} %", size=_LETTERS + 0.5, color=MUTED, labelpad=1.5
    )


def _bar(page: Page, low: float, high: float) -> None:
    ax = page.axes(_LEFT, page.height - 0.5, 2 * _SIDE, 0.08)
    mappable = ScalarMappable(Normalize(low, high), matplotlib.colormaps[SEQUENTIAL])
    bar = page.figure.colorbar(mappable, cax=ax, orientation="horizontal")
    bar.set_label("distance of class means: percentile within the matrix", size=6.5)
    bar.ax.tick_params(labelsize=6)
    bar.outline.set_linewidth(0.4)

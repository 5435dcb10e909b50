"""RDMs of people and models at the resolution of the screen."""

import math
from collections.abc import Iterable, Mapping, Sequence

import matplotlib
import numba
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import leaves_list, linkage

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.maps import leaf_order
from latent_microscope.plots.style import (
    FAINT,
    SEQUENTIAL,
    FewColours,
    Look,
    Page,
    count,
    in_lines,
    noted,
)
from latent_microscope.similarity.files import load_rdm
from latent_microscope.similarity.rdms import RDM

Floats = npt.NDArray[np.float64]
_STEPS = 48  # colours: more cannot be told apart, and fewer make smaller files
_CELLS = 262_144  # that the range of the values is cut into
_TABLE = 4096  # steps of the table that turns values into percentiles


def percentile_table(values: np.ndarray, sample: int = 1_000_000) -> tuple[Floats, Floats]:
    """Values and their mid-ranks in percent: a table to interpolate in.

    Args:
        values: Condensed RDM; up to ``sample`` evenly spread entries of it are ranked.
        sample: Entries to rank.

    Returns:
        Rising values, their percentiles (ties share the middle of their ranks). Exact when there
        are at most 4096 distinct values and ``sample`` covers all.
    """
    places = np.linspace(0, values.size - 1, min(values.size, sample)).astype(np.int64)
    found, sizes = np.unique(np.asarray(values[places], dtype=np.float64), return_counts=True)
    middle = (np.cumsum(sizes) - sizes / 2.0) / sizes.sum() * 100.0
    if found.size > _TABLE:
        even = np.searchsorted(middle, np.linspace(0, 100, _TABLE), side="left")
        tied = np.flatnonzero(sizes > sizes.sum() / _TABLE)
        # a tie is a step: its neighbours keep the interpolation on either side off it
        places = np.concatenate([even, tied - 1, tied, tied + 1, [0, found.size - 1]])
        keep = np.unique(places.clip(0, found.size - 1))
        found, middle = found[keep], middle[keep]
    return found, middle


def block_percentiles(values: np.ndarray, pixel: npt.NDArray[np.int64], size: int) -> Floats:
    """Mean percentile of the pairs that fall on each pixel, read row by row.

    Args:
        values: Condensed RDM of n images, may be memory-mapped; never made square.
        pixel: (n,) row of the picture that each image falls on, 0 to size − 1.
        size: Rows of the picture.

    Returns:
        (size, size), symmetric; NaN where no pair falls.
    """
    known, percent = percentile_table(values)
    total = np.zeros((size, size))
    flat = np.ascontiguousarray(values)
    slopes = np.diff(percent) / np.diff(known)
    _add_percentiles(flat, pixel, known, percent, slopes, _cells(known), total)
    images = np.bincount(pixel, minlength=size).astype(np.float64)
    pairs = np.outer(images, images) - np.diag(images)
    with np.errstate(invalid="ignore"):
        return (total + total.T) / pairs


def _cells(known: Floats) -> npt.NDArray[np.int64]:
    """Where to look in ``known``: entry c is its first place in the c-th of even cells."""
    edges = np.linspace(known[0], known[-1], _CELLS + 1)
    return np.searchsorted(known, edges, side="left").astype(np.int64)


@numba.njit(cache=True, nogil=True)
def _add_percentiles(values, pixel, known, percent, slopes, cells, total):  # type: ignore[no-untyped-def]
    """Add the percentile of every pair, interpolated as by ``np.interp``, to its pixel."""
    n, last = pixel.size, known.size - 1
    low, high = known[0], known[last]
    scale = _CELLS / (high - low) if high > low else 0.0
    at = 0
    for i in range(n - 1):
        row = total[pixel[i]]
        for j in range(i + 1, n):
            value = np.float64(values[at])
            at += 1
            if value <= low:
                row[pixel[j]] += percent[0]
            elif value >= high:
                row[pixel[j]] += percent[last]
            else:
                # The edges and this product round apart: one cell more on either side. NaN: any.
                cell = min(max(int((value - low) * scale), 1), _CELLS - 2)
                left = max(cells[cell - 1] - 1, 0)
                right = min(cells[cell + 2], last)
                span = right - left
                while span > 1:  # no branch to mispredict: ties make the steps random
                    half = span >> 1
                    left += half * np.int64(known[left + half] <= value)
                    span -= half
                row[pixel[j]] += slopes[left] * (value - known[left]) + percent[left]


def class_order(
    samples: pd.DataFrame, ids: np.ndarray, size: int, *, tree: RDM | None = None
) -> tuple[npt.NDArray[np.int64], list[str], Floats]:
    """Where each image of an RDM falls on a picture whose rows are ordered by class.

    Args:
        samples: ``id``, ``label``, ``label_name``.
        ids: Ids of the RDM.
        size: Rows of the picture.
        tree: An RDM over the same images: classes, and the images of each, stand in the order of
            its average-linkage dendrograms; without it in the order of the labels and samples.

    Returns:
        Pixel of each id, class names in order, the borders of the classes (pixels, with 0 and
        ``size``).

    Raises:
        InputError: An id of the RDM is not among the samples.
    """
    place = pd.Index(samples["id"].astype(str)).get_indexer(pd.Index(np.asarray(ids).astype(str)))
    if (place < 0).any():
        raise InputError(f"samples: lacks the image {ids[place < 0][0]!r} of an RDM")
    given = samples["label"].to_numpy()
    classes, labels = np.unique(given[place], return_inverse=True)
    turn = np.arange(len(classes))
    if tree is not None:  # in the tree's own order, so that all RDMs stand alike
        own = pd.Index(tree.ids.astype(str))
        known = pd.Index(samples["id"].astype(str)).get_indexer(own)
        within, turn = dendrogram_order(tree, np.searchsorted(classes, given[known]))
        place = within[own.get_indexer(pd.Index(np.asarray(ids).astype(str)))]
    position = np.argsort(turn)  # of each class
    order = np.lexsort((place, position[labels]))  # within a class: the order of the samples
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    classes, sizes = classes[turn], np.bincount(labels)[turn]
    names = dict(zip(samples["label"], samples["label_name"], strict=True))
    borders = np.concatenate([[0], np.cumsum(sizes)]) / len(order) * size
    return rank * size // len(order), [str(names[c]) for c in classes], borders


def dendrogram_order(
    matrix: RDM, labels: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Order of images within their class, and of the classes, by average linkage.

    A tree of all images would mix the classes; a tree a class keeps them apart, and no more than
    the pairs of one class are in memory.

    Args:
        matrix: The RDM.
        labels: Class of each of its images, 0..k-1.

    Returns:
        For each image its place within its class; the classes in order.
    """
    n, k = matrix.n, int(labels.max()) + 1
    within = np.zeros(n, dtype=np.int64)
    totals = np.zeros((k, k))
    start = 0
    for i in range(n - 1):
        row = np.asarray(matrix.values[start : start + n - 1 - i], dtype=np.float64)
        start += n - 1 - i
        totals[labels[i]] += np.bincount(labels[i + 1 :], row, minlength=k)
    sizes = np.bincount(labels)
    means = (totals + totals.T) / np.outer(sizes, sizes)
    for label in range(k):
        members = np.flatnonzero(labels == label)
        if len(members) > 2:
            own = matrix.select(matrix.ids[members])
            within[members[leaves_list(linkage(own.values.astype(np.float64), "average"))]] = (
                np.arange(len(members))
            )
    upper = means[np.triu_indices(k, 1)]
    return within, leaf_order(upper) if k > 1 else np.zeros(1, dtype=np.int64)


def rdm_panels(
    rdms: Iterable[RDM],
    labels: Sequence[str],
    samples: pd.DataFrame,
    title: str,
    look: Look,
    *,
    size: int = 225,
    order: str = "class",
    notes: Mapping[str, str] | None = None,
) -> Figure:
    """RDMs side by side, images ordered by class, one scale of percentiles.

    Args:
        rdms: People's first; taken one after the other, so that a generator holds one at a time.
        labels: One an RDM.
        samples: ``id``, ``label``, ``label_name``.
        title: Study, metric.
        look: The figure's settings.
        size: Pixels of a panel.
        order: ``class``, or ``dendrogram``: classes and their images by people's dendrograms.
        notes: What a reader must know of a model, by its name.

    Raises:
        InputError: No RDM, or as many labels are not given, or the RDMs differ in their images.
    """
    if order not in ("class", "dendrogram"):
        raise InputError(f"rdms: order {order!r} is unknown; choose class or dendrogram")
    pictures: list[Floats] = []
    tree: RDM | None = None
    known = np.empty(0, dtype=str)
    first: set[str] = set()
    metric = "unknown"
    for made in rdms:
        ids = np.asarray(made.ids).astype(str)
        if pictures and set(ids) != first:
            raise InputError(
                f"RDM {len(pictures) + 1}: over other images than the first; make it again"
            )
        if order == "dendrogram" and tree is None:
            tree = made
        first, metric = set(ids), made.metric
        if not pictures or not np.array_equal(ids, known):
            known = ids
            pixel, names, borders = class_order(samples, ids, min(size, len(ids)), tree=tree)
        pictures.append(block_percentiles(made.values, pixel, min(size, len(ids))))
        del made
    if not pictures or len(pictures) != len(labels):
        raise InputError(f"{len(pictures)} RDMs and {len(labels)} labels; give one label each")
    n = len(first)
    kind = "RDMs" if metric == "unknown" else f"{metric} RDMs"
    size = min(size, n)
    low, high = look.bounds(np.concatenate([p.ravel() for p in pictures]), "percentile", tail=0.5)
    columns = panel_columns(len(pictures))
    rows = math.ceil(len(pictures) / columns)
    side, gap, left = (1.5 if columns < 5 else 1.2), 0.1, 0.78
    text = "class" if order == "class" else "people's dendrogram within classes"
    page = Page(
        0.75 + rows * (side + 0.3) + 0.85,
        f"{title} · {kind} · n = {count(n)} images, {count(n * (n - 1) // 2)} pairs",
        f"images ordered by {text}; {size} × {size} pixels, each the mean percentile of its pairs "
        "within the RDM; one scale",
        width=max(5.6, left + columns * (side + gap) + 0.02),
        kind=FewColours,
    )
    for k, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        row, column = divmod(k, columns)
        ax = page.axes(left + column * (side + gap), 0.75 + row * (side + 0.3), side, side)
        _panel(ax, picture, borders, low, high)
        name = noted(label, label.rpartition("-")[0], notes)
        name, letters = in_lines(name, look.font_size, side)
        ax.set_title(name, size=letters)
        if column == 0:
            _class_ticks(ax, names, borders, "y")
        if k + columns >= len(pictures):
            _class_ticks(ax, names, borders, "x")
    bar = page.axes(left, page.height - 0.42, min(2 * side, page.width - left - 0.2), 0.08)
    colours = ScalarMappable(
        Normalize(low, high), matplotlib.colormaps[SEQUENTIAL].resampled(_STEPS)
    )
    made_bar = page.figure.colorbar(colours, cax=bar, orientation="horizontal")
    made_bar.set_label("dissimilarity: mean percentile within the RDM")
    made_bar.outline.set_linewidth(0.4)
    return page.figure


def panel_columns(panels: int) -> int:
    """Panels a row: five at most, the last row as full as can be, then as few rows as can be."""
    if panels <= 5:
        return max(1, panels)
    return min((5, 4, 3), key=lambda c: (-(-panels // c) * c - panels, -c))


def _panel(ax: Axes, picture: Floats, borders: Floats, low: float, high: float) -> None:
    size = len(picture)
    ax.imshow(
        picture,
        cmap=matplotlib.colormaps[SEQUENTIAL].resampled(_STEPS).with_extremes(bad=FAINT),
        vmin=low,
        vmax=high,
        extent=(0, size, size, 0),
        interpolation="nearest",
        aspect="auto",
    )
    for border in borders[1:-1]:
        ax.axhline(border, color="white", lw=0.35, alpha=0.7)
        ax.axvline(border, color="white", lw=0.35, alpha=0.7)
    ax.set(xticks=[], yticks=[], xlim=(0, size), ylim=(size, 0))
    for spine in ax.spines.values():
        spine.set_visible(False)


def _class_ticks(ax: Axes, names: list[str], borders: Floats, axis: str) -> None:
    middle = (borders[1:] + borders[:-1]) / 2
    size = min(6.0, 72 * 1.5 / max(len(names), 1) * 0.7)
    if axis == "y":
        ax.set_yticks(middle, names, size=size)
    else:
        ax.set_xticks(middle, names, size=size, rotation=60, ha="right", rotation_mode="anchor")
    ax.tick_params(length=0, pad=2)


def plot_rdms(
    *,
    human: In,
    models: list[In],
    samples: In,
    title: str,
    labels: list[str],
    look: Look,
    human_ids: In | None = None,
    model_ids: list[In] | None = None,
    size: int = 225,
    order: str = "class",
    notes: dict[str, str] | None = None,
) -> Figure:
    """Plot RDMs side by side on one scale of percentiles.

    Args:
        human: condensed .npy of the votes, its ids beside it.
        models: condensed .npy of each model, ids beside it.
        samples: .parquet: id, label, label_name.
        title: Study and metric.
        look: look of the figures.
        labels: one a model.
        human_ids: ids of human, beside it; named so that a change of them is seen.
        model_ids: ids of each model, beside it.
        size: pixels of a panel.
        order: class, or dendrogram (classes and their images by people's dendrograms).
        notes: what a reader must know of a model, by its name.
    """
    return rdm_panels(
        (load_rdm(path) for path in (human, *models)),
        ["people", *labels],
        load_table(samples, ["id", "label", "label_name"]),
        title,
        look,
        size=size,
        order=order,
        notes=notes,
    )

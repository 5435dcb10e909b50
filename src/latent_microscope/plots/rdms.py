"""RDMs of annotators and models at the resolution of the screen."""

import math
from collections.abc import Iterable
from dataclasses import replace

import matplotlib
import numba
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import leaves_list, linkage

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots import style
from latent_microscope.plots.matrices import leaf_order
from latent_microscope.plots.panels import bare, flat_bar, reference, slanted
from latent_microscope.plots.style import FAINT, Look, Page, count, pretty
from latent_microscope.similarity.files import load_rdm
from latent_microscope.similarity.rdms import RDM

Floats = npt.NDArray[np.float64]
_COLOURS = matplotlib.colormaps[style.SEQUENTIAL].resampled(
    48
)  # few: smaller files, no visible loss
_CELLS = 262_144  # that the range of the values is cut into
_TABLE = 4096  # steps of the table that turns values into percentiles


def percentile_table(values: np.ndarray, sample: int = 1_000_000) -> tuple[Floats, Floats]:
    """Rising values of a condensed RDM and their mid-ranks in percent: a table to interpolate in.

    Up to ``sample`` evenly spread entries are ranked. Exact where these are all and at most 4096
    are distinct; ties share the middle of their ranks. NaN (not judged) has none.
    """
    places = np.linspace(0, values.size - 1, min(values.size, sample)).astype(np.int64)
    chosen = np.asarray(values[places], dtype=np.float64)
    found, sizes = np.unique(chosen[~np.isnan(chosen)], return_counts=True)
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
    """Mean percentile (size, size) of the known pairs on each pixel; NaN where there is none.

    ``values`` is the condensed RDM of n images, possibly memory-mapped, never made square;
    ``pixel`` (n,) the row of the picture that each image falls on.
    """
    known, percent = percentile_table(values)
    cells = np.searchsorted(known, np.linspace(known[0], known[-1], _CELLS + 1))
    total, missing = np.zeros((size, size)), np.zeros((size, size))
    flat, slopes = np.ascontiguousarray(values), np.diff(percent) / np.diff(known)
    _add_percentiles(flat, pixel, known, percent, slopes, cells, total, missing)
    images = np.bincount(pixel, minlength=size).astype(np.float64)
    pairs = np.outer(images, images) - np.diag(images) - missing - missing.T
    with np.errstate(invalid="ignore"):
        return (total + total.T) / pairs


@numba.njit(cache=True, nogil=True)
def _add_percentiles(values, pixel, known, percent, slopes, cells, total, missing):  # type: ignore[no-untyped-def]
    """Add the percentile of every pair, interpolated as by ``np.interp``, to its pixel.

    A pair that is NaN is counted in ``missing`` instead. ``cells``: entry c is the first place in
    ``known`` of the c-th of even cells.
    """
    n, last = pixel.size, known.size - 1
    low, high = known[0], known[last]
    scale = _CELLS / (high - low) if high > low else 0.0
    at = 0
    for i in range(n - 1):
        row = total[pixel[i]]
        for j in range(i + 1, n):
            value = np.float64(values[at])
            at += 1
            if np.isnan(value):
                missing[pixel[i], pixel[j]] += 1.0
            elif value <= low:
                row[pixel[j]] += percent[0]
            elif value >= high:
                row[pixel[j]] += percent[last]
            else:
                # The edges and this product round apart: one cell more on either side.
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

    With ``tree``, an RDM over the same images, classes and the images of each follow its
    average-linkage dendrograms, otherwise labels and samples. Returns the pixel of each id, class
    names in order, and the borders of the classes (pixels, with 0 and ``size``).
    """
    ids, known = np.asarray(ids).astype(str), pd.Index(samples["id"].astype(str))
    place = known.get_indexer(pd.Index(ids))
    if (place < 0).any():
        raise InputError(f"samples: the image {ids[place < 0][0]!r} of an RDM is missing")
    given = samples["label"].to_numpy()
    classes, labels = np.unique(given[place], return_inverse=True)
    turn = np.arange(len(classes))
    if tree is not None:  # in the tree's own order, so that all RDMs are ordered alike
        own = pd.Index(tree.ids.astype(str))
        labels_of = np.searchsorted(classes, given[known.get_indexer(own)])
        within, turn = dendrogram_order(tree, labels_of)
        place = within[own.get_indexer(pd.Index(ids))]
    position = np.argsort(turn)  # of each class
    order = np.lexsort((place, position[labels]))  # within a class: the order of the samples
    rank = np.argsort(order)
    classes, sizes = classes[turn], np.bincount(labels)[turn]
    names = dict(zip(samples["label"], samples["label_name"], strict=True))
    borders = np.concatenate([[0], np.cumsum(sizes)]) / len(order) * size
    return rank * size // len(order), [str(names[c]) for c in classes], borders


def dendrogram_order(
    matrix: RDM, labels: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Place of each image within its class (labels 0..k-1), and the order of classes.

    A tree of all images would mix the classes; one tree per class keeps them apart, with no more
    than the pairs of one class in memory.
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
            own = matrix.select(matrix.ids[members]).values.astype(np.float64)
            leaves = leaves_list(linkage(own, "average"))
            within[members[leaves]] = np.arange(len(members))
    upper = means[np.triu_indices(k, 1)]
    return within, leaf_order(upper) if k > 1 else np.zeros(1, dtype=np.int64)


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
    """RDMs of annotators and models side by side on one scale of percentiles.

    ``human`` and ``models`` are condensed RDMs with their ids beside them (``human_ids`` and
    ``model_ids`` name these files, so that a change of them is seen); ``labels`` has one name per
    model; ``size`` is the pixels of a panel; ``order`` is class, or dendrogram (classes and their
    images by the annotators' dendrograms). Samples without classes are ordered by the dendrogram.
    """
    if order not in ("class", "dendrogram"):
        raise InputError(f"rdms: order {order!r} is unknown; choose class or dendrogram")
    if len(models) != len(labels):
        raise InputError(
            f"rdms: {len(models)} models and {len(labels)} labels; give one label each"
        )
    rdms = (load_rdm(path) for path in (human, *models))
    metric = load_rdm(models[-1] if models else human).metric  # that of dissimilarities is none
    known, text = load_table(samples), "class"
    if "label" not in known:
        known, order = known.assign(label=0, label_name=""), "dendrogram"
        text = "the annotators' dendrogram"
    elif order == "dendrogram":
        text = "the annotators' dendrogram within classes"
    first, pictures, names, borders = _pictures(rdms, known, size, tree=order == "dendrogram")
    n, size = first.n, min(size, first.n)
    unjudged = int(np.isnan(first.values).sum())
    kind = "RDMs" if metric == "unknown" else f"{metric} RDMs"
    low, high = look.bounds(np.concatenate([p.ravel() for p in pictures]), "percentile", tail=0.5)
    norm = Normalize(low, high)
    columns = panel_columns(len(pictures))
    side, gap, left = (1.5 if columns < 5 else 1.2), 0.1, 0.78
    page = Page(
        (1.6 if any(names) else 1.25) + math.ceil(len(pictures) / columns) * (side + 0.3),
        f"{title} · {kind} · n = {count(n)} {look.noun}s, {count(n * (n - 1) // 2)} pairs"
        + (f", {count(unjudged)} not judged" if unjudged else ""),
        f"{look.noun}s ordered by {text}; {size} × {size} pixels, each the mean percentile of its "
        f"pairs within the RDM; one scale; {look.cut('percentile', tail=0.5)}".rstrip("; "),
        width=max(5.6, left + columns * (side + gap) + 0.02),
        kind=style.FewColours,
    )
    named = [pretty("human"), *(style.noted(x, x.rpartition("-")[0], notes) for x in labels)]
    for k, (picture, name) in enumerate(zip(pictures, named, strict=True)):
        row, column = divmod(k, columns)
        ax = page.axes(left + column * (side + gap), 0.75 + row * (side + 0.3), side, side)
        _panel(ax, picture, borders, norm)
        text, letters = style.in_lines(name, look.font_size, side)
        ax.set_title(text, size=letters)
        middle = (borders[1:] + borders[:-1]) / 2
        letters = min(6.0, 72 * 1.5 / max(len(names), 1) * 0.7)
        if column == 0:
            ax.set_yticks(middle, names, size=letters)
        if k + columns >= len(pictures):
            slanted(ax, middle, names, rotation=60, size=letters)
    place = left, page.height - 0.42, min(2 * side, page.width - left - 0.2)
    flat_bar(page, norm, "dissimilarity: mean percentile within the RDM (%)", place, _COLOURS)
    return page.figure


def _pictures(
    rdms: Iterable[RDM], samples: pd.DataFrame, size: int, *, tree: bool
) -> tuple[RDM, list[Floats], list[str], Floats]:
    """The first RDM, the picture of each, class names, class borders; one RDM more in memory."""
    pictures: list[Floats] = []
    for made in rdms:
        ids = np.asarray(made.ids).astype(str)
        if not pictures:
            first, known = made, np.empty(0, dtype=str)
        elif set(ids) != set(np.asarray(first.ids).astype(str)):
            raise InputError(
                f"RDM {len(pictures) + 1}: over other images than the first; make it again"
            )
        size = min(size, len(ids))
        if not np.array_equal(ids, known):
            known = ids
            of = _complete(first) if tree else None
            pixel, names, borders = class_order(samples, ids, size, tree=of)
        pictures.append(block_percentiles(made.values, pixel, size))
    return first, pictures, names, borders


def _complete(made: RDM) -> RDM:
    """The RDM with the mean of the others in place of pairs that nobody judged."""
    missing = np.isnan(made.values)
    if not missing.any():
        return made
    mean = made.values[~missing].mean()
    return replace(made, values=np.where(missing, mean, made.values).astype(np.float32))


def panel_columns(panels: int) -> int:
    """Panels per row: at most five, the last row as full as possible, then the fewest rows."""
    if panels <= 5:
        return max(1, panels)
    return min((5, 4, 3), key=lambda c: (-(-panels // c) * c - panels, -c))


def _panel(ax: Axes, picture: Floats, borders: Floats, norm: Normalize) -> None:
    size = len(picture)
    cmap, extent = _COLOURS.with_extremes(bad=FAINT), (0, size, size, 0)
    ax.imshow(picture, cmap, norm, extent=extent, interpolation="nearest", aspect="auto")
    for border in borders[1:-1]:
        reference(ax, x=border, y=border, color="white", lw=0.35, ls="-", alpha=0.7)
    ax.set(xlim=(0, size), ylim=(size, 0))
    bare(ax)

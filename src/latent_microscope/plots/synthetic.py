"""Figures of the synthetic study: maps of the latent space, densities, overlapping pairs."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import join_by_id, load_npy, load_table
from latent_microscope.io.inputs import joined
from latent_microscope.plots.grids import grid_height, image_grid
from latent_microscope.plots.latent import (
    by_cluster,
    by_value,
    legend_of,
    same_rows,
)
from latent_microscope.plots.style import (
    MUTED,
    Look,
    Page,
    count,
    panel,
    plain,
    say,
)
from latent_microscope.statistics.pca import principal_plane

KINDS = {"authentic": 0, "interpolation": 1}  # index of the colour
_MARKERS = {"authentic": "o", "interpolation": "^"}


def kinds_of(table: pd.DataFrame) -> list[str]:
    """The kinds of samples in a table, authentic first; ``["samples"]`` where none are told."""
    if "kind" not in table:
        return ["samples"]
    return [k for k in KINDS if (table["kind"] == k).any()]


def _rows(table: pd.DataFrame, kind: str) -> npt.NDArray[np.bool_]:
    if kind == "samples":
        return np.ones(len(table), bool)
    return (table["kind"] == kind).to_numpy()


def plot_latent_map(
    *,
    latents: In,
    tsne: In,
    scores: In,
    clusters: In,
    samples: In,
    title: str,
    look: Look,
) -> Figure:
    """Plot the principal plane and the t-SNE plane.

    Args:
        latents: .npy (n, d), row i = row i of scores.
        tsne: .npy (n, 2), likewise.
        scores: .parquet: id, knn_density.
        clusters: .parquet: id, cluster.
        samples: .parquet: id, kind.
        title: Study, view and seed.
        look: look of the figures.
    """
    codes, embedded = load_npy(latents), load_npy(tsne)
    table = joined(scores, clusters, (["knn_density"], ["cluster"]))
    kinds = load_table(samples, ["id", "kind"])
    table = join_by_id(table, kinds, names=(str(scores), str(samples)))
    same_rows(codes, table, "latents")
    same_rows(embedded, table, "tsne")
    page = Page(3.0, f"{title} · n = {count(len(table))}")
    side = 2.2
    left, right = page.axes(0.35, 0.55, side, side), page.axes(3.65, 0.55, side, side)
    plane, shares = principal_plane(codes)
    by_value(left, plane, table["knn_density"], "kNN density", look, "pca", log=True)
    panel(left, "a", "principal components, by density")
    left.set(xlabel=f"PC 1 ({shares[0]:.1%})", ylabel=f"PC 2 ({shares[1]:.1%})")
    left.tick_params(labelleft=False, labelbottom=False, length=0)
    entries: list[tuple[str, str]] = []
    for kind in kinds_of(table):
        entries = by_cluster(
            right,
            embedded,
            table["cluster"],
            look,
            marker=_MARKERS.get(kind, "o"),
            rows=_rows(table, kind),
            names=False,
        )
    panel(right, "b", "t-SNE, by cluster and kind")
    plain(right, "t-SNE 1", "t-SNE 2")
    for kind in kinds_of(table):
        if kind != "samples":
            right.scatter([], [], s=14, c=MUTED, marker=_MARKERS[kind], linewidths=0, label=kind)
    legend_of(right, entries, loc="upper left", bbox_to_anchor=(1.02, 1.0))
    look.limit(left, "pca")
    look.limit(right, "tsne")
    return page.figure


def plot_density(
    *,
    scores: In,
    samples: In,
    title: str,
    look: Look,
) -> Figure:
    """Plot kNN and attractor densities.

    Args:
        scores: .parquet: id, knn_density, attractor_density, attractor_density_adaptive.
        samples: .parquet: id and, where there are kinds, kind.
        title: Study, view and seed.
        look: look of the figures.
    """
    columns = ["knn_density", "attractor_density", "attractor_density_adaptive"]
    table = joined(scores, samples, (columns, []))
    page = Page(2.6, f"{title} · n = {count(len(table))}")
    left, right = page.grid(1, 2, top=0.6)[0]
    histogram(left, table, "knn_density", look)
    panel(left, "a", "kNN density")
    left.set_xlabel("1 / mean distance to the k nearest samples")
    tied = float((table["attractor_density"] == 0).mean())
    histogram(right, table, "attractor_density_adaptive", look)
    panel(right, "b", "attractor density, adaptive radius")
    right.set_xlabel("share of all samples within the radius")
    right.text(
        0.98, 0.6, f"at the default radius\n{tied:.1%} of samples tie at 0",
        transform=right.transAxes, ha="right", color=MUTED, size="small",
    )  # fmt: skip
    for ax, name in ((left, "knn"), (right, "attractor")):
        look.limit(ax, name)
        if "kind" in table:
            ax.legend(loc="upper right")
    return page.figure


def histogram(ax: Axes, table: pd.DataFrame, column: str, look: Look, bins: int = 30) -> None:
    """Overlaid histograms of a column, one a kind, on shared bins."""
    values = table[column].to_numpy(float)
    values = values[np.isfinite(values)]
    if values.size == 0:
        say(ax, f"no finite {column}")
        return
    low, high = float(values.min()), float(values.max())
    edges = np.linspace(low, high if high > low else low + 1.0, bins + 1).tolist()
    for kind in kinds_of(table):
        chosen = table.loc[_rows(table, kind), column]
        colour = look.colour(KINDS.get(kind, 0))
        ax.hist(chosen, bins=edges, color=colour, alpha=0.55, label=kind, lw=0)
        ax.hist(chosen, bins=edges, color=colour, histtype="step", lw=0.8)
    ax.set_ylabel("samples")
    ax.xaxis.set_major_locator(MaxNLocator(5))


def overlap_pairs(
    images: np.ndarray,
    pairs: pd.DataFrame,
    samples: pd.DataFrame,
    total: int,
    title: str,
    look: Look,
    *,
    shown: int = 12,
) -> Figure:
    """The most similar pairs of latents, as images side by side.

    Args:
        images: uint8 (n, H, W, C).
        pairs: ``overlaps.parquet``: i, j, id_i, id_j, similarity, distance; most similar first.
        samples: Row i = image i: ``id`` and, where there are kinds, ``kind``.
        total: How many pairs there are in all.
        title: Study, view, seed.
        look: The figure's settings.
        shown: Pairs to draw at most.

    Raises:
        InputError: A pair's id is not the id of that row.
    """
    same_rows(images, samples, "images")
    look.panels.add("pairs")
    top_pairs = pairs.head(shown)
    heading = f"{title} · {count(total)} overlapping pairs"
    if len(top_pairs) == 0:
        page = Page(1.6, heading)
        say(page.axes(0.1, 0.4, page.width - 0.2, 1.1), "no pair above the similarity threshold")
        return page.figure
    first, second = top_pairs["i"].to_numpy(int), top_pairs["j"].to_numpy(int)
    for index, column in ((first, "id_i"), (second, "id_j")):
        wrong = samples["id"].to_numpy()[index] != top_pairs[column].to_numpy()
        if wrong.any():
            raise InputError(
                f"overlaps: {column} {top_pairs[column].to_numpy()[wrong][0]!r} is not the image "
                "in that row of samples; make the table again"
            )
    bar = np.full((len(first), images.shape[1], 1, images.shape[3]), 255, dtype=np.uint8)
    joined = np.concatenate([images[first], bar, images[second]], axis=2)
    captions = [
        f"cos {row['similarity']:.6f}  d {row['distance']:.2g}\n{_kinds(samples, row)}"
        for row in top_pairs.to_dict("records")
    ]
    width = 7.0
    wide = joined.shape[2] / joined.shape[1] > 3
    columns = 3 if wide else 4
    height = grid_height(joined.shape[1:], len(joined), columns, width, lines=2, size=6)
    page = Page(
        height + 0.6, heading, f"the {len(top_pairs)} most similar, by cosine of their latents"
    )
    image_grid(
        page, joined, left=0.1, top=0.5, width=width, columns=columns, captions=captions, lines=2,
        size=6,
    )  # fmt: skip
    return page.figure


def _kinds(samples: pd.DataFrame, pair: Mapping[Hashable, Any]) -> str:
    column = "kind" if "kind" in samples else "id"
    return f"{samples[column].iloc[pair['i']]} – {samples[column].iloc[pair['j']]}"


def plot_overlaps(
    *,
    images: In,
    overlaps: In,
    samples: In,
    summary: In,
    title: str,
    look: Look,
    shown: int = 12,
) -> Figure:
    """Plot the top pairs with their similarity.

    Args:
        images: .npy uint8 (n, H, W, C), row i = row i of samples.
        overlaps: .parquet: i, j, id_i, id_j, similarity, distance.
        samples: .parquet: id and, where there are kinds, kind.
        summary: summary .parquet: the quantity overlaps_total.
        title: Study, view and seed.
        look: look of the figures.
        shown: pairs at most.
    """
    quantities = load_table(summary, ["quantity", "value"]).set_index("quantity")["value"]
    return overlap_pairs(
        load_npy(images, mmap=True),
        load_table(overlaps),
        load_table(samples),
        int(quantities["overlaps_total"]),
        title,
        look,
        shown=shown,
    )

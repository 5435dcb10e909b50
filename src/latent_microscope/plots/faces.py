"""Figures of a study with real images: components, clusters, and what their scores say."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from latent_microscope.arguments import In
from latent_microscope.io.artefacts import load_npy
from latent_microscope.io.inputs import joined
from latent_microscope.plots.grids import grid_height, image_grid
from latent_microscope.plots.latent import (
    biggest_clusters,
    by_cluster,
    by_value,
    legend_of,
    same_rows,
)
from latent_microscope.plots.style import (
    FAINT,
    INK,
    NOISE,
    Look,
    Page,
    count,
    panel,
    plain,
    point_size,
    points,
    pretty,
    say,
)
from latent_microscope.seeds import rng


def choose_cluster(labels: npt.ArrayLike, wanted: int | None) -> int | None:
    """The wanted cluster, else the largest, else None (all noise)."""
    order = biggest_clusters(labels)
    if wanted is not None and wanted in order:
        return wanted
    return order[0] if order else None


def plot_components(
    *,
    sources: In,
    scores: In,
    clusters: In,
    title: str,
    look: Look,
    cluster: int | None = None,
) -> Figure:
    """Plot components 1 and 2.

    Args:
        sources: .npy (n, k), row i = row i of scores.
        scores: .parquet: id.
        clusters: .parquet: id, cluster.
        title: Study, seed and method.
        look: look of the figures.
        cluster: cluster to zoom into; the largest by default.
    """
    table = joined(scores, clusters, (["uniqueness"], ["cluster"]))
    values, labels = load_npy(sources), table["cluster"].to_numpy()
    same_rows(values, table, "sources")
    page = Page(3.05, f"{title} · n = {count(len(labels))}")
    left, right = page.axes(0.5, 0.55, 2.15, 2.1), page.axes(4.5, 0.55, 2.15, 2.1)
    two = np.zeros((len(values), 2))
    two[:, : min(2, values.shape[1])] = values[:, :2]
    entries = by_cluster(left, two, labels, look, names=False)
    legend_of(left, entries, loc="upper left", bbox_to_anchor=(1.02, 1.0))
    panel(left, "a", "independent components, by cluster")
    chosen = choose_cluster(labels, cluster)
    if chosen is None:
        say(right, "no cluster: all samples are noise")
        panel(right, "b", "zoom")
    else:
        inside = two[labels == chosen]
        colour = look.colour(biggest_clusters(labels).index(chosen))
        size = 2 * point_size(len(two))
        points(right, two[labels != chosen], c=FAINT, s=size)
        points(right, inside, c=colour, s=size)
        low, high = np.percentile(inside, [2, 98], axis=0)
        pad = np.maximum(0.08 * (high - low), 1e-6)
        low, high = low - pad, high + pad
        right.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        left.add_patch(Rectangle(tuple(low), *(high - low), fill=False, ec=INK, lw=0.9))
        panel(right, "b", f"cluster {chosen}: its central 96%, others pale")
    for ax, name in ((left, "components"), (right, "zoom")):
        if name == "components" or chosen is not None:
            ax.set(xlabel="component 1", ylabel="component 2")
        look.limit(ax, name)
    return page.figure


def plot_clusters(
    *,
    plane: In,
    scores: In,
    clusters: In,
    title: str,
    look: Look,
) -> Figure:
    """Plot four maps of the plane.

    Args:
        plane: .npy (n, 2), row i = row i of scores.
        scores: .parquet: id, cls, uniqueness, originality.
        clusters: .parquet: id, cluster.
        title: Study and seed.
        look: look of the figures.
    """
    xy = load_npy(plane)
    table = joined(scores, clusters, (["cls", "uniqueness", "originality"], ["cluster"]))
    same_rows(xy, table, "plane")
    found = len(biggest_clusters(table["cluster"]))
    noise = float((table["cluster"] < 0).mean())
    page = Page(
        5.75,
        f"{title} · n = {count(len(table))}",
        f"UMAP of standardised latents; HDBSCAN finds {found} cluster{'s' * (found != 1)}, "
        f"{noise:.1%} noise; colour scales end at the 1st and 99th percentile",
    )
    side = 2.2
    axes = [page.axes(x, y, side, side) for y in (0.75, 3.3) for x in (0.35, 4.05)]
    entries = by_cluster(axes[0], xy, table["cluster"], look)
    legend_of(axes[0], entries, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    panel(axes[0], "a", "by cluster" if found else "by cluster: none, all noise")
    for ax, letter, column in zip(
        axes[1:], "bcd", ("cls", "uniqueness", "originality"), strict=True
    ):
        by_value(ax, xy, table[column], pretty(column), look, column)
        panel(ax, letter, f"by {pretty(column)}")
    for ax, name in zip(axes, ("cluster", "cls", "uniqueness", "originality"), strict=True):
        plain(ax, "UMAP 1", "UMAP 2")
        look.limit(ax, name)
    return page.figure


def plot_uniqueness_originality(
    *,
    scores: In,
    clusters: In,
    title: str,
    look: Look,
) -> Figure:
    """Plot the two scores of every sample.

    Args:
        scores: .parquet: id, uniqueness, originality.
        clusters: .parquet: id, cluster.
        title: Study and seed.
        look: look of the figures.
    """
    table = joined(scores, clusters, (["uniqueness", "originality"], ["cluster"]))
    page = Page(
        3.2,
        f"{title} · n = {count(len(table))}",
        "arrow: least-squares trend from the 5th to the 95th percentile of uniqueness",
    )
    left, right = page.axes(0.5, 0.7, 2.15, 2.1), page.axes(4.35, 0.7, 2.15, 2.1)
    both = table[["uniqueness", "originality"]].to_numpy(float)
    entries = by_cluster(left, both, table["cluster"], look, names=False)
    legend_of(left, entries, loc="upper left", bbox_to_anchor=(1.02, 1.0))
    panel(left, "a", "by cluster")
    points(right, both, c=NOISE, alpha=0.6)
    rho = float(table["uniqueness"].rank().corr(table["originality"].rank()))
    if np.isfinite(rho):
        _trend(right, both, look)
        panel(right, "b", f"Spearman ρ = {rho:.3f}".replace("-", "−"))
    else:
        panel(right, "b", "Spearman undefined: a score is constant")
    for ax, name in ((left, "clusters"), (right, "trend")):
        ax.set(xlabel="uniqueness", ylabel="originality")
        look.limit(ax, name)
    return page.figure


def _trend(ax: Axes, both: np.ndarray, look: Look) -> None:
    """An arrow along the least-squares line over the middle 90 % of x."""
    x, y = both.T
    slope = float(np.cov(x, y)[0, 1] / x.var(ddof=1))
    ends = np.percentile(x, [5, 95])
    heights = y.mean() + slope * (ends - x.mean())
    ax.annotate(
        "",
        xy=(ends[1], heights[1]),
        xytext=(ends[0], heights[0]),
        arrowprops={"arrowstyle": "-|>", "color": look.colour(4), "lw": 2, "shrinkA": 0,
                    "shrinkB": 0, "mutation_scale": 12},
    )  # fmt: skip


def cluster_control(
    images: np.ndarray,
    table: pd.DataFrame,
    cluster: int | None,
    rng: np.random.Generator,
    title: str,
    look: Look,
    *,
    shown: int = 25,
) -> Figure:
    """Images of a cluster beside random images outside it, and the scores of both.

    Args:
        images: uint8 (n, H, W, C).
        table: Row i = image i: ``cluster`` and the four scores.
        cluster: Which, None: there is none.
        rng: Draws the images.
        title: Study, seed.
        look: The figure's settings.
        shown: Images of each group at most (in rows of five).
    """
    same_rows(images, table, "images")
    names = [str(name) for name in table.columns if name not in ("id", "cluster")]
    if cluster is None:
        look.panels.update(names)
        page = Page(1.6, f"{title} · no cluster")
        say(page.axes(0.1, 0.4, page.width - 0.2, 1.1), "no cluster: all samples are noise")
        return page.figure
    members = np.flatnonzero(table["cluster"] == cluster)
    others = np.flatnonzero(table["cluster"] != cluster)
    groups = [
        (f"cluster {cluster}: {count(len(members))} images", members, look.colour(0)),
        (f"control: random of the {count(len(others))} others", others, look.colour(1)),
    ]
    drawn = [np.sort(rng.permutation(rows)[:shown]) for _, rows, _ in groups]
    width, columns = 3.3, 5
    most = max(len(rows) for rows in drawn)
    height = grid_height(images.shape[1:], most, columns, width, lines=2, size=5)
    page = Page(
        height + 2.65,
        f"{title} · cluster {cluster} against a control",
        "under each image: U uniqueness, O originality, S stability, CLS; bars: median and "
        "quartiles of all images of the group",
    )
    for left, rows, (text, _, colour) in zip((0.15, 3.75), drawn, groups, strict=True):
        page.text(left, 0.5, text, color=colour, weight="bold")
        captions = [_scores_of(table.iloc[i]) for i in rows]
        image_grid(page, images[rows], left=left, top=0.7, width=width, columns=columns,
                   captions=captions, lines=2, size=5)  # fmt: skip
    top = height + 1.05
    for k, column in enumerate(names):
        ax = page.axes(0.5 + 1.75 * k, top, 1.25, 1.2)
        _violins(ax, [table[column].to_numpy(float)[rows] for _, rows, _ in groups],
                 [colour for *_, colour in groups])  # fmt: skip
        panel(ax, "abcd"[k], pretty(column))
        ax.set_xticks([0, 1], [f"cluster {cluster}", "others"])
        look.limit(ax, column)
    return page.figure


def _scores_of(row: pd.Series) -> str:
    return (
        f"U {row['uniqueness']:.3g} O {row['originality']:.3g}\n"
        f"S {row['stability']:.4f} CLS {row['cls']:.2f}"
    )


def _violins(ax: Axes, groups: Sequence[np.ndarray], colours: Sequence[str]) -> None:
    for place, (values, colour) in enumerate(zip(groups, colours, strict=True)):
        if len(values) == 0:
            continue
        if len(values) > 1 and np.ptp(values) > 0:
            made: dict[str, Any] = ax.violinplot(values, [place], widths=0.8, showextrema=False)
            made["bodies"][0].set(facecolor=colour, alpha=0.45, linewidth=0)
        low, middle, high = np.percentile(values, [25, 50, 75])
        ax.plot([place, place], [low, high], color=colour, lw=2.5, solid_capstyle="butt")
        ax.plot(place, middle, "o", ms=3.5, mfc="white", mec=colour, mew=1)
    ax.set_xlim(-0.6, 1.6)
    ax.tick_params(axis="x", labelsize=matplotlib.rcParams["font.size"] - 1, length=0)


def plot_cluster_control(
    *,
    images: In,
    scores: In,
    clusters: In,
    title: str,
    look: Look,
    measured: list[str],
    cluster: int | None = None,
    shown: int = 25,
    seed: int = 0,
) -> Figure:
    """Plot a cluster against a random control.

    Args:
        images: .npy uint8 (n, H, W, C), row i = row i of scores.
        scores: .parquet: id and these scores.
        clusters: .parquet: id, cluster.
        title: Study and seed.
        look: look of the figures.
        measured: names of the scores: uniqueness, originality, stability, cls.
        cluster: which; the largest by default.
        shown: images of either group at most.
        seed: root seed, draws the images.
    """
    table = joined(scores, clusters, (measured, ["cluster"]))
    return cluster_control(
        load_npy(images, mmap=True),
        table,
        choose_cluster(table["cluster"], cluster),
        rng(seed, "plot_cluster_control"),
        title,
        look,
        shown=shown,
    )

"""Figures of one latent space: projections, independent components, UMAP, scores and densities."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from latent_microscope.arguments import In
from latent_microscope.io.artefacts import join_by_id, load_table
from latent_microscope.io.inputs import joined
from latent_microscope.plots.maps import (
    ALL_NOISE,
    biggest_clusters,
    by_cluster,
    by_value,
    legend_of,
    rows_of,
)
from latent_microscope.plots.style import (
    FAINT,
    INK,
    MUTED,
    NOISE,
    Look,
    Page,
    Style,
    count,
    panel,
    plain,
    point_size,
    points,
    pretty,
    say,
)
from latent_microscope.statistics.pca import principal_plane

KINDS = {"authentic": 0, "interpolation": 1}  # index of the colour
_MARKERS = {"authentic": "o", "interpolation": "^"}
_CLUSTER_SCORES = ("cls", "uniqueness", "originality")


def kinds_of(table: pd.DataFrame) -> dict[str, npt.NDArray[np.bool_]]:
    """Rows of each kind of samples, authentic first; all as ``samples`` where no kind is known."""
    if "kind" not in table:
        return {"samples": np.ones(len(table), bool)}
    found = {kind: (table["kind"] == kind).to_numpy() for kind in KINDS}
    return {kind: rows for kind, rows in found.items() if rows.any()}


def histogram(ax: Axes, table: pd.DataFrame, column: str, look: Look, bins: int = 30) -> None:
    """Overlaid histograms of a column, one per kind of samples, on shared bins."""
    values = table[column].to_numpy(float)
    values = values[np.isfinite(values)]
    if values.size == 0:
        say(ax, f"no finite {column}")
        return
    low, high = float(values.min()), float(values.max())
    edges = np.linspace(low, high if high > low else low + 1.0, bins + 1).tolist()
    for kind, rows in kinds_of(table).items():
        colour = look.colour(KINDS.get(kind, 0))
        ax.hist(table.loc[rows, column], edges, color=colour, alpha=0.55, label=kind, lw=0)
        ax.hist(table.loc[rows, column], edges, color=colour, histtype="step", lw=0.8)
    ax.set_ylabel("number of samples")
    ax.xaxis.set_major_locator(MaxNLocator(5))


def first_two(sources: np.ndarray) -> np.ndarray:
    """The first two components (n, 2); zeros where there is only one."""
    two = np.zeros((len(sources), 2))
    two[:, : min(2, sources.shape[1])] = sources[:, :2]
    return two


def plot_latent_map(
    *, latents: In, tsne: In, scores: In, clusters: In, samples: In, title: str, look: Look
) -> Figure:
    """Principal components coloured by density, and t-SNE coloured by cluster.

    ``samples`` has the kind of each id.
    """
    table = joined(scores, clusters, (["knn_density"], ["cluster"]))
    kinds = load_table(samples, ["id", "kind"])
    table = join_by_id(table, kinds, names=(str(scores), str(samples)))
    codes, embedded = rows_of(latents, table), rows_of(tsne, table)
    page = Page(3.0, f"{title} · n = {count(len(table))} samples")
    left, right = page.axes(0.35, 0.55, 2.2, 2.2), page.axes(3.65, 0.55, 2.2, 2.2)
    plane, shares = principal_plane(codes)
    density = "kNN density (1 / latent distance)"
    by_value(left, plane, table["knn_density"], density, look, "pca", log=True)
    panel(left, "a", "principal components, by density")
    left.set(xlabel=f"PC 1 ({shares[0]:.1%} of variance)")
    left.set(ylabel=f"PC 2 ({shares[1]:.1%} of variance)")
    left.tick_params(labelleft=False, labelbottom=False, length=0)
    entries: list[tuple[str, str]] = []
    labels = table["cluster"]
    for kind, rows in kinds_of(table).items():
        marker = _MARKERS.get(kind, "o")
        entries = by_cluster(right, embedded, labels, look, marker=marker, rows=rows, names=False)
        if kind in _MARKERS:
            right.scatter([], [], s=14, c=MUTED, marker=marker, linewidths=0, label=kind)
    panel(right, "b", "t-SNE, by cluster and kind")
    plain(right, "t-SNE 1", "t-SNE 2")
    legend_of(right, entries)
    look.limit(left, "pca")
    look.limit(right, "tsne")
    return page.figure


def plot_density(*, scores: In, samples: In, title: str, look: Look) -> Figure:
    """Histograms of kNN and attractor densities, by kind of samples where there are kinds."""
    columns = ["knn_density", "attractor_density", "attractor_density_adaptive"]
    table = joined(scores, samples, (columns, []))
    page = Page(2.6, f"{title} · n = {count(len(table))} samples")
    left, right = page.grid(1, 2, top=0.6)[0]
    histogram(left, table, "knn_density", look)
    panel(left, "a", "kNN density")
    left.set_xlabel("1 / mean latent distance to the k nearest samples")
    histogram(right, table, "attractor_density_adaptive", look)
    panel(right, "b", "attractor density, adaptive radius")
    right.set_xlabel("share of all samples within the radius")
    tied = f"{(table['attractor_density'] == 0).mean():.1%} of samples tie at 0"
    words: Style = {"transform": right.transAxes, "ha": "right", "color": MUTED, "size": "small"}
    right.text(0.98, 0.6, f"at the default radius\n{tied}", **words)
    for ax, name in ((left, "knn"), (right, "attractor")):
        look.limit(ax, name)
        if "kind" in table:
            ax.legend(loc="upper right")
    return page.figure


def choose_cluster(labels: npt.ArrayLike, wanted: int | None) -> int | None:
    """The wanted cluster, else the largest, else None (all samples are noise)."""
    order = biggest_clusters(labels)
    return wanted if wanted in order else next(iter(order), None)


def plot_components(
    *, sources: In, scores: In, clusters: In, title: str, look: Look, cluster: int | None = None
) -> Figure:
    """Independent components 1 and 2 by cluster, and a zoom into one (default: the largest)."""
    table = joined(scores, clusters, (["uniqueness"], ["cluster"]))
    values, labels = rows_of(sources, table), table["cluster"].to_numpy()
    page = Page(3.05, f"{title} · n = {count(len(labels))} samples")
    left, right = page.axes(0.5, 0.55, 2.15, 2.1), page.axes(4.5, 0.55, 2.15, 2.1)
    two = first_two(values)
    legend_of(left, by_cluster(left, two, labels, look, names=False))
    panel(left, "a", "independent components, by cluster")
    chosen = choose_cluster(labels, cluster)
    if chosen is None:
        say(right, ALL_NOISE)
        panel(right, "b", "zoom")
    else:
        low, high = _zoom(right, two, labels, chosen, look)
        left.add_patch(Rectangle(tuple(low), *(high - low), fill=False, ec=INK, lw=0.9))
    for ax, name in ((left, "components"), (right, "zoom")):
        if name == "components" or chosen is not None:
            ax.set(xlabel="component 1", ylabel="component 2")
        look.limit(ax, name)
    return page.figure


def _zoom(
    ax: Axes, two: np.ndarray, labels: np.ndarray, chosen: int, look: Look
) -> tuple[np.ndarray, np.ndarray]:
    """The central 96 % of a cluster; returns the corners (low, high) of what is shown."""
    inside = two[labels == chosen]
    size = 2 * point_size(len(two))
    points(ax, two[labels != chosen], c=FAINT, s=size)
    points(ax, inside, c=look.colour(biggest_clusters(labels).index(chosen)), s=size)
    low, high = np.percentile(inside, [2, 98], axis=0)
    pad = np.maximum(0.08 * (high - low), 1e-6)
    low, high = low - pad, high + pad
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    panel(ax, "b", f"central 96 % of cluster {chosen}; others pale")
    return low, high


def plot_clusters(*, umap: In, scores: In, clusters: In, title: str, look: Look) -> Figure:
    """Four UMAP maps: clusters, CLS, uniqueness, originality."""
    table = joined(scores, clusters, ([*_CLUSTER_SCORES], ["cluster"]))
    xy = rows_of(umap, table)
    found = len(biggest_clusters(table["cluster"]))
    noise = float((table["cluster"] < 0).mean())
    page = Page(
        5.75,
        f"{title} · n = {count(len(table))} samples",
        f"UMAP of standardised latents; HDBSCAN finds {found} cluster{'s' * (found != 1)}, "
        f"{noise:.1%} noise; colour scales end at the 1st and 99th percentile",
    )
    axes = [page.axes(x, y, 2.2, 2.2) for y in (0.75, 3.3) for x in (0.35, 4.05)]
    entries = by_cluster(axes[0], xy, table["cluster"], look)
    legend_of(axes[0], entries, bbox_to_anchor=(1.0, 1.0))
    panel(axes[0], "a", "by cluster" if found else "by cluster: none, all noise")
    for ax, letter, column in zip(axes[1:], "bcd", _CLUSTER_SCORES, strict=True):
        by_value(ax, xy, table[column], pretty(column), look, column)
        panel(ax, letter, f"by {pretty(column)}")
    for ax, name in zip(axes, ("cluster", *_CLUSTER_SCORES), strict=True):
        plain(ax, "UMAP 1", "UMAP 2")
        look.limit(ax, name)
    return page.figure


def plot_uniqueness_originality(*, scores: In, clusters: In, title: str, look: Look) -> Figure:
    """Uniqueness against originality, by cluster and with the least-squares trend."""
    table = joined(scores, clusters, (["uniqueness", "originality"], ["cluster"]))
    page = Page(
        3.2,
        f"{title} · n = {count(len(table))} samples",
        "arrow: least-squares trend from the 5th to the 95th percentile of uniqueness",
    )
    left, right = page.axes(0.5, 0.7, 2.15, 2.1), page.axes(4.35, 0.7, 2.15, 2.1)
    both = table[["uniqueness", "originality"]].to_numpy(float)
    legend_of(left, by_cluster(left, both, table["cluster"], look, names=False))
    panel(left, "a", "by cluster")
    points(right, both, c=NOISE, alpha=0.6)
    rho = float(table["uniqueness"].rank().corr(table["originality"].rank()))
    if np.isfinite(rho):
        _trend(right, both, look)
        panel(right, "b", f"Spearman ρ = {rho:.3f}".replace("-", "−"))
    else:
        panel(right, "b", "Spearman ρ undefined: a score is constant")
    for ax, name in ((left, "clusters"), (right, "trend")):
        ax.set(xlabel="uniqueness", ylabel="originality")
        look.limit(ax, name)
    return page.figure


def _trend(ax: Axes, both: np.ndarray, look: Look) -> None:
    """An arrow along the least-squares line over the middle 90 % of x."""
    x, y = both.T
    slope = float(np.cov(x, y)[0, 1] / x.var(ddof=1))
    ends = np.percentile(x, [5, 95])
    start, end = zip(ends, y.mean() + slope * (ends - x.mean()), strict=True)
    arrow = {"arrowstyle": "-|>", "color": look.colour(4), "lw": 2, "mutation_scale": 12}
    ax.annotate("", xy=end, xytext=start, arrowprops={**arrow, "shrinkA": 0, "shrinkB": 0})

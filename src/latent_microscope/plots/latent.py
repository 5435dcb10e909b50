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
from latent_microscope.plots import style
from latent_microscope.plots.maps import (
    ALL_NOISE,
    biggest_clusters,
    by_cluster,
    by_value,
    legend_of,
    rows_of,
)
from latent_microscope.plots.style import FAINT, INK, MUTED, NOISE, Look, Page, count, pretty
from latent_microscope.statistics.pca import principal_plane

KINDS = {"authentic": 0, "interpolation": 1}  # index of the colour
_MARKERS = {"authentic": "o", "interpolation": "^"}
_CLUSTER_SCORES = ("cls", "uniqueness", "originality")


def kinds_of(table: pd.DataFrame) -> dict[str, npt.NDArray[np.bool_]]:
    """Rows of each kind of samples, authentic first; all as ``samples`` where no kind is known."""
    if "kind" not in table:
        return {"samples": np.ones(len(table), bool)}
    kinds = table["kind"].to_numpy()
    return {kind: kinds == kind for kind in KINDS if kind in kinds}


def histogram(
    ax: Axes, table: pd.DataFrame, column: str, look: Look, bins: int = 30, *, log: bool = False
) -> None:
    """Overlaid histograms of a column, one per kind of samples, on shared bins.

    ``log`` asks for a logarithmic scale where values are positive and a factor of 20 apart.
    """
    values = table[column].to_numpy(float)
    values = values[np.isfinite(values)]
    if values.size == 0:
        style.say(ax, f"no finite {column}")
        return
    low, high = float(values.min()), float(values.max())
    log = log and low > 0.0 and high / low >= 20.0
    spaced = np.geomspace if log else np.linspace
    edges = spaced(low, high if high > low else low + 1.0, bins + 1).tolist()
    for kind, rows in kinds_of(table).items():
        own, colour = table.loc[rows, column], look.colour(KINDS.get(kind, 0))
        ax.hist(own, edges, color=colour, alpha=0.55, label=kind, lw=0)
        ax.hist(own, edges, color=colour, histtype="step", lw=0.8)
    ax.set_ylabel("number of samples")
    if log:
        ax.set_xscale("log")
    else:
        ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))


def legend_above(ax: Axes) -> None:
    """The kinds of samples side by side above a histogram."""
    ax.set_ylim(0, ax.get_ylim()[1] * 1.25)
    ax.legend(loc="upper left", ncols=2, columnspacing=0.8, borderaxespad=0.1)


def first_two(sources: np.ndarray) -> np.ndarray:
    """The first two components (n, 2); zeros where there is only one."""
    return np.pad(sources[:, :2], ((0, 0), (0, max(2 - sources.shape[1], 0))))


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
    page = Page(3.1, f"{title} · n = {count(len(table))} samples", look.cut("pca"))
    left, right = page.axes(0.35, 0.65, 2.2, 2.2), page.axes(3.65, 0.65, 2.2, 2.2)
    plane, shares = principal_plane(codes)
    density = "kNN density (1 / latent distance)"
    by_value(left, plane, table["knn_density"], density, look, "pca", log=True)
    label_components(left, shares)
    left.tick_params(labelleft=False, labelbottom=False, length=0)
    entries: list[tuple[str, str]] = []
    labels = table["cluster"]
    for kind, rows in kinds_of(table).items():
        marker = _MARKERS.get(kind, "o")
        entries = by_cluster(right, embedded, labels, look, marker=marker, rows=rows, names=False)
        if kind in _MARKERS:
            right.scatter([], [], s=14, c=MUTED, marker=marker, linewidths=0, label=kind)
    style.plain(right, "t-SNE 1", "t-SNE 2")
    legend_of(right, entries)
    look.panel(left, "pca", "a", "principal components, by density")
    look.panel(right, "tsne", "b", "t-SNE, by cluster and kind")
    return page.figure


def label_components(ax: Axes, shares: npt.NDArray[np.float64]) -> None:
    """Name the axes of the first two principal components by their shares of the variance."""
    ax.set_xlabel(f"PC 1 ({shares[0]:.1%} of variance)")
    ax.set_ylabel(f"PC 2 ({shares[1]:.1%} of variance)")


def plot_density(*, scores: In, samples: In, title: str, look: Look) -> Figure:
    """Histograms of kNN and attractor densities, by kind of samples where there are kinds."""
    columns = ["knn_density", "attractor_density", "attractor_density_adaptive"]
    table = joined(scores, samples, (columns, []))
    page = Page(2.6, f"{title} · n = {count(len(table))} samples")
    left, right = page.grid(1, 2, top=0.6)
    for ax, column in ((left, "knn_density"), (right, "attractor_density_adaptive")):
        histogram(ax, table, column, look, log=ax is left)
        if "kind" in table:
            legend_above(ax)
    tied = (
        f"at the fixed radius\n{(table['attractor_density'] == 0).mean():.1%} of samples tie at 0"
    )
    style.inside(right, 0.98, 0.6, tied, va="baseline", color=MUTED, size="small")
    text = "1 / mean latent distance to the k nearest samples"
    look.panel(left, "knn", "a", "kNN density", text)
    text = "attractor density, adaptive radius"
    look.panel(right, "attractor", "b", text, "share of all samples within the radius")
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
    chosen, text = choose_cluster(labels, cluster), "zoom"
    axes = "component 1", "component 2"
    if chosen is None:
        style.say(right, ALL_NOISE)
    else:
        text = f"central 96 % of cluster {chosen}; others pale"
        colour = look.colour(biggest_clusters(labels).index(chosen))
        members, size = two[labels == chosen], 2 * style.point_size(len(two))
        style.points(right, two[labels != chosen], c=FAINT, s=size)
        style.points(right, members, c=colour, s=size)
        low, high = np.percentile(members, [2, 98], axis=0)
        pad = np.maximum(0.08 * (high - low), 1e-6)
        low, high = low - pad, high + pad
        right.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        left.add_patch(Rectangle(tuple(low), *(high - low), fill=False, ec=INK, lw=0.9))
    look.panel(left, "components", "a", "independent components, by cluster", *axes)
    look.panel(right, "zoom", "b", text, *(axes if chosen is not None else ()))
    return page.figure


def plot_clusters(*, umap: In, scores: In, clusters: In, title: str, look: Look) -> Figure:
    """Four UMAP maps: clusters, CLS, uniqueness, originality."""
    table = joined(scores, clusters, ([*_CLUSTER_SCORES], ["cluster"]))
    xy = rows_of(umap, table)
    found = len(biggest_clusters(table["cluster"]))
    noise = float((table["cluster"] < 0).mean())
    notes = [
        "UMAP of standardised latents",
        f"HDBSCAN finds {style.several(found, 'cluster')}, {noise:.1%} noise",
        look.cut(*_CLUSTER_SCORES),
    ]
    heading = f"{title} · n = {count(len(table))} samples"
    page = Page(5.75, heading, "; ".join(filter(None, notes)))
    axes = [page.axes(x, y, 2.2, 2.2) for y in (0.75, 3.3) for x in (0.35, 4.05)]
    entries = by_cluster(axes[0], xy, table["cluster"], look)
    legend_of(axes[0], entries, bbox_to_anchor=(1.0, 1.0))
    titles = {"cluster": "by cluster" if found else "by cluster: none, all noise"}
    for ax, column in zip(axes[1:], _CLUSTER_SCORES, strict=True):
        by_value(ax, xy, table[column], pretty(column), look, column)
        titles[column] = f"by {pretty(column)}"
    for ax, letter, (name, text) in zip(axes, "abcd", titles.items(), strict=True):
        style.plain(ax, "UMAP 1", "UMAP 2")
        look.panel(ax, name, letter, text)
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
    style.points(right, both, c=NOISE, alpha=0.6)
    rho = float(table["uniqueness"].rank().corr(table["originality"].rank()))
    text = "Spearman ρ undefined: a score is constant"
    if np.isfinite(rho):
        _trend(right, both, look)
        text = f"Spearman ρ = {rho:.3f}".replace("-", "−")
    axes = "uniqueness", "originality"
    look.panel(left, "clusters", "a", "by cluster", *axes)
    look.panel(right, "trend", "b", text, *axes)
    return page.figure


def _trend(ax: Axes, both: np.ndarray, look: Look) -> None:
    """An arrow along the least-squares line over the middle 90 % of x."""
    x, y = both.T
    slope = float(np.cov(x, y)[0, 1] / x.var(ddof=1))
    ends = np.percentile(x, [5, 95])
    start, end = zip(ends, y.mean() + slope * (ends - x.mean()), strict=True)
    arrow = {"arrowstyle": "-|>", "color": look.colour(4), "lw": 2, "mutation_scale": 12}
    ax.annotate("", xy=end, xytext=start, arrowprops={**arrow, "shrinkA": 0, "shrinkB": 0})

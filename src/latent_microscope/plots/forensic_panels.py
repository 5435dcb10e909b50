"""The nine panels of the forensic analysis of one latent space."""

from dataclasses import dataclass

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from latent_microscope.arguments import In
from latent_microscope.io.artefacts import load_npy, load_table
from latent_microscope.io.inputs import joined
from latent_microscope.plots.latent import by_value, same_rows
from latent_microscope.plots.style import (
    DIVERGING,
    FAINT,
    MUTED,
    NOISE,
    Look,
    Page,
    count,
    panel,
    plain,
    point_size,
    points,
    say,
)
from latent_microscope.plots.synthetic import KINDS, histogram, kinds_of
from latent_microscope.statistics.pca import principal_plane

METRICS = {
    "uniqueness": "uniqueness",
    "originality": "originality",
    "stability": "stability",
    "cls": "CLS",
    "knn_density": "kNN density",
    "attractor_density_adaptive": "attractor d.",
    "neighbors": "neighbours",
    "norm": "norm",
}
_NEIGHBOURS = (0, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000)
_TIED = 0.95  # share of equal densities from which a ranking by them means nothing


@dataclass(frozen=True)
class Forensics:
    """What the nine panels show; row i of every array is row i of ``scores``.

    Attributes:
        scores: ``scores-{method}.parquet``, with ``kind`` where samples have kinds.
        latents: (n, d).
        sources: (n, k).
        candidates: ``candidates-{method}.parquet``.
        signatures: ``signatures.parquet``.
        percentile: Uniqueness percentile of isolated cores.
        max_neighbors: Most neighbours that an isolated core may have.
        top: Number of attractors to show.
    """

    scores: pd.DataFrame
    latents: np.ndarray
    sources: np.ndarray
    candidates: pd.DataFrame
    signatures: pd.DataFrame
    percentile: float = 90.0
    max_neighbors: int = 7
    top: int = 50

    def cores(self) -> npt.NDArray[np.bool_]:
        """Which samples are isolated cores: above the percentile with few neighbours."""
        u = self.scores["uniqueness"].to_numpy(float)
        few = self.scores["neighbors"].to_numpy() <= self.max_neighbors
        return (u > np.percentile(u, self.percentile)) & few

    def validated(self) -> pd.DataFrame:
        """Candidates at this uniqueness percentile."""
        table = self.candidates
        return table[np.isclose(table["uniqueness_percentile"], self.percentile)]


def plot_forensic_panels(
    *,
    scores: In,
    samples: In,
    latents: In,
    sources: In,
    candidates: In,
    signatures: In,
    title: str,
    look: Look,
    percentile: float = 90.0,
    max_neighbors: int = 7,
) -> Figure:
    """Plot components, stability, cores, attractors, signatures, … and their correlation.

    Args:
        scores: scores .parquet, one row a sample.
        samples: .parquet: id and, where there are kinds, kind.
        latents: .npy (n, d), row i = row i of scores.
        sources: .npy (n, k), likewise.
        candidates: .parquet: the validated cores at each configuration.
        signatures: .parquet: radius_kind, index.
        title: Study, view, seed and method.
        look: look of the figures.
        percentile: uniqueness percentile of isolated cores, 0 to 100.
        max_neighbors: most neighbours an isolated core may have.
    """
    data = Forensics(
        joined(scores, samples, ([], [])),
        load_npy(latents),
        load_npy(sources),
        load_table(candidates),
        load_table(signatures),
        percentile,
        max_neighbors,
    )
    same_rows(data.latents, data.scores, "latents")
    same_rows(data.sources, data.scores, "sources")
    page = Page(7.6, f"{title} · n = {count(len(data.scores))}")
    axes = [
        ax
        for row in page.grid(
            3, 3, top=0.6, bottom=0.65, left=0.6, right=0.25, wspace=0.82, hspace=0.75
        )
        for ax in row
    ]
    plane, _ = principal_plane(data.latents)
    _sources(axes[0], data, look)
    histogram(axes[1], data.scores, "stability", look)
    axes[1].set_xlabel("stability")
    panel(axes[1], "b", "stability")
    _cores(axes[2], data, look)
    _attractors(axes[3], data, plane, look)
    _signatures(axes[4], data, plane, look)
    _validated(axes[5], data, look)
    histogram(axes[6], data.scores, "originality", look)
    axes[6].set_xlabel("originality")
    panel(axes[6], "g", "originality")
    _methods(axes[7], data, look)
    _correlations(axes[8], data.scores)
    names = ["sources", "stability", "cores", "attractors", "signatures", "validated",
             "originality", "methods"]  # fmt: skip
    for ax, name in zip(axes, names, strict=False):
        look.limit(ax, name)
    if "kind" in data.scores:
        for ax in (axes[1], axes[6]):
            top = ax.get_ylim()[1]
            ax.set_ylim(0, top * 1.25)
            ax.legend(loc="upper left", ncols=2, columnspacing=0.8, borderaxespad=0.1)
    return page.figure


def _sources(ax: Axes, data: Forensics, look: Look) -> None:
    two = np.zeros((len(data.sources), 2))
    two[:, : min(2, data.sources.shape[1])] = data.sources[:, :2]
    by_value(ax, two, data.scores["originality"], "", look, "sources")
    ax.set(xlabel="component 1", ylabel="component 2")
    panel(ax, "a", "components, by originality")


def _cores(ax: Axes, data: Forensics, look: Look) -> None:
    u, neighbours = data.scores["uniqueness"].to_numpy(float), data.scores["neighbors"].to_numpy()
    cores = data.cores()
    points(ax, np.c_[u[~cores], neighbours[~cores]], c=NOISE, s=point_size(len(u)))
    points(ax, np.c_[u[cores], neighbours[cores]], c=look.colour(4), s=10)
    ax.axvline(np.percentile(u, data.percentile), color=MUTED, lw=0.7, ls=(0, (3, 2)))
    ax.axhline(data.max_neighbors + 0.5, color=MUTED, lw=0.7, ls=(0, (3, 2)))
    ax.set_yscale("symlog", linthresh=10)
    ax.set_ylim(bottom=-0.5)
    top = max(10, int(neighbours.max()))
    ax.set_yticks([t for t in _NEIGHBOURS if t <= top], labels=None)
    ax.yaxis.set_major_formatter(lambda v, _: count(v))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set(xlabel="uniqueness", ylabel="neighbours (cosine)")
    panel(ax, "c", f"isolated cores: {count(cores.sum())}")


def _attractors(ax: Axes, data: Forensics, plane: np.ndarray, look: Look) -> None:
    default = data.scores["attractor_density"].to_numpy(float)
    _, sizes = np.unique(default, return_counts=True)
    tied = sizes.max() / len(default) >= _TIED
    column = "attractor_density_adaptive" if tied else "attractor_density"
    values = data.scores[column].to_numpy(float)
    chosen = np.argsort(-values, kind="stable")[: data.top]
    points(ax, plane, c=FAINT)
    points(ax, plane[chosen], c=look.colour(0), s=10)
    plain(ax, "PC 1", "PC 2")
    radius = "adaptive radius" if tied else "default radius"
    panel(ax, "d", f"top {len(chosen)} attractors, {radius}")


def _signatures(ax: Axes, data: Forensics, plane: np.ndarray, look: Look) -> None:
    points(ax, plane, c=FAINT)
    for radius, colour, marker in (("adaptive", 1, "o"), ("default", 4, "x")):
        rows = data.signatures.loc[data.signatures["radius_kind"] == radius, "index"]
        index = rows.to_numpy(int)
        options = {"linewidths": 1.0} if marker == "x" else {}
        points(ax, plane[index], c=look.colour(colour), s=14, marker=marker,
               label=f"{radius} radius: {len(index)}", **options)  # fmt: skip
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.25 * (high - low))
    ax.legend(loc="upper left", borderaxespad=0.1)
    plain(ax, "PC 1", "PC 2")
    panel(ax, "e", "authentic signatures")


def _validated(ax: Axes, data: Forensics, look: Look) -> None:
    cores = data.cores()
    scores = data.scores
    panel(ax, "f", "validated cores")
    if not cores.any():
        say(ax, "no isolated core")
        return
    points(ax, scores.loc[cores, ["uniqueness", "stability"]], c=NOISE, s=12)
    table = data.validated()
    for i, (percentile, rows) in enumerate(table.groupby("stability_percentile", sort=True)):
        points(
            ax, rows[["uniqueness", "stability"]], c=look.colour([5, 2, 1, 4][i % 4]), s=14,
            label=f"> P{percentile:g}: {len(rows)}",
        )  # fmt: skip
    ax.set(xlabel="uniqueness", ylabel="stability")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.3 * (high - low))
    ax.set_yticks([t for t in ax.get_yticks() if low <= t <= min(high, 1.0)])
    if len(table):
        ax.legend(loc="upper left", ncols=2, columnspacing=0.6, borderaxespad=0.1)
    else:
        ax.text(0.03, 0.97, "none passes any\nstability percentile", transform=ax.transAxes,
                va="top", color=MUTED, size="small")  # fmt: skip


def _methods(ax: Axes, data: Forensics, look: Look) -> None:
    lenient = data.validated()
    if len(lenient):
        lenient = lenient[lenient["stability_percentile"] == lenient["stability_percentile"].min()]
    masks = {
        "isolated cores": np.flatnonzero(data.cores()),
        "validated cores": lenient["index"].to_numpy(int),
        "signatures": _signature_rows(data, "default"),
        "signatures,\nadaptive": _signature_rows(data, "adaptive"),
        "own detector": np.flatnonzero(data.scores["detected"].to_numpy(bool)),
    }
    y = np.arange(len(masks))
    left = np.zeros(len(masks))
    for kind in kinds_of(data.scores):
        here = (
            data.scores["kind"].to_numpy() == kind
            if kind != "samples"
            else np.ones(len(data.scores), bool)
        )
        sizes = np.array([int(here[index].sum()) for index in masks.values()])
        ax.barh(y, sizes, left=left, color=look.colour(KINDS.get(kind, 0)), height=0.65, label=kind)
        left = left + sizes
    for place, value in enumerate(left.tolist()):
        ax.text(
            value + 0.02 * max(left.max(), 1), place, count(int(value)), va="center", size="small"
        )
    ax.set_yticks(y, list(masks))
    ax.invert_yaxis()
    ax.set_xlim(0, max(left.max(), 1) * 1.25)
    ax.set_xlabel("samples selected")
    panel(ax, "h", "candidates by method")


def _signature_rows(data: Forensics, radius: str) -> npt.NDArray[np.int64]:
    rows = data.signatures.loc[data.signatures["radius_kind"] == radius, "index"]
    return rows.to_numpy(np.int64)


def _correlations(ax: Axes, scores: pd.DataFrame) -> None:
    ranks = scores[list(METRICS)].rank()
    matrix = ranks.corr().to_numpy()  # Pearson of ranks: Spearman; NaN where a metric is constant
    colours = matplotlib.colormaps[DIVERGING].with_extremes(bad=FAINT)
    ax.imshow(matrix, cmap=colours, vmin=-1, vmax=1, aspect="auto")
    for i in range(len(matrix)):
        for j in range(len(matrix)):
            if i != j and np.isfinite(matrix[i, j]):
                text = f"{round(matrix[i, j], 1) + 0.0:.1f}".replace("-", "−")
                dark = abs(matrix[i, j]) > 0.6
                ax.text(j, i, text, ha="center", va="center", size=5,
                        color="white" if dark else "black")  # fmt: skip
    names = list(METRICS.values())
    size = matplotlib.rcParams["font.size"] - 2
    ax.set_xticks(range(len(names)), names, rotation=50, ha="right", rotation_mode="anchor",
                  size=size)  # fmt: skip
    ax.set_yticks(range(len(names)), names, size=size)
    ax.tick_params(length=0, pad=2)
    for spine in ax.spines.values():
        spine.set_visible(False)
    panel(ax, "i", "Spearman correlation")

"""The nine panels of the published heuristics on one latent space."""

from dataclasses import dataclass

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from latent_microscope.arguments import In
from latent_microscope.io.artefacts import load_table
from latent_microscope.io.inputs import joined
from latent_microscope.plots.latent import KINDS, first_two, histogram, kinds_of
from latent_microscope.plots.maps import by_value, rows_of
from latent_microscope.plots.panels import matrix, reference, slanted
from latent_microscope.plots.style import (
    DIVERGING,
    FAINT,
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
    say,
)
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
_ATTRACTORS = 50  # shown


@dataclass(frozen=True)
class _Heuristics:
    """What the panels show: row i of ``plane`` and ``cores`` is row i of ``scores``."""

    scores: pd.DataFrame
    plane: np.ndarray  # (n, 2), principal components
    candidates: pd.DataFrame  # validated cores at the percentile
    signatures: pd.DataFrame
    percentile: float  # of uniqueness, above which a core is isolated
    max_neighbors: int  # that an isolated core may have
    cores: npt.NDArray[np.bool_]  # whether a sample is an isolated core

    def signature_rows(self, radius: str) -> npt.NDArray[np.int64]:
        chosen = self.signatures["radius_kind"] == radius
        return self.signatures.loc[chosen, "index"].to_numpy(np.int64)


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
    """Components, stability, cores, attractors, signatures, originality and their correlation.

    An isolated core has a uniqueness above ``percentile`` (0 to 100) and at most ``max_neighbors``
    neighbours.
    """
    table = joined(scores, samples, ([], []))
    codes, components = rows_of(latents, table), rows_of(sources, table)
    u, found = table["uniqueness"].to_numpy(float), load_table(candidates)
    few = table["neighbors"].to_numpy() <= max_neighbors
    data = _Heuristics(
        table,
        principal_plane(codes)[0],
        found[np.isclose(found["uniqueness_percentile"], percentile)],
        load_table(signatures),
        percentile,
        max_neighbors,
        (u > np.percentile(u, percentile)) & few,
    )
    page = Page(7.6, f"{title} · n = {count(len(table))} samples")
    margins = {"top": 0.6, "bottom": 0.65, "left": 0.6, "right": 0.25}
    axes = [ax for row in page.grid(3, 3, **margins, wspace=0.82, hspace=0.75) for ax in row]
    by_value(axes[0], first_two(components), table["originality"], "originality", look, "sources")
    axes[0].set(xlabel="component 1", ylabel="component 2")
    panel(axes[0], "a", "independent components")
    for ax, letter, column in ((axes[1], "b", "stability"), (axes[6], "g", "originality")):
        histogram(ax, table, column, look)
        ax.set_xlabel(column)
        panel(ax, letter, column)
    _cores(axes[2], data, look)
    _attractors(axes[3], data, look)
    _signatures(axes[4], data, look)
    _validated(axes[5], data, look)
    _methods(axes[7], data, look)
    _correlations(axes[8], table)
    names = ["sources", "stability", "cores", "attractors", "signatures", "validated"]
    for ax, name in zip(axes, [*names, "originality", "methods"], strict=False):
        look.limit(ax, name)
    for ax in (axes[1], axes[6]) if "kind" in table else ():
        ax.set_ylim(0, ax.get_ylim()[1] * 1.25)
        ax.legend(loc="upper left", ncols=2, columnspacing=0.8, borderaxespad=0.1)
    return page.figure


def _cores(ax: Axes, data: _Heuristics, look: Look) -> None:
    both = data.scores[["uniqueness", "neighbors"]].to_numpy(float)
    points(ax, both[~data.cores], c=NOISE, s=point_size(len(both)))
    points(ax, both[data.cores], c=look.colour(4), s=10)
    reference(ax, x=np.percentile(both[:, 0], data.percentile), y=data.max_neighbors + 0.5, lw=0.7)
    ax.set_yscale("symlog", linthresh=10)
    ax.set_ylim(bottom=-0.5)
    top = max(10, int(both[:, 1].max()))
    ax.set_yticks([t for t in _NEIGHBOURS if t <= top], labels=None)
    ax.yaxis.set_major_formatter(lambda v, _: count(v))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set(xlabel="uniqueness", ylabel="number of neighbours (cosine)")
    panel(ax, "c", f"isolated cores: n = {count(data.cores.sum())}")


def _attractors(ax: Axes, data: _Heuristics, look: Look) -> None:
    default = data.scores["attractor_density"]
    tied = default.value_counts().max() / len(default) >= _TIED
    column = "attractor_density_adaptive" if tied else "attractor_density"
    values = data.scores[column].to_numpy(float)
    chosen = np.argsort(-values, kind="stable")[:_ATTRACTORS]
    points(ax, data.plane, c=FAINT)
    points(ax, data.plane[chosen], c=look.colour(0), s=10)
    plain(ax, "PC 1", "PC 2")
    radius = "adaptive radius" if tied else "default radius"
    panel(ax, "d", f"top {len(chosen)} attractors, {radius}")


def _signatures(ax: Axes, data: _Heuristics, look: Look) -> None:
    points(ax, data.plane, c=FAINT)
    for radius, colour, marker in (("adaptive", 1, "o"), ("default", 4, "x")):
        rows = data.signature_rows(radius)
        style = {"marker": marker, "linewidths": 1.0 if marker == "x" else 0, "s": 14}
        label = f"{radius} radius: n = {len(rows)}"
        points(ax, data.plane[rows], c=look.colour(colour), label=label, **style)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.25 * (high - low))
    ax.legend(loc="upper left", borderaxespad=0.1)
    plain(ax, "PC 1", "PC 2")
    panel(ax, "e", "authentic signatures")


def _validated(ax: Axes, data: _Heuristics, look: Look) -> None:
    panel(ax, "f", "validated cores by stability")
    if not data.cores.any():
        say(ax, "no isolated core")
        return
    columns = ["uniqueness", "stability"]
    points(ax, data.scores.loc[data.cores, columns], c=NOISE, s=12)
    by_percentile = data.candidates.groupby("stability_percentile", sort=True)
    for colour, (percentile, rows) in zip([5, 2, 1, 4] * 9, by_percentile, strict=False):
        label = f"> P{percentile:g}: {len(rows)}"
        points(ax, rows[columns], c=look.colour(colour), s=14, label=label)
    ax.set(xlabel="uniqueness", ylabel="stability")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.3 * (high - low))
    ax.set_yticks([t for t in ax.get_yticks() if low <= t <= min(high, 1.0)])
    if len(data.candidates):
        ax.legend(loc="upper left", ncols=2, columnspacing=0.6, borderaxespad=0.1)
    else:
        words: Style = {"transform": ax.transAxes, "va": "top", "color": MUTED, "size": "small"}
        ax.text(0.03, 0.97, "none passes any\nstability percentile", **words)


def _methods(ax: Axes, data: _Heuristics, look: Look) -> None:
    """How many samples each method selects, by kind."""
    found = data.candidates
    lenient = found[found["stability_percentile"] == found["stability_percentile"].min()]
    rows = {
        "isolated cores": np.flatnonzero(data.cores),
        "validated cores": lenient["index"].to_numpy(int),
        "signatures": data.signature_rows("default"),
        "signatures,\nadaptive": data.signature_rows("adaptive"),
        "own detector": np.flatnonzero(data.scores["detected"].to_numpy(bool)),
    }
    y, left = np.arange(len(rows)), np.zeros(len(rows))
    for kind, here in kinds_of(data.scores).items():
        sizes = np.array([int(here[index].sum()) for index in rows.values()])
        ax.barh(y, sizes, left=left, color=look.colour(KINDS.get(kind, 0)), height=0.65, label=kind)
        left = left + sizes
    most = max(left.max(), 1)
    for place, value in enumerate(left.tolist()):
        ax.text(value + 0.02 * most, place, count(value), va="center", size="small")
    ax.set_yticks(y, list(rows))
    ax.invert_yaxis()
    ax.set_xlim(0, most * 1.25)
    ax.set_xlabel("number of samples selected")
    panel(ax, "h", "candidates by method")


def _correlations(ax: Axes, scores: pd.DataFrame) -> None:
    """Spearman correlation of the metrics; NaN where one is constant."""
    values = scores[list(METRICS)].rank().corr().to_numpy(copy=True)
    drawn: Style = {"text": lambda value: f"{round(value, 1) + 0.0:.1f}", "diagonal": False}
    matrix(ax, values, Normalize(-1, 1), DIVERGING, **drawn)
    size = matplotlib.rcParams["font.size"] - 2
    slanted(ax, range(len(METRICS)), list(METRICS.values()), size=size)
    ax.set_yticks(range(len(METRICS)), list(METRICS.values()), size=size)
    panel(ax, "i", "Spearman correlation ρ")

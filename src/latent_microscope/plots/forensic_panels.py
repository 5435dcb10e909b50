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
from latent_microscope.plots import style
from latent_microscope.plots.latent import KINDS, first_two, histogram, kinds_of, legend_above
from latent_microscope.plots.maps import by_value, rows_of
from latent_microscope.plots.panels import matrix, reference, slanted
from latent_microscope.plots.style import FAINT, MUTED, NOISE, Look, Page, Style, count
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
    """What the panels show: row i of ``plane`` is row i of ``scores``."""

    scores: pd.DataFrame
    plane: np.ndarray  # (n, 2), principal components
    candidates: pd.DataFrame  # validated cores at the percentile
    signatures: pd.DataFrame
    uniqueness: float  # above which a core is isolated
    max_neighbors: int  # that an isolated core may have

    @property
    def cores(self) -> npt.NDArray[np.bool_]:
        """Whether a sample is an isolated core."""
        few = self.scores["neighbors"] <= self.max_neighbors
        return ((self.scores["uniqueness"] > self.uniqueness) & few).to_numpy()

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
    found = load_table(candidates)
    data = _Heuristics(
        table,
        principal_plane(codes)[0],
        found[np.isclose(found["uniqueness_percentile"], percentile)],
        load_table(signatures),
        float(np.percentile(table["uniqueness"], percentile)),
        max_neighbors,
    )
    page = Page(7.7, f"{title} · n = {count(len(table))} samples", look.cut("sources"))
    margins = {"top": 0.7, "bottom": 0.65, "left": 0.6, "right": 0.25}
    axes = page.grid(3, 3, **margins, wspace=0.82, hspace=0.75)
    by_value(axes[0], first_two(components), table["originality"], "", look, "sources")
    labels = "component 1", "component 2"
    look.panel(axes[0], "sources", "a", "components by originality", *labels)
    for ax, letter, column in ((axes[1], "b", "stability"), (axes[6], "g", "originality")):
        histogram(ax, table, column, look)
        if "kind" in table:
            legend_above(ax)
        look.panel(ax, column, letter, column, column)
    _cores(axes[2], data, look)
    _attractors(axes[3], data, look)
    _signatures(axes[4], data, look)
    _validated(axes[5], data, look)
    _methods(axes[7], data, look)
    _correlations(axes[8], table)
    return page.figure


def _cores(ax: Axes, data: _Heuristics, look: Look) -> None:
    both = data.scores[["uniqueness", "neighbors"]].to_numpy(float)
    style.points(ax, both[~data.cores], c=NOISE, s=style.point_size(len(both)))
    style.points(ax, both[data.cores], c=look.colour(4), s=10)
    reference(ax, x=data.uniqueness, y=data.max_neighbors + 0.5, lw=0.7)
    ax.set_yscale("symlog", linthresh=10)
    ax.set_ylim(bottom=-0.5)
    ticks = [t for t in _NEIGHBOURS if t <= max(10, int(both[:, 1].max()))]
    ax.set_yticks(ticks, [count(t) for t in ticks])
    ax.yaxis.set_minor_locator(NullLocator())
    text = f"isolated cores: n = {count(data.cores.sum())}"
    look.panel(ax, "cores", "c", text, "uniqueness", "number of neighbours (cosine)")


def _attractors(ax: Axes, data: _Heuristics, look: Look) -> None:
    default = data.scores["attractor_density"]
    tied = default.value_counts().max() / len(default) >= _TIED
    column = "attractor_density_adaptive" if tied else "attractor_density"
    chosen = np.argsort(-data.scores[column].to_numpy(float), kind="stable")[:_ATTRACTORS]
    style.points(ax, data.plane, c=FAINT)
    style.points(ax, data.plane[chosen], c=look.colour(0), s=10)
    style.plain(ax, "PC 1", "PC 2")
    radius = "adaptive radius" if tied else "fixed radius"
    look.panel(ax, "attractors", "d", f"top {len(chosen)} attractors, {radius}")


def _signatures(ax: Axes, data: _Heuristics, look: Look) -> None:
    style.points(ax, data.plane, c=FAINT)
    for radius, colour, marker, width in (("adaptive", 1, "o", 0), ("default", 4, "x", 1.0)):
        rows = data.signature_rows(radius)
        marks: Style = {"marker": marker, "linewidths": width, "s": 14, "c": look.colour(colour)}
        style.points(ax, data.plane[rows], label=f"{radius} radius: n = {len(rows)}", **marks)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.25 * (high - low))
    ax.legend(loc="upper left", borderaxespad=0.1)
    style.plain(ax, "PC 1", "PC 2")
    look.panel(ax, "signatures", "e", "authentic signatures")


def _validated(ax: Axes, data: _Heuristics, look: Look) -> None:
    if not data.cores.any():
        style.say(ax, "no isolated core")
        look.panel(ax, "validated", "f", "validated cores by stability")
        return
    columns = ["uniqueness", "stability"]
    style.points(ax, data.scores.loc[data.cores, columns], c=NOISE, s=12)
    by_percentile = data.candidates.groupby("stability_percentile", sort=True)
    for colour, (percentile, rows) in zip([5, 2, 1, 4] * 9, by_percentile, strict=False):
        label = f"> P{percentile:g}: {len(rows)}"
        style.points(ax, rows[columns], c=look.colour(colour), s=14, label=label)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.3 * (high - low))
    ax.set_yticks([t for t in ax.get_yticks() if low <= t <= min(high, 1.0)])
    if len(data.candidates):
        ax.legend(loc="upper left", ncols=2, columnspacing=0.6, borderaxespad=0.1)
    else:
        text = "none passes any\nstability percentile"
        style.inside(ax, 0.03, 0.97, text, ha="left", color=MUTED, size="small")
    text = "validated cores by stability"
    look.panel(ax, "validated", "f", text, "uniqueness", "stability")


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
    y, left = range(len(rows)), np.zeros(len(rows))
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
    look.panel(ax, "methods", "h", "candidates by method", "number of samples selected")


def _correlations(ax: Axes, scores: pd.DataFrame) -> None:
    """Spearman correlation of the metrics; NaN where one is constant."""
    values = scores[list(METRICS)].rank().corr().to_numpy()
    norm, words = Normalize(-1, 1), lambda value: style.rounded(value, 1)
    matrix(ax, values, norm, style.DIVERGING, words, diagonal=False)
    size = matplotlib.rcParams["font.size"] - 2
    slanted(ax, range(len(METRICS)), list(METRICS.values()), size=size)
    ax.set_yticks(range(len(METRICS)), list(METRICS.values()), size=size)
    ax.set_title(style.lettered("i", "Spearman correlation ρ"))

"""How far clusters and their SBS can be trusted: by cluster size, resamples, UMAP and VAE seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.style import (
    FAINT,
    MUTED,
    Look,
    Page,
    count,
    log_ticks,
    panel,
    say,
)
from latent_microscope.seeds import derive
from latent_microscope.tables.cluster_stability import run_pairs

_POOR = 0.65  # of the adjusted Rand index, as in the tables
_UNSTABLE, _STABLE = 0.6, 0.75  # of the Jaccard index


def plot_sbs_sizes(
    *,
    sbs: list[In],
    planes: list[In],
    title: str,
    look: Look,
    labels: list[str] | None = None,
) -> Figure:
    """Plot SBS with its interval, number of clusters and noise of each run.

    Args:
        sbs: .parquet of the SBS by cluster size of each run.
        planes: .parquet of the SBS by UMAP seed of each run.
        title: Study and view.
        look: look of the figures.
        labels: One a run; "seed 0", "seed 1", … by default.
    """
    curves = [load_table(path) for path in sbs]
    others = [load_table(path) for path in planes]
    names = labels or [f"seed {i}" for i in range(len(sbs))]
    page = Page(
        2.75,
        f"{title} · clusters by HDBSCAN's minimal cluster size",
        "bands and bars: 95% over subsamples of people on the same plane; ×: other UMAP seeds; "
        "dashed: the size that the study uses",
    )
    axes = page.grid(1, 3, top=0.72, bottom=0.45, left=0.5, right=0.15, wspace=0.55)[0]
    sizes = np.unique(np.concatenate([t["min_cluster_size"].to_numpy(float) for t in curves]))
    for k, (curve, own, label) in enumerate(zip(curves, others, names, strict=True)):
        colour = look.colour(k)
        x = curve["min_cluster_size"].to_numpy(float) * 1.03 ** (k - (len(curves) - 1) / 2)
        style: dict[str, Any] = {"color": colour, "marker": "o", "ms": 3, "label": label}
        axes[0].plot(x, curve["share"], **style)
        axes[0].fill_between(x, curve["low"], curve["high"], color=colour, alpha=0.15, lw=0)
        rest = own.iloc[1:]
        axes[0].plot(rest["min_cluster_size"], rest["share"], "x", color=colour, ms=4.5, mew=1)
        axes[1].plot(x, curve["n_clusters"].clip(lower=0.5), **style)
        axes[1].vlines(
            x, curve["n_clusters_low"].clip(lower=0.5), curve["n_clusters_high"].clip(lower=0.5),
            color=colour, lw=1,
        )  # fmt: skip
        axes[2].plot(x, curve["noise_share"], **style)
    used = curves[0].loc[curves[0]["configured"], "min_cluster_size"]
    for ax, letter, name, text in zip(
        axes,
        "abc",
        ("sbs", "clusters", "noise"),
        ("SBS (share of the largest cluster)", "clusters", "share of noise"),
        strict=True,
    ):
        for value in used:
            ax.axvline(value, color=MUTED, lw=0.8, ls=(0, (3, 2)), zorder=0)
        ax.set_xscale("log")
        log_ticks(ax.xaxis, 1e3)
        ax.set_xticks(sizes, [f"{s:g}" for s in sizes], rotation=45 if len(sizes) > 5 else 0)
        ax.set_xlabel("minimal cluster size")
        panel(ax, letter, text)
        if name == "clusters":
            ax.set_yscale("log")
            top = max(float(t[["n_clusters", "n_clusters_high"]].max().max()) for t in curves)
            ax.set_ylim(0.4, max(3.0, 1.5 * top))
            ticks = [0.5, *(t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500) if t <= 1.5 * top)]
            ax.set_yticks(ticks, ["0", *(f"{t:g}" for t in ticks[1:])])
            ax.minorticks_off()
        else:
            ax.set_ylim(-0.03, 1.03)
        look.limit(ax, name)
    if len(curves) > 1:
        axes[2].legend(loc="best")
    return page.figure


def cluster_stability(
    pairs: Mapping[str, Sequence[pd.DataFrame]],
    clusters: Mapping[str, Sequence[pd.DataFrame]],
    between: pd.DataFrame,
    labels: Sequence[str],
    title: str,
    look: Look,
    *,
    most: int = 6,
) -> Figure:
    """Adjusted Rand index of every pair of clusterings, and Jaccard index of every cluster.

    Args:
        pairs: Agreements of each run by what differs between clusterings (``resamples``, ``UMAP
            seeds``).
        clusters: Jaccard tables of each run, by the same.
        between: Agreements of runs with each other.
        labels: One a run.
        title: Study, view.
        look: The figure's settings.
        most: Clusters of each run.
    """
    rows: list[tuple[str, pd.DataFrame, str]] = [
        (f"{source}, {label}", table, look.colour(k))
        for source, tables in pairs.items()
        for k, (table, label) in enumerate(zip(tables, labels, strict=True))
    ]
    rows.append(("VAE seeds", between, MUTED))
    bars = [
        (f"{label}, cluster {row['cluster']} (n = {count(row['size'])})", k, row["cluster"])
        for k, label in enumerate(labels)
        for row in clusters["resamples"][k].head(most).to_dict("records")
    ]
    height = max(0.26 * len(rows), 0.24 * len(bars), 1.1)
    page = Page(
        1.4 + height,
        f"{title} · stability of the clusters",
        "a: dot: a pair of clusterings, line: mean; filled: noise as a label of its own, open: "
        "points clustered in both; dashed: chance, dotted: limits of the tables' verdicts",
    )
    left = page.axes(1.35, 0.92, 2.0, height)
    right = page.axes(5.2, 0.92, 1.85, height)
    left.axvline(0.0, color=MUTED, lw=0.8, ls=(0, (3, 2)))
    left.axvline(_POOR, color=MUTED, lw=0.8, ls=":")
    for y, (_, table, colour) in enumerate(rows):
        for column, offset, filled in (("ari", -0.16, True), ("ari_clustered", 0.16, False)):
            _strip(left, table[column].dropna().to_numpy(float), y + offset, colour, filled)
    _ordinal(left, [name for name, _, _ in rows])
    left.set_xlabel("adjusted Rand index")
    panel(left, "a", "clusterings")
    look.limit(left, "ari")
    look.panels.add("jaccard")
    if not bars:
        say(right, "no cluster: all samples are noise")
        panel(right, "b", "clusters")
        return page.figure
    markers = dict(zip(clusters, ("o", "D"), strict=False))
    for value in (_UNSTABLE, _STABLE):
        right.axvline(value, color=MUTED, lw=0.8, ls=":")
    for y, (_, k, cluster) in enumerate(bars):
        for source, marker in markers.items():
            table = clusters[source][k]
            found = table[table["cluster"] == cluster]
            if found.empty or not np.isfinite(found["jaccard"].iloc[0]):
                continue
            mean, sd = float(found["jaccard"].iloc[0]), float(found["jaccard_sd"].iloc[0])
            shift = -0.14 if marker == "o" else 0.14
            if np.isfinite(sd):
                ends = np.clip([mean - sd, mean + sd], 0, 1)
                right.plot(ends, [y + shift] * 2, color=look.colour(k), lw=1.1)
            right.plot(mean, y + shift, marker, ms=4, color=look.colour(k),
                       label=source if y == 0 else None)  # fmt: skip
            right.plot(found["baseline"].iloc[0], y + shift, "|", ms=5, color=MUTED,
                       label="shuffled labels" if y == 0 and marker == "o" else None)  # fmt: skip
    _ordinal(right, [name for name, _, _ in bars])
    right.set_xlabel("Jaccard index of the best match")
    handles, names = right.get_legend_handles_labels()
    right.legend(handles, names, loc="lower right", bbox_to_anchor=(1.03, 1.0 + 0.17 / height),
                 ncols=3, columnspacing=0.8, borderpad=0.1)  # fmt: skip
    panel(right, "b", "clusters, mean ± sd")
    look.limit(right, "jaccard")
    return page.figure


def _strip(ax: Axes, values: np.ndarray, y: float, colour: str, filled: bool) -> None:
    """Every value as a dot, their mean as a line; a dash where there is none."""
    if not len(values):
        ax.text(0.02, y, "–", ha="left", va="center", color=MUTED)
        return
    face = colour if filled else "none"
    ax.scatter(values, np.full(len(values), y), s=9, facecolors=face, edgecolors=colour,
               linewidths=0.6, alpha=0.6)  # fmt: skip
    ax.plot([values.mean()] * 2, [y - 0.15, y + 0.15], color=colour, lw=1.6)


def _ordinal(ax: Axes, names: Sequence[str]) -> None:
    """Named rows from the top, 0 to 1 along."""
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.45, -0.55)
    ax.set_xlim(-0.12, 1.04)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", color=FAINT, lw=0.4)
    ax.set_axisbelow(True)


def plot_cluster_stability(
    *,
    resampled: list[In],
    planes: list[In],
    resampled_clusters: list[In],
    planes_clusters: list[In],
    clusters: list[In],
    title: str,
    runs: list[int],
    look: Look,
    labels: list[str] | None = None,
    seed: int = 0,
) -> Figure:
    """Plot adjusted Rand indices and the Jaccard index of every cluster.

    Args:
        resampled: .parquet of the agreement over resamples of each run.
        planes: .parquet of the agreement over UMAP seeds of each run.
        resampled_clusters: .parquet of the clusters' Jaccard over resamples of each run.
        planes_clusters: .parquet of the clusters' Jaccard over UMAP seeds of each run.
        clusters: .parquet of the cluster memberships of each run.
        title: Study and view.
        look: look of the figures.
        runs: number of each run.
        labels: One a run; "seed 0", "seed 1", … by default.
        seed: root seed of the shuffled baselines.
    """
    names = labels or [f"seed {run}" for run in runs]
    return cluster_stability(
        {
            "resamples": [load_table(path) for path in resampled],
            "UMAP seeds": [load_table(path) for path in planes],
        },
        {
            "resamples": [load_table(path) for path in resampled_clusters],
            "UMAP seeds": [load_table(path) for path in planes_clusters],
        },
        run_pairs(
            [load_table(path) for path in clusters],
            runs,
            seed=derive(seed, "tabulate_clusters"),
        ),
        names,
        title,
        look,
    )

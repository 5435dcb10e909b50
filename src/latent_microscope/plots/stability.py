"""How stable clusters, their SBS and the ranks of samples are over subsamples, UMAPs and VAEs."""

import math
from collections.abc import Hashable, Mapping, Sequence
from string import ascii_lowercase
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots import style
from latent_microscope.plots.maps import ALL_NOISE
from latent_microscope.plots.panels import DASHED, estimate, name_rows, reference
from latent_microscope.plots.settling import log_ticks
from latent_microscope.plots.style import INK, MUTED, NOISE, Look, Page, Style, count, pretty
from latent_microscope.seeds import derive
from latent_microscope.tables.cluster_stability import run_pairs
from latent_microscope.tables.reliability import COLUMN_ORDER, NOISE_DRAWS

_POOR = 0.65  # of the adjusted Rand index, as in the tables
_UNSTABLE, _STABLE = 0.6, 0.75  # of the Jaccard index
_ACROSS = 4  # scores beside each other
_MOVED = (COLUMN_ORDER, NOISE_DRAWS)
_COLUMNS = 400  # samples drawn per score, evenly spaced in its order
_CLUSTERS = 40  # drawn at most, of all seeds together
_MARKERS = {"resamples": "o", "UMAP seeds": "D"}
_ALONE = "one clustering: nothing to compare it with"
_WARNING = 4  # colour of what is mostly noise
_BARS = (0, 1, 2, 3, 5)  # colours of scores: not that one, and not the black of the lines
_NOISY = ("mostly noise", "list mostly noise")


def plot_sbs_sizes(
    *, sbs: list[In], umaps: list[In], title: str, look: Look, labels: list[str] | None = None
) -> Figure:
    """SBS, number of clusters and noise of each seed by HDBSCAN's minimal cluster size.

    ``sbs`` are the tables by cluster size, ``umaps`` those by UMAP seed.
    """
    curves = [load_table(path) for path in sbs]
    others = [load_table(path) for path in umaps]
    names = labels or [f"seed {i}" for i in range(len(sbs))]
    page = Page(
        2.75,
        f"{title} · clusters by HDBSCAN's minimal cluster size",
        "bands and bars: 95 % intervals over resamples on the same UMAP; "
        + "×: other UMAP seeds; " * any(len(table) > 1 for table in others)
        + "dashed: the size that the study uses",
    )
    axes = page.grid(1, 3, top=0.72, bottom=0.45, left=0.5, right=0.15, wspace=0.55)
    sizes = np.unique(np.concatenate([t["min_cluster_size"].to_numpy(float) for t in curves]))
    for k, (curve, other, label) in enumerate(zip(curves, others, names, strict=True)):
        shift = 1.03 ** (k - (len(curves) - 1) / 2)
        marks = {"color": look.colour(k), "marker": "o", "ms": 3, "label": label}
        _by_size(axes, curve, other, shift, marks)
    used = curves[0].loc[curves[0]["configured"], "min_cluster_size"]
    across = "minimal cluster size (samples)"
    panels = [
        ("sbs", "a", "SBS: share of the largest cluster", across, "share of samples"),
        ("clusters", "b", "number of clusters", across, "number of clusters"),
        ("noise", "c", "share of noise", across, "share of samples"),
    ]
    for ax, words in zip(axes, panels, strict=True):
        for value in used:
            reference(ax, x=value, zorder=0)
        ax.set_xscale("log")
        log_ticks(ax.xaxis, 1e3)
        ax.set_xticks(sizes, [f"{s:g}" for s in sizes], rotation=45 if len(sizes) > 5 else 0)
        if ax is axes[1]:
            _numbers_of_clusters(ax, curves)
        else:
            ax.set_ylim(-0.03, 1.03)
        look.panel(ax, *words)
    if len(curves) > 1:
        axes[2].legend(loc="best")
    return page.figure


def _by_size(
    axes: Sequence[Axes], curve: pd.DataFrame, others: pd.DataFrame, shift: float, marks: Style
) -> None:
    """One seed: its curves, and crosses for its other UMAP seeds."""
    x, colour = curve["min_cluster_size"].to_numpy(float) * shift, marks["color"]
    axes[0].plot(x, curve["share"], **marks)
    axes[0].fill_between(x, curve["low"], curve["high"], color=colour, alpha=0.15, lw=0)
    rest = others.iloc[1:]
    axes[0].plot(rest["min_cluster_size"], rest["share"], "x", color=colour, ms=4.5, mew=1)
    numbers = [curve[f"n_clusters{end}"].clip(lower=0.5) for end in ("", "_low", "_high")]
    axes[1].plot(x, numbers[0], **marks)
    axes[1].vlines(x, numbers[1], numbers[2], color=colour, lw=1)
    axes[2].plot(x, curve["noise_share"], **marks)


def _numbers_of_clusters(ax: Axes, curves: Sequence[pd.DataFrame]) -> None:
    """A logarithmic axis that has a place for none."""
    top = max(float(t[["n_clusters", "n_clusters_high"]].max().max()) for t in curves)
    ax.set(yscale="log", ylim=(0.4, max(3.0, 1.5 * top)))
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500) if t <= 1.5 * top]
    ax.set_yticks([0.5, *ticks], ["0", *(f"{t:g}" for t in ticks)])
    ax.minorticks_off()


def plot_cluster_stability(
    *,
    resampled: list[In],
    umaps: list[In],
    resampled_clusters: list[In],
    umaps_clusters: list[In],
    clusters: list[In],
    title: str,
    seeds: list[int],
    look: Look,
    labels: list[str] | None = None,
    root_seed: int = 0,
) -> Figure:
    """Adjusted Rand indices of pairs of clusterings, and the Jaccard index of every cluster.

    ``resampled`` and ``umaps`` are the agreements of each seed over subsamples and UMAP seeds,
    ``…_clusters`` those of its clusters; ``root_seed`` draws the baselines.
    """
    names = labels or [f"seed {seed}" for seed in seeds]
    rows: list[tuple[str, pd.DataFrame, str]] = []
    matches: dict[str, list[pd.DataFrame]] = {}
    sources = {"resamples": (resampled, resampled_clusters), "UMAP seeds": (umaps, umaps_clusters)}
    for source, (paths, of_clusters) in sources.items():
        pairs = _tables(paths)
        if any(map(len, pairs)):  # one UMAP seed is compared with nothing
            matches[source] = _tables(of_clusters)
            rows += [
                (f"{source}, {names[k]}", table, look.colour(k)) for k, table in enumerate(pairs)
            ]
    if len(clusters) > 1:
        between = run_pairs(_tables(clusters), seeds, seed=derive(root_seed, "tabulate_clusters"))
        rows.append(("VAE seeds", between, MUTED))
    every = list(zip(*matches.values(), strict=True))  # of each seed its tables
    drawn = [_least_stable(tables, max(1, _CLUSTERS // len(names))) for tables in every]
    shown, total = sum(map(len, drawn)), sum(len(tables[0]) for tables in every)
    height = max(0.26 * len(rows), float(np.clip(4.8, 0.15 * shown, 0.24 * shown)), 1.1)
    page = Page(
        1.4 + height,
        f"{title} · stability of the clusters",
        "a: dot: a pair of clusterings, line: mean; filled: noise as a label of its own, open: "
        "samples clustered in both; dashed: chance, dotted: limits of the tables' verdicts"
        + "; b: the least stable clusters of each seed"
        * (shown < total),
    )
    left = page.axes(1.35, 0.92, 2.0, min(height, max(0.42 * len(rows), 1.1)))
    right = page.axes(5.2, 0.92, 1.85, height)
    if rows:
        reference(left, x=0.0)
        reference(left, x=_POOR, ls=":")
        for y, (_, table, colour) in enumerate(rows):
            _strip(left, table["ari"], y - 0.16, colour, colour)
            _strip(left, table["ari_clustered"], y + 0.16, colour, "none")
        name_rows(left, [name for name, _, _ in rows])
        left.set_xlim(-0.12, 1.04)
    else:
        style.say(left, _ALONE)
    look.panel(left, "ari", "a", "clusterings", "adjusted Rand index" * bool(rows))
    if shown:
        _jaccard(right, matches, drawn, names, look, height)
        right.set_xlim(-0.12, 1.04)
        what = f"{shown} of {total} clusters" if shown < total else "clusters"
        text = "Jaccard index of the best match"
        look.panel(right, "jaccard", "b", f"{what}, mean ± sd", text)
    else:
        style.say(right, ALL_NOISE if matches else _ALONE)
        look.panel(right, "jaccard", "b", "clusters")
    return page.figure


def _tables(paths: Sequence[In]) -> list[pd.DataFrame]:
    return [load_table(path) for path in paths]


def _least_stable(tables: Sequence[pd.DataFrame], most: int) -> pd.DataFrame:
    """The clusters of a seed, or those ``most`` whose Jaccard index is lowest by any source."""
    worst = pd.concat(tables).groupby("cluster")["jaccard"].min()
    chosen = worst.sort_values(kind="stable").index[:most]
    return tables[0][tables[0]["cluster"].isin(chosen)]


def _strip(ax: Axes, column: pd.Series, y: float, colour: str, face: str) -> None:
    """Every value as a dot, their mean as a line; a dash where there is none."""
    values = column.dropna().to_numpy(float)
    if not len(values):
        ax.text(0.02, y, "–", ha="left", va="center", color=MUTED)
        return
    dots: Style = {"s": 9, "facecolors": face, "edgecolors": colour, "linewidths": 0.6}
    ax.scatter(values, np.full(len(values), y), alpha=0.6, **dots)
    ax.plot([values.mean()] * 2, [y - 0.15, y + 0.15], color=colour, lw=1.6)


def _jaccard(
    ax: Axes,
    tables: Mapping[str, list[pd.DataFrame]],
    drawn: Sequence[pd.DataFrame],
    labels: list[str],
    look: Look,
    height: float,
) -> None:
    """Mean ± sd of the Jaccard index of the ``drawn`` clusters of each seed."""
    reference(ax, x=_UNSTABLE, ls=":")
    reference(ax, x=_STABLE, ls=":")
    names: list[str] = []
    shifts = (-0.14, 0.14) if len(tables) > 1 else (0.0,)
    for k, label in enumerate(labels):
        for row in drawn[k].to_dict("records"):
            y = len(names)
            names.append(f"{label}, cluster {row['cluster']} (n = {count(row['size'])})")
            for source, shift in zip(tables, shifts, strict=True):
                table, marker = tables[source][k].set_index("cluster"), _MARKERS[source]
                if row["cluster"] in table.index:
                    _best_match(ax, y + shift, table.loc[row["cluster"]], marker, look.colour(k))
    for source in tables:
        ax.plot([], [], _MARKERS[source], ms=4, color=look.colour(0), label=source)
    ax.plot([], [], "|", ms=5, color=MUTED, label="shuffled labels")
    name_rows(ax, names)
    place = {"loc": "lower right", "bbox_to_anchor": (1.03, 1.0 + 0.17 / height), "ncols": 3}
    ax.legend(**place, columnspacing=0.8, borderpad=0.1)


def _best_match(ax: Axes, y: float, row: pd.Series, marker: str, colour: str) -> None:
    mean, sd = float(row["jaccard"]), float(row["jaccard_sd"])
    if np.isfinite(mean):
        ends = np.clip([mean - sd, mean + sd], 0, 1)
        estimate(ax, y, mean, ends, colour, marker=marker)
        ax.plot(row["baseline"], y, "|", ms=5, color=MUTED)


def plot_reliability(*, intervals: In, reliability: In, title: str, look: Look) -> Figure:
    """The range of each sample's percentile by each main score over VAEs and ICA restarts.

    ``intervals`` has one row per score and sample, ``reliability`` one per score and source of
    variation.
    """
    ranges, found = load_table(intervals), load_table(reliability)
    vaes = int(ranges["vaes"].max())
    bad = found[found["status"].isin(_NOISY) & (found["over"] != "both")]
    noisy = ", ".join(pretty(score) for score in dict.fromkeys(bad["score"]))
    several = vaes > 1
    samples = ranges["id"].nunique()
    varied = ("VAEs or VAEs × ICA restarts" if several else "ICA restarts") + " (bars)"
    each = f"{_COLUMNS} evenly spaced samples" if samples > _COLUMNS else "each sample"
    after = "; dashed: 95 % of the percentiles by another VAE lie between" if several else ""
    scores = [str(score) for score in ranges["score"].unique()]
    blocks = math.ceil(len(scores) / _ACROSS)
    page = Page(
        4.9 + 4.15 * (blocks - 1),
        f"{title} · n = {count(samples)} samples"
        + f" · {style.several(vaes, 'VAE')}" * several
        + f" · mostly noise: {noisy}" * bool(noisy),
        f"percentile of {each}, ordered by median (line): range over {varied}{after}",
    )
    axes = page.grid(2 * blocks, _ACROSS, top=0.78, bottom=0.42, left=0.5, wspace=0.2, hspace=0.7)
    rows = [axes[i : i + _ACROSS] for i in range(0, len(axes), _ACROSS)]
    for unused in (ax for row in rows[-2:] for ax in row[(len(scores) - 1) % _ACROSS + 1 :]):
        unused.set_axis_off()
    for k, score in enumerate(scores):
        block, column = divmod(k, _ACROSS)
        table = ranges[ranges["score"] == score]
        top, bottom = rows[2 * block][column], rows[2 * block + 1][column]
        _ranges(top, table, look.colour(_BARS[k % len(_BARS)]), "")
        _ranges(bottom, table, NOISE, "noise_")
        _next(top, table)
        text = f"{pretty(score)} ({_replicates(table)})"
        letters = style.fitting(text, look.font_size, 1.4)
        top.set_title(style.lettered(ascii_lowercase[k], text), fontsize=letters)
        row = _headline(found, score)
        lines = _note(row), _of_columns(found, score)
        colour = look.colour(_WARNING) if row["status"] in _NOISY else MUTED
        text = "\n".join(filter(None, lines))
        style.inside(top, 0.98, -0.16, text, color=colour, size="x-small", linespacing=1.15)
        what = "VAEs" if int(table["vaes"].iloc[0]) > 1 else "restarts"
        bottom.set_title(f"if {what} were unrelated")
        for ax, name in ((top, score), (bottom, f"{score}_noise")):
            ax.set(xlim=(0, 100), ylim=(0, 100), xticks=(0, 50, 100), yticks=(0, 50, 100))
            if column:
                ax.tick_params(labelleft=False)
            look.limit(ax, name)
        bottom.set_xlabel("samples by median (%)")
    for first in axes[::_ACROSS]:
        first.set_ylabel("percentile (%)")
    return page.figure


def _headline(table: pd.DataFrame, score: str) -> Mapping[Hashable, Any]:
    """The row that says how far a score repeats: over VAEs, of one VAE over its restarts."""
    rows = table[(table["score"] == score) & ~table["over"].isin(_MOVED)].to_dict("records")
    known = [r for r in rows if r["pairs"] and r["over"] in ("both", "VAE seeds")]
    return (known or [r for r in rows if r["pairs"]] or rows)[-1]


def _replicates(table: pd.DataFrame) -> str:
    total, vaes = int(table["replicates"].iloc[0]), int(table["vaes"].iloc[0])
    if vaes == 1:
        return f"{total} restarts" if total > 1 else "no repetition"
    return style.several(vaes, "VAE") if total == vaes else f"{vaes} VAEs × {total // vaes}"


def _ranges(ax: Axes, table: pd.DataFrame, colour: str, prefix: str) -> None:
    if table["low"].isna().all():
        style.say(ax, "one replicate:\nuncertainty unknown")
        return
    order = np.argsort(table[f"{prefix}median"].to_numpy(float), kind="stable")
    chosen = order[style.evenly(len(order), _COLUMNS)]
    x = np.linspace(0, 100, len(chosen))
    columns = [f"{prefix}{name}" for name in ("low", "high", "median")]
    low, high, middle = table[columns].to_numpy(float)[chosen].T
    ax.vlines(x, low, high, color=colour, lw=0.5, alpha=0.75, rasterized=True)
    ax.plot(x, middle, color=INK, lw=0.9)


def _next(ax: Axes, table: pd.DataFrame) -> None:
    """The band of another VAE's percentiles."""
    known = table[np.isfinite(table["next_low"])].sort_values("median", kind="stable")
    x = np.linspace(0, 100, len(known))
    for name in ("next_low", "next_high") if len(known) else ():
        ax.plot(x, known[name], color=INK, lw=0.8, ls=DASHED)


def _note(row: Mapping[Hashable, Any]) -> str:
    """How far the score and its list repeat."""
    if not row["pairs"]:
        return ""
    over = {"both": "VAEs", "VAE seeds": "VAEs", "ICA restarts": "restarts"}[row["over"]]
    return (
        f"between {over}: Spearman {row['spearman_mean']:.2f}\n"
        f"{row['list']}: {row['list_shared']:.0%} repeat (chance {row['list_shared_chance']:.1%})"
    )


def _of_columns(table: pd.DataFrame, score: str) -> str:
    """The same of columns in another order, or of other draws of noise."""
    rows = table[(table["score"] == score) & table["over"].isin(_MOVED)].to_dict("records")
    text = "{over}: {spearman_mean:.2f}, {list_shared:.0%} repeat"
    return text.format_map(rows[0]) if rows else ""

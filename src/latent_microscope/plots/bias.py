"""Attribute bias of groups of samples with intervals, and linear probes of every attribute."""

from collections.abc import Hashable, Mapping
from string import ascii_lowercase
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from latent_microscope.arguments import In
from latent_microscope.forensics.bias import LIMITS
from latent_microscope.io.artefacts import load_npy, load_table
from latent_microscope.io.inputs import joined
from latent_microscope.messages import significant
from latent_microscope.plots import style
from latent_microscope.plots.grids import Grid
from latent_microscope.plots.maps import ALL_NOISE, biggest_clusters
from latent_microscope.plots.panels import Q_LEVEL, estimate, name_rows
from latent_microscope.plots.style import FAINT, INK, MUTED, NOISE, Look, Page, Style, count, pretty
from latent_microscope.published import CLUSTER_BIAS
from latent_microscope.seeds import rng

_COLOUR = {"over": 4, "under": 0}
_MEANING = {"odds": "odds ratio", "ratio": "ratio of prevalences"}
_ROW, _HEAD, _FOOT = 0.165, 0.7, 0.62  # inches, of the forest
_PANELS = 6  # of the forest at most, as the table orders them: clusters by size, C_max, sub-niches


def strongest(abi: pd.DataFrame, top: int | None = None) -> pd.DataFrame:
    """The ``top`` attributes (all) furthest from 1 on a log scale, without constant ones."""
    known = abi[
        (abi["status"] != "constant") & (abi["estimate"] > 0) & np.isfinite(abi["estimate"])
    ]
    distance = np.log(known["estimate"]).abs()
    return known.loc[distance.sort_values(ascending=False, kind="stable").index[:top]]


def _marks(known: list[pd.DataFrame], top: int, span: tuple[float, float], more: str = "") -> str:
    """What the marks of the ``top`` rows of each table say; ``more`` follows the level of q."""
    rows = pd.concat([table.head(top) for table in known])
    untested = " (no line: not tested)" * any(rows["low"].isna())
    words = [
        f"members against the rest, 95 % interval{untested}",
        "orange: over-, blue: under-represented, grey: neutral",
        f"filled: q ≤ 0.05{more}",
        "×: a cell is 0" * any(rows["status"] == "zero_cell"),
        "<, >: beyond the axis" * _beyond(rows, span),
    ]
    return "; ".join(filter(None, words)) + style.part_of(top, max(map(len, known)), "attributes")


def _beyond(rows: pd.DataFrame, span: tuple[float, float]) -> bool:
    """Whether an estimate or an end of an interval is not on the axis."""
    every = rows[["estimate", "low", "high"]]
    return bool((every.lt(span[0]) | every.gt(span[1])).any(axis=None))


def _span(tables: list[pd.DataFrame], most: float, others: Any = ()) -> tuple[float, float]:
    """Shared x limits: estimates, intervals and ``others``, at most a factor ``most`` from 1."""
    each = [table[["low", "high", "estimate"]].to_numpy(float).ravel() for table in tables]
    ends = np.concatenate([*each, list(others)])
    ends = ends[np.isfinite(ends) & (ends > 0)]
    if ends.size == 0:
        return 0.1, 10.0
    low, high = ends.min() / 1.2, ends.max() * 1.2
    return float(np.clip(low, 1 / most, 0.5)), float(np.clip(high, 2.0, most))


def _ratio_axis(ax: Axes, span: tuple[float, float], definition: str) -> None:
    """A logarithmic axis of a ratio, with its neutral range."""
    ax.set_xscale("log")
    ax.axvspan(*LIMITS[definition][::-1], color=FAINT, alpha=0.6, lw=0)
    ax.axvline(1.0, color=MUTED, lw=0.7)
    ax.set_xlim(span)
    ax.set_xlabel(f"{_MEANING[definition]} (log scale)")


def _colour(row: Mapping[Hashable, Any], look: Look) -> str:
    return look.colour(_COLOUR[row["direction"]]) if row["direction"] in _COLOUR else NOISE


def plot_cluster_bias(
    *,
    images: In,
    samples: In,
    clusters: In,
    abi: In,
    title: str,
    look: Look,
    column: str = "cluster",
    definition: str = "odds",
    top: int = 10,
    most: int = 6,
    root_seed: int = 0,
) -> Figure:
    """The ``top`` attributes furthest from 1 in each of the largest clusters, or in C_max.

    Each beside some of its images. ``column`` is that of the clusters: cluster, or cmax (the
    largest one only); ``definition`` is odds or ratio; ``root_seed`` draws the images.
    """
    labels = joined(samples, clusters, ([], [column]))[column].fillna(-1).to_numpy(int)
    every = biggest_clusters(labels)
    found = every[: most if column == "cluster" else 1]
    names = [f"cluster {k}" if column == "cluster" else column for k in found]
    groups = {n: np.flatnonzero(labels == k) for n, k in zip(names, found, strict=True)}
    draws = rng(root_seed, f"plot_{column}_bias")
    pictures, bias = load_npy(images, mmap=True), load_table(abi)
    bias = bias[bias["definition"] == definition]
    known = {name: strongest(bias[bias["group"] == name]) for name in groups}
    tables = {name: table.head(top) for name, table in known.items()}
    span = _span(list(tables.values()), 1e3)
    note = _marks(list(known.values()), top, span) if groups else ""
    note += style.part_of(len(found), len(every), "clusters") if column == "cluster" else ""
    step = 2.2  # inches
    heading = f"{title} · attribute bias ({_MEANING[definition]})"
    page = Page(_HEAD + step * max(1, len(groups)) - 0.2, heading, note)
    if not groups:
        why = "no C_max: HDBSCAN finds only noise in the latents (SBS = 0)"
        place = page.axes(0.1, _HEAD, page.width - 0.2, step - 0.3)
        style.say(place, ALL_NOISE if column == "cluster" else why)
        look.panels.add("bars")
        return page.figure
    for k, (name, rows) in enumerate(groups.items()):
        y = _HEAD + k * step
        ax = page.axes(1.55, y, 2.3, step - 0.62)
        if tables[name].empty:
            style.say(ax, "no attribute varies")
        else:
            _bars(ax, tables[name], look, span)
            _ratio_axis(ax, span, definition)
        if k < len(groups) - 1:
            ax.set_xlabel("")
        look.panel(ax, "bars", ascii_lowercase[k], f"{pretty(name)}, n = {count(len(rows))}")
        _sample(page, pictures, rows, draws, y, step - 0.5)
    return page.figure


def _bars(ax: Axes, table: pd.DataFrame, look: Look, span: tuple[float, float]) -> None:
    for y, row in enumerate(table.to_dict("records")):
        value, colour = float(np.clip(row["estimate"], *span)), _colour(row, look)
        face = colour if row["q"] <= Q_LEVEL else "white"
        ax.barh(y, value - 1.0, left=1.0, height=0.62, fc=face, ec=colour, lw=0.8)
        options = {"lw": 0.8, "ms": 3.5, "mew": 0.9, "clip_on": False}
        marker = _marker(row, span, "x", "")
        estimate(ax, y, value, _ends(row, span), INK, marker=marker, **options)
        _goes_on(ax, y, row, span, INK)
        _write_far(ax, y, row, span)
    name_rows(ax, [pretty(name) for name in table["attribute"]], grid=False)


def _sample(
    page: Page, images: np.ndarray, rows: Any, draws: np.random.Generator, top: float, height: float
) -> None:
    """As many random members as fill the rectangle, in at least five columns."""

    def lines(columns: int) -> int:
        grid = Grid(images[:1], columns, 3.0)
        return int((height * grid.scale + grid.gap) // grid.step)

    columns = next((c for c in range(5, 40) if lines(c) not in (1, 2)), 40)
    chosen = np.sort(draws.permutation(rows)[: max(lines(columns), 1) * columns])
    Grid(images[chosen], columns, 3.0).draw(page, 4.1, top)


def plot_bias_forest(
    *, abi: In, title: str, look: Look, published: bool = False, top: int = 10
) -> Figure:
    """The ``top`` attributes furthest from 1 in each of the largest groups, as a forest plot.

    ``published`` puts the bars of the preprint beside them.
    """
    bars, table = CLUSTER_BIAS if published else {}, load_table(abi)
    table = table[table["definition"] == "odds"]
    groups = list(dict.fromkeys(table["group"]))
    names = groups[: _PANELS - bool(bars)]
    known = [strongest(table[table["group"] == name]) for name in names]
    parts = [part.head(top) for part in known]
    panels = len(parts) + bool(bars)
    lines = max(1, -(-panels // 2))
    most = max([1, *map(len, parts)])
    height, small = _ROW * max(most, 3) + 0.1, 0.3 * len(bars) + 0.1
    alone = bool(bars) and panels % 2 == 1 and panels > 1
    span = _span(parts, 1e2, bars.values()) if parts else (0.1, 10.0)
    note = _marks(known, top, span, " in the group; *: also over all groups") if parts else ""
    page = Page(
        _HEAD + lines * (height + _FOOT) - (max(height - small, 0.0) if alone else 0.0),
        f"{title} · attribute bias (odds ratio)",
        note + style.part_of(len(names), len(groups), "groups"),
    )
    if not parts:
        style.say(page.axes(0.1, _HEAD, page.width - 0.2, height), ALL_NOISE)
        look.panels.add("bars")
        return page.figure
    for k in range(panels):
        place = 1.5 + 3.6 * (k % 2), _HEAD + (k // 2) * (height + _FOOT), 1.95
        if k < len(parts):
            ax = page.axes(*place, height)
            _forest(ax, parts[k], look, span)
            members = int(parts[k]["n_members"].iloc[0]) if len(parts[k]) else 0
            text = f"{pretty(names[k])}, n = {count(members)}"
            ax.set_ylim(max(most, 3) - 0.4, -0.6)
        else:
            ax = page.axes(*place, small)
            _published(ax, bars, table[table["group"] == names[0]], look, span)
            text = f"bars: preprint; dots: {pretty(names[0])}"
        _ratio_axis(ax, span, "odds")
        look.panel(ax, "bars", ascii_lowercase[k], text)
    return page.figure


def _forest(ax: Axes, table: pd.DataFrame, look: Look, span: tuple[float, float]) -> None:
    for y, row in enumerate(table.to_dict("records")):
        _odds(ax, y, row, look, span)
    if table.empty:
        style.inside(ax, 0.5, 0.5, "no attribute varies", ha="center", va="baseline", color=MUTED)
    stars = np.where((table["q_seed"] <= Q_LEVEL) & (table["q"] <= Q_LEVEL), " *", "")
    name_rows(ax, list(table["attribute"].map(pretty) + stars), grid=False)


def _odds(
    ax: Axes, y: float, row: Mapping[Hashable, Any], look: Look, span: tuple[float, float]
) -> None:
    """An odds ratio and its interval; an arrow at the end of the axis if it is beyond."""
    colour, value = _colour(row, look), float(np.clip(row["estimate"], *span))
    face = colour if row["q"] <= Q_LEVEL else "white"
    marker = _marker(row, span, "X", "o")
    options = {"ms": 5.4 if marker == "X" else 4.2, "mfc": face, "mew": 0.7, "clip_on": False}
    estimate(ax, y, value, _ends(row, span), colour, marker=marker, **options)
    _goes_on(ax, y, row, span, colour)
    _write_far(ax, y, row, span)


def _marker(row: Mapping[Hashable, Any], span: tuple[float, float], zero: str, usual: str) -> str:
    """``zero`` of a table with a cell that is 0; an arrow beyond the axis."""
    low, high = span
    if low <= row["estimate"] <= high:
        return zero if row["status"] == "zero_cell" else usual
    return "<" if row["estimate"] < low else ">"


def _ends(row: Mapping[Hashable, Any], span: tuple[float, float]) -> Any:
    """What an axis shows of an interval."""
    return np.clip([row["low"], row["high"]], *span)


def _goes_on(
    ax: Axes, y: float, row: Mapping[Hashable, Any], span: tuple[float, float], colour: str
) -> None:
    """An arrow where an axis cuts the interval of an odds ratio that is on it."""
    low, high = span
    if low <= row["estimate"] <= high:
        for edge, marker, cut in zip(
            span, "<>", (row["low"] < low, row["high"] > high), strict=True
        ):
            if cut:
                ax.plot(edge, y, marker, color=colour, ms=3, mew=0, clip_on=False)


def _write_far(ax: Axes, y: float, row: Mapping[Hashable, Any], span: tuple[float, float]) -> None:
    """The numbers of an odds ratio beyond the axis, where no line of its interval is on it."""
    low, high = span
    if low <= row["estimate"] <= high or (row["low"] < high and row["high"] > low):
        return
    value, *ends = (_number(row[name]) for name in ("estimate", "low", "high"))
    text = value if np.isnan(row["low"]) else f"{value} ({'–'.join(ends)})"
    x, side = (0.05, "left") if row["estimate"] < low else (0.95, "right")
    box = {"fc": "white", "ec": "none", "pad": 0.8}
    place: Style = {"transform": ax.get_yaxis_transform(), "ha": side, "va": "center"}
    ax.text(x, y, text, size="x-small", bbox=box, **place)


def _number(value: float) -> str:
    """Two digits of a ratio."""
    return significant(float(f"{value:.2g}"), 2).replace("inf", "∞")


def _published(
    ax: Axes,
    published: Mapping[str, float],
    ours: pd.DataFrame,
    look: Look,
    span: tuple[float, float],
) -> None:
    """The preprint's values, which it drew as bars, and our estimates of the same attributes."""
    for y, (name, value) in enumerate(published.items()):
        ax.barh(y - 0.17, value - 1.0, left=1.0, height=0.32, color=NOISE, ec=MUTED, lw=0.6)
        ax.text(value * 1.05, y - 0.17, f"{value:g}", va="center", color=INK, size="small")
        found = ours[(ours["attribute"] == name) & ours["estimate"].notna()]
        for row in found.to_dict("records"):
            _odds(ax, y + 0.2, row, look, span)
    name_rows(ax, [pretty(name) for name in published], grid=False)


def plot_probes(*, probes: In, by_seed: list[In], title: str, look: Look) -> Figure:
    """AUC of a linear probe per attribute with its interval, and the gain over pixels.

    ``probes`` has one row per attribute of the study, best first; ``by_seed`` those of each VAE.
    """
    every = load_table(probes)
    known = every[np.isfinite(every["auc_mean"])].reset_index(drop=True)
    tested = int(known["q"].notna().sum())
    sure = int(((known["q"] <= Q_LEVEL) & (known["auc_mean"] > 0.5)).sum())
    pixels = bool(np.isfinite(known["auc_pixels"]).any())
    height = 0.145 * max(len(known), 6)
    what = "images" if pixels else "samples"
    what += ", mean over VAEs (small dots: each)" if len(by_seed) > 1 else ""
    simple = (
        "auc_covariates" if known.get("auc_covariates", pd.Series()).notna().any() else "auc_colour"
    )
    grey = "covariates" if simple == "auc_covariates" else "mean colour"
    beside = f"; orange: as many PCs of the pixels; grey bars: {grey}" if pixels else ""
    page = Page(
        1.37 + height,
        f"{title} · {sure} of {tested} attributes readable from the latents (q ≤ 0.05)",
        f"AUC of held-out {what}, 95 % interval{beside}; open: q > 0.05"
        + "; grey: not tested" * (tested < len(known))
        + style.part_of(len(known), len(every), "attributes, the others without an AUC"),
    )
    look.panels.update(("auc", "gain"))
    left = page.axes(1.5, 0.78, 3.35 if pixels else 5.4, height)
    if known.empty:
        style.say(left, "no attribute varies")
        return page.figure
    y = np.arange(len(known))
    left.axvline(0.5, color=MUTED, lw=0.8)
    for path in by_seed:
        own = load_table(path, ["attribute", "auc"]).set_index("attribute")["auc"]
        values = own.reindex(known["attribute"])
        left.plot(values, y, ".", color=look.colour(0), ms=1.6, alpha=0.7)
    left.plot(known[simple], y, "|", color=NOISE, ms=5, mew=1.2)
    left.plot(known["auc_pixels"], y, "D", color=look.colour(1), ms=2.6, mew=0)
    _probe_rows(left, known, ("auc_mean", "low", "high", "q"), look)
    shares = zip(known["attribute"], known["prevalence"], strict=True)
    names = [f"{pretty(name)} {share:.0%}" for name, share in shares]
    name_rows(left, names, grid=False)
    what = f"attribute and its share of {'images' if pixels else 'samples'}"
    look.panel(left, "auc", "a" * pixels, what, xlabel="AUC (0.5: chance)")
    if pixels:
        right = page.axes(5.15, 0.78, 1.93, height)
        right.axvline(0.0, color=MUTED, lw=0.8)
        _probe_rows(right, known, ("gain_mean", "gain_low", "gain_high", "gain_q"), look)
        right.xaxis.set_major_locator(MaxNLocator(4))
        name_rows(right, [""] * len(known), grid=False)
        text = "difference of AUC, latents − pixels"
        look.panel(right, "gain", "b", "gain over pixels", xlabel=text)
    return page.figure


def _probe_rows(
    ax: Axes, table: pd.DataFrame, columns: tuple[str, str, str, str], look: Look
) -> None:
    """Value, low, high, q per row: filled where q is small, grey where nothing was tested."""
    for y, (value, low, high, q) in enumerate(table[[*columns]].to_numpy(float)):
        shade = look.colour(0) if np.isfinite(q) else NOISE
        face = shade if q <= Q_LEVEL else "white"
        estimate(ax, y, value, (low, high), shade, ms=3.6, mfc=face, lw=0.9)

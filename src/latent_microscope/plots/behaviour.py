"""Answers of models and of annotators: confusions, entropy, disputed images."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize, SymLogNorm
from matplotlib.figure import Figure
from scipy.special import softmax

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import join_by_id, load_npy, load_table
from latent_microscope.io.inputs import load_votes, load_with_ids
from latent_microscope.plots import style
from latent_microscope.plots.grids import rgb
from latent_microscope.plots.panels import DASHED, flat_bar, matrix, slanted
from latent_microscope.plots.style import INK, MUTED, Look, Page, Style, count, pretty

Floats = npt.NDArray[np.float64]
_SMALLEST = 1e-3  # shares below are drawn as this
_LINEAR = 0.01  # differences within are on a linear scale


def plot_confusions(
    *, confusions: In, title: str, look: Look, models: list[str] | None = None
) -> Figure:
    """Confusion matrices of annotators and models (default: all), and model − annotators."""
    table = load_table(confusions)
    present = list(dict.fromkeys(table["source"]))
    wanted = [s for s in (models or present) if s != "human"]
    for source in ["human", *wanted]:
        if source not in present:
            raise InputError(f"confusions: no source {source!r}; there are {present}")
    names = list(dict.fromkeys(table["true"]))
    side, gap, left, row_gap = 1.5, 0.1, 0.78, 0.3
    blocks = [wanted[i : i + 3] for i in range(0, len(wanted), 3)] or [[]]
    block_height = 2 * side + row_gap + 0.85
    page = Page(
        0.7 + block_height * len(blocks),
        f"{title} · confusions",
        "rows: true class, columns: answer; numbers: % of answers (below: percentage points), "
        "where at least 1; models: mean over seeds",
        width=max(5.6, left + (side + gap) * (1 + max(map(len, blocks))) + 0.1),
    )
    shares = LogNorm(_SMALLEST, 1.0, clip=True)
    human = _shares_of(table, "human", names)
    matrices = {source: _shares_of(table, source, names) for source in wanted}
    most = max([2 * _LINEAR, *(float(np.nanmax(np.abs(m - human))) for m in matrices.values())])
    differences = SymLogNorm(_LINEAR, vmin=-most, vmax=most, base=10)
    look.panels.add("matrices")
    for b, block in enumerate(blocks):
        top = 0.7 + b * block_height
        first = page.axes(left, top, side, side)
        _confusions(first, pretty("human"), human, names, shares, style.SEQUENTIAL)
        first.set_yticks(range(len(names)), names, size=6)
        for column, source in enumerate(block, start=1):
            x, values = left + column * (side + gap), matrices[source]
            ax = page.axes(x, top, side, side)
            _confusions(ax, pretty(source), values, (), shares, style.SEQUENTIAL)
            below = page.axes(x, top + side + row_gap, side, side)
            _confusions(
                below, "minus annotators", values - human, names, differences, style.DIVERGING
            )
        place = left, top + side + 0.85, side - 0.1
        bar = flat_bar(page, shares, "share of answers (%, log scale)", place)
        _ticks(bar, shares, [0.001, 0.01, 0.1, 1])
        if block:
            place = left, top + side + 1.4, side - 0.1
            bar = flat_bar(page, differences, "model − annotators (points)", place, style.DIVERGING)
            _ticks(bar, differences, [-0.1, -0.01, 0, 0.01, 0.1])
    return page.figure


def _shares_of(table: pd.DataFrame, source: str, names: Sequence[str]) -> Floats:
    """Shares of answers of a source, mean over its seeds: true class by answer."""
    chosen = table[table["source"] == source]
    square = chosen.pivot_table(index="true", columns="predicted", values="share", aggfunc="mean")
    return square.reindex(index=list(names), columns=list(names)).to_numpy(float)


def _confusions(
    ax: Axes, title: str, values: Floats, names: Sequence[str], norm: Normalize, cmap: str
) -> None:
    """A matrix of shares with the percentages of at least 1, and the answers' names below."""
    matrix(ax, values, norm, cmap, lambda v: f"{100 * v:.0f}" if abs(v) >= 0.01 else "", size=4.5)
    slanted(ax, range(len(names)), names, rotation=60, size=6)
    ax.set_title(title)


def _ticks(bar: Any, norm: Normalize, ticks: Sequence[float]) -> None:
    shown = [t for t in ticks if float(norm.vmin or 0) <= t <= float(norm.vmax or 0)]
    texts = [f"{100 * t:g}".replace("-", "−") for t in shown]  # percent, as in the cells
    if norm.clip:
        texts[0] = f"≤ {texts[0]}"
    bar.set_ticks(shown, labels=texts, size=5.5)
    bar.ax.minorticks_off()


def plot_entropy(*, images: In, title: str, look: Look, models: list[str] | None = None) -> Figure:
    """Entropy of the votes against that of each model's prediction (default: all models)."""
    table = load_table(images, ["id", "model", "seed", "human_entropy", "model_entropy"])
    if models is not None:
        table = table[table["model"].isin(models)]
    names = list(dict.fromkeys(table["model"])) if len(table) else []
    columns, rows = max(1, min(3, len(names))), max(1, math.ceil(len(names) / 3))
    n = table["id"].nunique() if len(table) else 0
    page = Page(
        0.45 + 2.25 * rows,
        f"{title} · entropy · n = {count(n)} {look.noun}s",
        f"hexagons: {look.noun}s of the first seed (log scale); ρ: Spearman, mean over seeds; "
        "dashed: equal entropy",
        width=1.3 + 1.97 * columns if len(names) > 1 else 4.6,
    )
    axes = page.grid(rows, columns, top=0.75, right=0.75, wspace=0.5)
    look.panels.add("entropy")
    if not names:
        style.say(axes[0], "no model gives predictions")
        return page.figure
    top = float(np.nanmax(table[["human_entropy", "model_entropy"]].to_numpy(float))) * 1.03
    top = max(top, 1e-6)
    counts: list[Any] = []
    for k, (ax, model) in enumerate(zip(axes, names, strict=False)):
        counts.append(_entropies(ax, table[table["model"] == model], top))
        ax.set_title(pretty(model))
        ax.set_xlabel("entropy of votes (nats)")
        ax.set_ylabel("" if k % columns else "entropy of prediction (nats)")
        look.limit(ax, "entropy")
    for ax in axes[len(names) :]:
        ax.remove()
    most = np.concatenate([[2.0], *(np.asarray(drawn.get_array()) for drawn in counts)]).max()
    shared = LogNorm(1, most)
    for drawn in counts:
        drawn.set_norm(shared)
    style.colourbar(axes[columns - 1], counts[-1], f"number of {look.noun}s")
    return page.figure


def _entropies(ax: Axes, table: pd.DataFrame, top: float) -> Any:
    """Hexagons of the first seed up to ``top`` nats, and Spearman's ρ over seeds."""
    columns = ["human_entropy", "model_entropy"]
    rho = np.mean([t[columns].rank().corr().iloc[0, 1] for _, t in table.groupby("seed")])
    first = table[table["seed"] == table["seed"].iloc[0]]
    cells: Style = {
        "gridsize": 32,
        "mincnt": 1,
        "cmap": style.SEQUENTIAL,
        "lw": 0,
        "rasterized": True,
    }
    both = (first[column] for column in columns)
    drawn = ax.hexbin(*both, extent=(0, top, 0, top), **cells)
    ax.plot([0, top], [0, top], color=MUTED, lw=0.8, ls=DASHED)
    ax.set(xlim=(0, top), ylim=(0, top))
    white = {"facecolor": "white", "lw": 0, "pad": 1.5}
    style.inside(ax, 0.97, 0.97, f"ρ = {rho:.3f}".replace("-", "−"), bbox=white)
    return drawn


def plot_disputed(
    *,
    pixels: In,
    samples: In,
    votes: In,
    images: In,
    title: str,
    model: str,
    look: Look,
    logits: In | None = None,
    features: In | None = None,
    seed: int = 0,
    shown: int = 12,
) -> Figure:
    """Images on which annotators and a model differ most, with votes and prediction.

    ``images`` is the table of divergences; without ``logits`` of the model, whose rows ``features``
    names, only the votes are drawn; ``seed`` is the model's seed.
    """
    human = load_votes(votes, samples)
    table = load_table(images, ["id", "model", "seed", "jensen_shannon"])
    table = table[(table["model"] == model) & (table["seed"] == seed)]
    if table.empty:
        raise InputError(f"{images}: no row of the model {model!r} with seed {seed}")
    known = load_table(samples, ["id", "label_name"])
    table = join_by_id(known, table, names=(str(samples), str(images)))
    shares = {"votes": human.answers / np.maximum(human.answers.sum(axis=1, keepdims=True), 1)}
    if logits is not None and features is not None:
        rows, ids = load_with_ids(logits, features)
        place = pd.Index(ids).get_indexer(pd.Index(human.ids))
        if (place < 0).any():
            missing = human.ids[np.argmin(place)]
            raise InputError(f"{features}: the image {missing!r} of {samples} is missing")
        shares[pretty(model)] = softmax(rows[place].astype(float), axis=1)
    pictures = load_npy(pixels, mmap=True)
    order = np.argsort(-table["jensen_shannon"].to_numpy(float), kind="stable")[:shown]
    cell, left, top = 1.12, 0.12, 0.68
    page = Page(
        top + max(1, math.ceil(len(order) / 3)) * cell - 0.1,
        f"{title} · the {len(order)} images most disputed with {pretty(model)}",
        "JS: Jensen–Shannon divergence (nats); bars: shares of the 4 largest classes, from 1 %",
    )
    look.panels.add("bars")
    for k, name in enumerate(shares):
        place_of = page.width - 2.0 + 0.7 * k
        page.text(place_of, 0.25, f"■ {name}", color=look.colour(k), weight="bold")
    width = (page.width - 2 * left) / 3
    for k, i in enumerate(order):
        x, y = left + (k % 3) * width, top + (k // 3) * cell
        photo = page.axes(x, y, 0.78, 0.78)
        photo.imshow(rgb(pictures[i]), interpolation="nearest")
        photo.set_axis_off()
        row = table.iloc[i]
        photo.set_title(f"{row['label_name']} · JS {row['jensen_shannon']:.2f}", size=6.5, pad=2)
        ax = page.axes(x + 1.36, y + 0.02, width - 1.55, 0.74)
        _shares(ax, np.stack([each[i] for each in shares.values()]), human.classes, look)
    return page.figure


def _shares(ax: Axes, shares: Floats, classes: Sequence[str], look: Look) -> None:
    """Bars of the four classes with the largest shares (votes, prediction), from 1 %."""
    most = shares.max(axis=0)
    chosen = np.argsort(-most, kind="stable")[:4]
    chosen = chosen[most[chosen] >= 0.01]
    height = 0.76 / len(shares)
    for k, values in enumerate(shares):
        places = np.arange(len(chosen)) + (k - (len(shares) - 1) / 2) * 0.4
        ax.barh(places, values[chosen], height=height, color=look.colour(k))
    ax.set(xlim=(0, 1), ylim=(max(len(chosen), 3) - 0.4, -0.6))
    ax.set_xticks([0, 0.5, 1], ["0", "½", "1"], size=5.5)
    ax.set_yticks(range(len(chosen)), [classes[c] for c in chosen], size=6)
    ax.tick_params(axis="y", length=0, pad=2)
    ax.spines["left"].set_color(INK)

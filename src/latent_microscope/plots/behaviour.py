"""What models answer beside what people answer: confusions, entropy, disputed images."""

import math
from collections.abc import Sequence

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize, SymLogNorm
from matplotlib.figure import Figure
from scipy.special import softmax

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import join_by_id, load_npy, load_table
from latent_microscope.io.inputs import load_votes, load_with_ids
from latent_microscope.plots.grids import rgb
from latent_microscope.plots.style import (
    DIVERGING,
    FAINT,
    INK,
    MUTED,
    SEQUENTIAL,
    Look,
    Page,
    count,
    pretty,
    say,
)

Floats = npt.NDArray[np.float64]
_SMALLEST = 1e-3  # shares below are drawn as this
_LINEAR = 0.01  # differences within are on a linear scale


def confusion_panels(
    table: pd.DataFrame, title: str, look: Look, *, sources: Sequence[str] | None = None
) -> Figure:
    """Confusion matrices of people and models, and model − people under each model.

    Args:
        table: ``confusions.parquet``: source, seed, true, predicted, share. Differences are taken
            here, of the shares shown.
        title: Study.
        look: The figure's settings.
        sources: Models to show, in order; all by default.

    Raises:
        InputError: A wanted source, or "human", is not in the table.
    """
    present = list(dict.fromkeys(table["source"]))
    wanted = [s for s in (sources or present) if s != "human"]
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
        "rows: true class, columns: answer; numbers: per cent (below: points), where at least 1; "
        "models: mean over seeds",
        width=max(5.6, left + (side + gap) * (1 + max(map(len, blocks))) + 0.1),
    )
    shares = LogNorm(_SMALLEST, 1.0, clip=True)
    people = _square(table, "human", names)
    matrices = {source: _square(table, source, names) for source in wanted}
    largest = [np.nanmax(np.abs(matrix - people)) for matrix in matrices.values()]
    top_difference = float(max([*largest, 2 * _LINEAR]))
    differences = SymLogNorm(_LINEAR, vmin=-top_difference, vmax=top_difference, base=10)
    look.panels.add("matrices")
    for b, block in enumerate(blocks):
        top = 0.7 + b * block_height
        for column, source in enumerate(["human", *block]):
            x = left + column * (side + gap)
            ax = page.axes(x, top, side, side)
            matrix = people if source == "human" else matrices[source]
            first = column == 0
            _matrix(ax, matrix, names, shares, SEQUENTIAL, left=first, bottom=first)
            ax.set_title("people" if source == "human" else pretty(source))
            if column:
                below = page.axes(x, top + side + row_gap, side, side)
                _matrix(
                    below,
                    matrices[source] - people,
                    names,
                    differences,
                    DIVERGING,
                    left=False,
                    bottom=True,
                )
                below.set_title("minus people")
        _bars(page, left, top + side + 0.85, side, shares, differences if block else None)
    return page.figure


def _square(table: pd.DataFrame, source: str, names: Sequence[str]) -> Floats:
    """Shares of answers of a source, mean over its seeds: true class by answer."""
    chosen = table[table["source"] == source]
    square = chosen.pivot_table(index="true", columns="predicted", values="share", aggfunc="mean")
    return square.reindex(index=list(names), columns=list(names)).to_numpy(float)


def _matrix(
    ax: Axes,
    matrix: Floats,
    names: Sequence[str],
    norm: Normalize,
    cmap: str,
    *,
    left: bool,
    bottom: bool,
) -> None:
    colours = matplotlib.colormaps[cmap].with_extremes(bad=FAINT)
    ax.imshow(matrix, cmap=colours, norm=norm, aspect="auto")
    for i, j in np.argwhere(np.abs(np.nan_to_num(matrix)) >= 0.01):
        red, green, blue, _ = colours(norm(matrix[i, j]))
        dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
        ax.text(j, i, f"{100 * matrix[i, j]:.0f}".replace("-", "−"), ha="center", va="center",
                size=4.5, color="white" if dark else "black")  # fmt: skip
    ax.set(xticks=[], yticks=[])
    if left:
        ax.set_yticks(range(len(names)), names, size=6)
    if bottom:
        ax.set_xticks(range(len(names)), names, size=6, rotation=60, ha="right",
                      rotation_mode="anchor")  # fmt: skip
    ax.tick_params(length=0, pad=2)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _bars(
    page: Page,
    left: float,
    top: float,
    width: float,
    shares: Normalize,
    differences: Normalize | None,
) -> None:
    wanted = [(shares, SEQUENTIAL, "share of answers (log scale)", [0.001, 0.01, 0.1, 1])]
    if differences is not None:
        wanted.append(
            (differences, DIVERGING, "model − people (symlog)", [-0.1, -0.01, 0, 0.01, 0.1])
        )
    for k, (norm, cmap, label, ticks) in enumerate(wanted):
        ax = page.axes(left, top + 0.55 * k, width - 0.1, 0.08)
        bar = page.figure.colorbar(ScalarMappable(norm, cmap), cax=ax, orientation="horizontal")
        inside = [t for t in ticks if float(norm.vmin or 0) <= t <= float(norm.vmax or 0)]
        bar.set_ticks(inside, labels=[f"{t:g}".replace("-", "−") for t in inside], size=5.5)
        bar.ax.minorticks_off()
        bar.set_label(label, size=6.5)
        bar.outline.set_linewidth(0.4)


def plot_entropy(
    *,
    images: In,
    title: str,
    look: Look,
    models: list[str] | None = None,
) -> Figure:
    """Plot one panel a model.

    Args:
        images: images.parquet: id, model, seed, human_entropy, model_entropy (nats).
        title: Study.
        look: look of the figures.
        models: which; all by default.
    """
    table = load_table(images, ["id", "model", "seed", "human_entropy", "model_entropy"])
    if models is not None:
        table = table[table["model"].isin(models)]
    names = list(dict.fromkeys(table["model"])) if len(table) else []
    columns = 3
    rows = max(1, math.ceil(len(names) / columns))
    n = table["id"].nunique() if len(table) else 0
    page = Page(
        0.45 + 2.25 * rows,
        f"{title} · entropy · n = {count(n)} images",
        "hexagons: images of the first seed (log scale); ρ: Spearman, mean over seeds; "
        "dashed: equal entropy",
        width=1.3 + 1.97 * min(columns, len(names)) if len(names) > 1 else 4.6,
    )
    columns = max(1, min(columns, len(names)))
    axes = [ax for row in page.grid(rows, columns, top=0.75, right=0.75, wspace=0.5) for ax in row]
    if not names:
        say(axes[0], "no model gives predictions")
        look.panels.add("entropy")
        return page.figure
    top = float(np.nanmax(table[["human_entropy", "model_entropy"]].to_numpy(float))) * 1.03
    top = max(top, 1e-6)
    for ax, model in zip(axes, names, strict=False):
        chosen = table[table["model"] == model]
        rho = chosen.groupby("seed")[["human_entropy", "model_entropy"]].apply(
            lambda t: t["human_entropy"].rank().corr(t["model_entropy"].rank())
        )
        first = chosen[chosen["seed"] == chosen["seed"].iloc[0]]
        drawn = ax.hexbin(
            first["human_entropy"], first["model_entropy"], gridsize=32, mincnt=1,
            extent=(0, top, 0, top), norm=LogNorm(1, max(10, n / 2)), cmap=SEQUENTIAL, lw=0,
            rasterized=True,
        )  # fmt: skip
        ax.plot([0, top], [0, top], color=MUTED, lw=0.8, ls=(0, (3, 2)))
        ax.set(xlim=(0, top), ylim=(0, top))
        ax.set_title(pretty(model))
        told = f"ρ = {rho.mean():.3f}".replace("-", "−")
        white = {"facecolor": "white", "lw": 0, "pad": 1.5}
        ax.text(0.97, 0.97, told, transform=ax.transAxes, ha="right", va="top", bbox=white)
        ax.set_xlabel("entropy of votes (nats)")
        if ax is axes[0] or axes.index(ax) % columns == 0:
            ax.set_ylabel("entropy of prediction (nats)")
        look.limit(ax, "entropy")
    for ax in axes[len(names) :]:
        ax.remove()
    bar = page.figure.colorbar(drawn, cax=axes[min(columns, len(names)) - 1]
                               .inset_axes((1.04, 0, 0.04, 1)))  # fmt: skip
    bar.set_label("images")
    bar.outline.set_linewidth(0.4)
    return page.figure


def disputed(
    images: np.ndarray,
    table: pd.DataFrame,
    votes: Floats,
    predictions: Floats | None,
    classes: Sequence[str],
    model: str,
    title: str,
    look: Look,
    *,
    shown: int = 12,
    bars: int = 4,
) -> Figure:
    """Images on which people and a model differ most, with the votes and the prediction.

    Args:
        images: uint8 (n, H, W, C).
        table: Row i = image i: ``id``, ``label_name``, ``jensen_shannon`` (to this model).
        votes: (n, classes) shares of the votes.
        predictions: (n, classes) the model's probabilities, or none.
        classes: Names of the columns.
        model: Its name.
        title: Study, seed.
        look: The figure's settings.
        shown: Images at most.
        bars: Classes an image, those with the largest share.
    """
    order = np.argsort(-table["jensen_shannon"].to_numpy(float), kind="stable")[:shown]
    columns, cell, left, top = 3, 1.12, 0.12, 0.68
    rows = max(1, math.ceil(len(order) / columns))
    page = Page(
        top + rows * cell - 0.1,
        f"{title} · the {len(order)} images most disputed with {pretty(model)}",
        "JS: Jensen–Shannon divergence of votes and prediction (nats); bars: shares",
    )
    look.panels.add("bars")
    page.text(page.width - 2.0, 0.25, "■ votes", color=look.colour(0), weight="bold")
    if predictions is not None:
        page.text(page.width - 1.3, 0.25, f"■ {pretty(model)}", color=look.colour(1), weight="bold")
    width = (page.width - 2 * left) / columns
    for k, i in enumerate(order):
        x, y = left + (k % columns) * width, top + (k // columns) * cell
        photo = page.axes(x, y, 0.78, 0.78)
        photo.imshow(rgb(images[i]), interpolation="nearest")
        photo.set_axis_off()
        row = table.iloc[i]
        photo.set_title(f"{row['label_name']} · JS {row['jensen_shannon']:.2f}", size=6.5, pad=2)
        both = votes[i] if predictions is None else np.maximum(votes[i], predictions[i])
        biggest = np.argsort(-both, kind="stable")[:bars]
        biggest = biggest[both[biggest] >= 0.01]
        ax = page.axes(x + 1.36, y + 0.02, width - 1.55, 0.74)
        _shares(ax, votes[i], None if predictions is None else predictions[i], biggest, look)
        ax.set_yticks(range(len(biggest)), [classes[c] for c in biggest], size=6)
    return page.figure


def _shares(
    ax: Axes, votes: Floats, prediction: Floats | None, chosen: npt.NDArray[np.int64], look: Look
) -> None:
    places = np.arange(len(chosen))
    paired = prediction is not None
    ax.barh(places - 0.2 * paired, votes[chosen], height=0.76 - 0.38 * paired, color=look.colour(0))
    if prediction is not None:
        ax.barh(places + 0.2, prediction[chosen], height=0.38, color=look.colour(1))
    ax.set(xlim=(0, 1), ylim=(max(len(chosen), 3) - 0.4, -0.6))
    ax.set_xticks([0, 0.5, 1], ["0", "½", "1"], size=5.5)
    ax.tick_params(axis="y", length=0, pad=2)
    ax.spines["left"].set_color(INK)


def plot_confusions(
    *,
    confusions: In,
    title: str,
    look: Look,
    models: list[str] | None = None,
) -> Figure:
    """Plot shares of answers by true class on a log scale.

    Args:
        confusions: .parquet: source, seed, true, predicted, share.
        title: Study.
        look: look of the figures.
        models: which, in order; all by default.
    """
    return confusion_panels(load_table(confusions), title, look, sources=models)


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
    run: int = 0,
    shown: int = 12,
) -> Figure:
    """Plot images with the shares of votes and the model's probabilities.

    Args:
        pixels: images.npy uint8 (n, H, W, C), row i = row i of samples.
        samples: .parquet: id, label, label_name.
        votes: .parquet: id and a column of counts a class.
        images: images.parquet: id, model, seed, jensen_shannon.
        title: Study and seed.
        look: look of the figures.
        model: the model's name.
        logits: .npy (n, classes) of the model; without it only the votes are drawn.
        features: features.parquet: id of each row of the logits.
        run: the model's seed.
        shown: images at most.
    """
    human = load_votes(votes, samples)
    table = load_table(images, ["id", "model", "seed", "jensen_shannon"])
    table = table[(table["model"] == model) & (table["seed"] == run)]
    if table.empty:
        raise InputError(f"{images}: no row of the model {model!r} with seed {run}")
    known = load_table(samples, ["id", "label_name"])
    table = join_by_id(known, table, names=(str(samples), str(images)))
    predictions = None
    if logits is not None and features is not None:
        rows, ids = load_with_ids(logits, features)
        place = {key: i for i, key in enumerate(ids)}
        missing = [key for key in human.ids if key not in place]
        if missing:
            raise InputError(f"{features}: lacks the image {missing[0]!r} of {samples}")
        predictions = softmax(rows[[place[key] for key in human.ids]].astype(float), axis=1)
    shares = human.counts / np.maximum(human.counts.sum(axis=1, keepdims=True), 1)
    return disputed(
        load_npy(pixels, mmap=True),
        table,
        shares,
        predictions,
        human.classes,
        model,
        title,
        look,
        shown=shown,
    )

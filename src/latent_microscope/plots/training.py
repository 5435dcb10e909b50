"""Learning curves, and what a VAE makes: reconstructions, traversals, samples, its health."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_table
from latent_microscope.plots.grids import image_matrix, matrix_height, pick_columns
from latent_microscope.plots.style import MUTED, Look, Page, log_ticks, panel, pretty

_VAE_PANELS = [
    ("loss", "loss", "mean per image"),
    ("reconstruction", "reconstruction error", "mean per image"),
    ("kl", "KL divergence from the prior", "mean per image (nats)"),
    ("beta", "weight β of the KL term", ""),
    ("learning_rate", "learning rate", ""),
]
_CLASSIFIER_PANELS = [
    ("loss", "cross-entropy", "mean per image (nats)"),
    ("accuracy", "accuracy", "share of images"),
    ("learning_rate", "learning rate", ""),
]
_DASHED = (0, (4, 1.5))


def training_curves(
    tables: Sequence[pd.DataFrame], labels: Sequence[str], title: str, look: Look
) -> Figure:
    """Curves over epochs, one line a run; a classifier's test curves are dashed.

    Args:
        tables: ``training.parquet`` of each run (VAE or classifier). Runs with the same label
            (seeds of one model) share a colour.
        labels: One a table.
        title: Study, model.
        look: The figure's settings.

    Raises:
        InputError: No runs, or as many labels as tables are not given.
    """
    if not tables or len(tables) != len(labels):
        raise InputError(
            f"training: {len(tables)} tables and {len(labels)} labels; give one label a table"
        )
    classifier = any("accuracy" in table for table in tables)
    wanted = _CLASSIFIER_PANELS if classifier else _VAE_PANELS
    wanted = [entry for entry in wanted if any(_varies(t, entry[0]) for t in tables)]
    columns = min(3, max(1, len(wanted)))
    rows = -(-max(1, len(wanted)) // columns)
    shortest, longest = (f(len(table) for table in tables) for f in (min, max))
    epochs = f"{longest}" if shortest == longest else f"{shortest} to {longest}"
    runs = f"{len(tables)} run{'s' if len(tables) > 1 else ''}"
    page = Page(0.55 + 1.95 * rows, f"{title} · {runs} · {epochs} epochs")
    axes = [ax for row in page.grid(rows, columns, top=0.75, hspace=0.75, wspace=0.7) for ax in row]
    names = list(dict.fromkeys(labels))
    for ax, (column, text, unit) in zip(axes, wanted, strict=False):
        for table, label in zip(tables, labels, strict=True):
            _curve(ax, table, column, look.colour(names.index(label)))
        panel(ax, "abcdef"[axes.index(ax)], text)
        ax.set(xlabel="epoch", ylabel=unit)
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        _scale(ax, column, tables)
        look.limit(ax, column)
    for ax in axes[len(wanted) :]:
        ax.remove()
    _legend(page, names, look, dashed=any("test_loss" in t for t in tables))
    return page.figure


def _varies(table: pd.DataFrame, column: str) -> bool:
    return column in table and bool(table[column].notna().any())


def _curve(ax: Axes, table: pd.DataFrame, column: str, colour: str) -> None:
    marker = "o" if len(table) == 1 else None
    if column in table:
        ax.plot(table["epoch"], table[column], color=colour, marker=marker, ms=3, alpha=0.85)
    test = f"test_{column}"
    if test in table:
        ax.plot(table["epoch"], table[test], color=colour, ls=_DASHED, marker=marker, ms=3)


def _scale(ax: Axes, column: str, tables: Sequence[pd.DataFrame]) -> None:
    """Logarithmic where a quantity that should fall does so by more than a factor of ten."""
    if column not in ("loss", "reconstruction", "learning_rate"):
        return
    values = np.concatenate([t[column].to_numpy(float) for t in tables if column in t])
    values = values[np.isfinite(values)]
    if values.size and values.min() > 0 and values.max() / values.min() > 5:
        ax.set_yscale("log")
        log_ticks(ax.yaxis, values.max() / values.min())
    elif values.size and np.ptp(values) == 0:
        ax.set_ylim(0, 1.2 * values.max() or 1)


def _legend(page: Page, names: list[str], look: Look, *, dashed: bool) -> None:
    ax = page.axes(0.08, 0.27, page.width - 0.16, 0.2)
    ax.set_axis_off()
    for i, name in enumerate(names):
        ax.plot([], [], color=look.colour(i), label=name)
    if dashed:
        ax.plot([], [], color=MUTED, label="train (what is minimised)")
        ax.plot([], [], color=MUTED, ls=_DASHED, label="test (never used to choose)")
    columns = len(ax.get_legend_handles_labels()[0])
    ax.legend(loc="upper left", ncols=min(columns, 7), borderpad=0, borderaxespad=0)


def vae_images(
    reconstructions: np.ndarray,
    variations: np.ndarray,
    interpolation: np.ndarray,
    title: str,
    look: Look,
) -> Figure:
    """Originals over reconstructions, variations of samples, and strips between pairs.

    Args:
        reconstructions: uint8 (2, m, H, W, C): originals, reconstructions.
        variations: uint8 (r, c, H, W, C): sample r decoded from z, then from z + noise.
        interpolation: uint8 (r, c, H, W, C): strips from one sample to another. The first four
            rows of either are shown.
        title: Study, seed.
        look: The figure's settings.
    """
    blocks = [
        ("a", "originals and their reconstructions", pick_columns(reconstructions, 10)),
        ("b", "variations: a sample's code, then code + noise", pick_columns(variations[:4], 10)),
        (
            "c",
            "interpolations in the latent space, one pair per row",
            pick_columns(interpolation[:4], 11),
        ),
    ]
    left, gap = 0.85, 0.3
    unit = 6.25 / max(images.shape[1] for _, _, images in blocks)
    labels = [["original", "reconstructed"]]
    for (_, _, images), prefix in zip(blocks[1:], ("sample", "pair"), strict=True):
        labels.append([f"{prefix} {r + 1}" for r in range(len(images))])
    heights = [matrix_height(b.shape, unit * b.shape[1]) for _, _, b in blocks]
    page = Page(0.35 + sum(heights) + 0.4 * len(blocks), title)
    top = 0.3
    for (letter, text, images), rows in zip(blocks, labels, strict=True):
        page.text(0.08, top + 0.08, rf"$\bf{{{letter}}}$  {text}")
        width = unit * images.shape[1]
        top += gap
        top += 0.1 + image_matrix(page, images, left=left, top=top, width=width, row_labels=rows)
    look.panels.add("images")
    return page.figure


def plot_traversals(
    *,
    traversal: In,
    dimensions: In,
    title: str,
    look: Look,
) -> Figure:
    """Plot one row of images a dimension, from −3 to 3 standard deviations.

    Args:
        traversal: .npy uint8 (r, c, H, W, C), most active dimension first.
        dimensions: .parquet: dimension, kl, mean_variance, active.
        title: Study and seed.
        look: look of the figures.
    """
    images = load_npy(traversal)
    table = load_table(dimensions, ["dimension", "kl"])
    rows, columns = images.shape[:2]
    first = table.sort_values("kl", ascending=False, kind="stable").head(rows)
    labels = [
        f"z{int(d)}  ({kl:.2f})" for d, kl in zip(first["dimension"], first["kl"], strict=True)
    ]
    steps = [f"{s:+.1f}".replace("+0.0", "0") for s in np.linspace(-3, 3, columns)]
    left, top, label = 0.95, 0.5, 0.16
    width = min(_natural_width(images), 6.15)
    page = Page(
        top + matrix_height(images.shape, width, label=label) + 0.1,
        title,
        "one latent dimension per row, most active first (KL in nats); columns: standard "
        "deviations from the mean code",
    )
    image_matrix(
        page,
        images,
        left=left,
        top=top,
        width=width,
        row_labels=labels,
        column_labels=steps,
        label=label,
    )
    look.panels.add("images")
    return page.figure


def _natural_width(images: np.ndarray) -> float:
    """Inches that show (r, c, H, W, C) at no less than its resolution and at most 0.9 an image."""
    return 0.9 * images.shape[1]


def plot_vae_samples(
    *,
    history: In,
    epochs: In,
    title: str,
    look: Look,
) -> Figure:
    """Plot a row a saved epoch, a column a random code.

    Args:
        history: .npy uint8 (k, m, H, W, C).
        epochs: history.parquet: the epoch of each k.
        title: Study and seed.
        look: look of the figures.

    Raises:
        InputError: The two do not have the same number of rows.
    """
    every, saved = load_npy(history), load_table(epochs, ["epoch"])
    if len(every) != len(saved):
        raise InputError(
            f"history.npy has {len(every)} rows and history.parquet {len(saved)}; "
            "both must come from one training"
        )
    keep = np.unique(np.linspace(0, len(every) - 1, min(len(every), 12)).round().astype(int))
    images = pick_columns(every[keep], 10)
    labels = [f"epoch {int(saved['epoch'].iloc[k])}" for k in keep]
    left, top = 0.8, 0.5
    width = min(_natural_width(images), 6.3)
    page = Page(
        top + matrix_height(images.shape, width) + 0.1,
        title,
        "one fixed random code z ~ N(0, 1) per column, decoded as training goes",
    )
    image_matrix(page, images, left=left, top=top, width=width, row_labels=labels)
    look.panels.add("images")
    return page.figure


def plot_vae_health(
    *,
    dimensions: list[In],
    title: str,
    look: Look,
    labels: list[str] | None = None,
) -> Figure:
    """Plot the dimensions of each run, sorted by KL and by variance.

    Args:
        dimensions: dimensions.parquet of each run.
        title: Study.
        look: look of the figures.
        labels: One a run; "seed 0", "seed 1", … by default.
    """
    names = labels or [f"seed {i}" for i in range(len(dimensions))]
    tables = [load_table(p, ["kl", "mean_variance", "active"]) for p in dimensions]
    total = len(tables[0])
    active = [int(table["active"].sum()) for table in tables]
    span = str(active[0]) if min(active) == max(active) else f"{min(active)}–{max(active)}"
    page = Page(2.75, f"{title} · {span} of {total} dimensions active")
    left, right = page.grid(1, 2, top=0.55, wspace=0.75)[0]
    for i, (table, label) in enumerate(zip(tables, names, strict=True)):
        order = np.arange(1, len(table) + 1)
        kl = np.sort(table["kl"].to_numpy(float))[::-1]
        variance = np.sort(table["mean_variance"].to_numpy(float))[::-1]
        left.plot(order, kl, color=look.colour(i), label=f"{label}: Σ = {kl.sum():.1f} nats")
        left.fill_between(order, 0, kl, color=look.colour(i), alpha=0.12, lw=0)
        right.plot(order, variance, color=look.colour(i), label=f"{label}: {active[i]} active")
    panel(left, "a", "KL divergence from the prior")
    left.set(xlabel="dimension, sorted", ylabel="mean KL (nats)")
    left.set_ylim(bottom=0)
    right.axhline(0.01, color=MUTED, lw=0.8, ls=(0, (4, 2)))
    right.text(
        0.02, 0.0115, "active above 0.01", color=MUTED, size="small",
        transform=right.get_yaxis_transform(),
    )  # fmt: skip
    right.set_yscale("log")
    panel(right, "b", "variance of the posterior means over images")
    right.set(xlabel="dimension, sorted", ylabel="variance")
    for ax, name in ((left, "kl"), (right, "variance")):
        place = "upper right" if name == "kl" else "best"
        ax.legend(loc=place, ncols=1 + (len(tables) > 6))
        look.limit(ax, name)
    return page.figure


def plot_classifier_training(
    *,
    training: list[In],
    title: str,
    labels: list[str],
    look: Look,
) -> Figure:
    """Plot loss, accuracy and learning rate over epochs; runs of one model share a colour.

    Args:
        training: training.parquet of each model and seed.
        title: Study.
        look: look of the figures.
        labels: the model's name, one a table.
    """
    return training_curves(
        [load_table(p) for p in training], [pretty(x) for x in labels], title, look
    )


def plot_training(
    *,
    training: list[In],
    title: str,
    look: Look,
    labels: list[str] | None = None,
) -> Figure:
    """Plot loss and its parts (VAE) or loss and accuracy (classifier) over epochs.

    Args:
        training: training.parquet of each run.
        title: Study and model.
        look: look of the figures.
        labels: One a run; "seed 0", "seed 1", … by default.
    """
    names = labels or [f"seed {i}" for i in range(len(training))]
    return training_curves([load_table(p) for p in training], names, title, look)


def plot_vae_images(
    *,
    reconstructions: In,
    variations: In,
    interpolation: In,
    title: str,
    look: Look,
) -> Figure:
    """Plot what the VAE makes of the study's images.

    Args:
        reconstructions: .npy uint8 (2, m, H, W, C): originals, reconstructions.
        variations: .npy uint8 (r, c, H, W, C): sample r decoded from z + noise.
        interpolation: .npy uint8 (r, c, H, W, C): strips between pairs of samples.
        title: Study and seed.
        look: look of the figures.
    """
    return vae_images(
        load_npy(reconstructions), load_npy(variations), load_npy(interpolation), title, look
    )

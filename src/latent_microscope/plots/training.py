"""Training curves of VAEs and classifiers, and of cross-validated fine-tuning."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots import style
from latent_microscope.plots.panels import DASHED, key
from latent_microscope.plots.style import MUTED, Look, Page, Style, pretty
from latent_microscope.published import RECIPES

# Column, title, unit of each panel.
_VAE = [
    ("loss", "loss", "error + β · KL per image"),
    ("reconstruction", "reconstruction error", "sum over pixels, per image"),
    ("kl", "KL divergence from the prior", "mean per image (nats)"),
    ("beta", "weight β of the KL term", "β"),
    ("learning_rate", "learning rate", "learning rate"),
]
_CLASSIFIER = [
    ("loss", "cross-entropy", "mean per image (nats)"),
    ("accuracy", "accuracy", "share of images"),
    ("learning_rate", "learning rate", "learning rate"),
]
_FOLDS = [
    ("loss", "training images", "cross-entropy (nats)"),
    ("inner_loss", "validation images, unseen in training", "cross-entropy (nats)"),
    ("inner_accuracy", "validation images: accuracy", "share of images"),
]


def plot_training(
    *, training: list[In], title: str, look: Look, labels: list[str] | None = None
) -> Figure:
    """Loss of a VAE and its parts, or loss and accuracy of a classifier, over epochs."""
    names = labels or [f"seed {i}" for i in range(len(training))]
    return _curves(training, names, title, look)


def plot_classifier_training(
    *, training: list[In], title: str, labels: list[str], look: Look
) -> Figure:
    """Loss, accuracy and learning rate over epochs; ``labels`` names the model of each table."""
    return _curves(training, [pretty(x) for x in labels], title, look)


def _curves(training: list[In], labels: list[str], title: str, look: Look) -> Figure:
    """One line per table; those of one label share a colour; test curves are dashed."""
    tables = _tables(training, labels)
    classifier = any("accuracy" in table for table in tables)
    panels = [
        (column, text, unit)
        for column, text, unit in (_CLASSIFIER if classifier else _VAE)
        if any(column in table and table[column].notna().any() for table in tables)
    ]
    columns = min(3, max(1, len(panels)))
    lines = -(-max(1, len(panels)) // columns)
    shortest, longest = (f(len(table) for table in tables) for f in (min, max))
    epochs = f"{longest}" if shortest == longest else f"{shortest} to {longest}"
    trained = style.several(len(tables), "network" if classifier else "seed")
    page = Page(0.55 + 1.95 * lines, f"{title} · {trained} · {epochs} epochs")
    axes = page.grid(lines, columns, top=0.75, hspace=0.75, wspace=0.7)
    names = list(dict.fromkeys(labels))
    for ax, letter, (column, text, unit) in zip(axes, "abcdef", panels, strict=False):
        for table, label in zip(tables, labels, strict=True):
            _curve(ax, table, column, look.colour(names.index(label)))
        _scale(ax, column, tables)
        _over_epochs(ax, column, letter, text, unit, look)
    for ax in axes[len(panels) :]:
        ax.remove()
    handles = _lines(names, look)
    if any("test_loss" in table for table in tables):
        handles.append(Line2D([], [], color=MUTED, label="train (what is minimised)"))
        test = "test (never used to choose)"
        handles.append(Line2D([], [], color=MUTED, ls=DASHED, label=test))
    key(page, 0.27, handles, loc="upper left", ncols=min(len(handles), 7), borderpad=0)
    return page.figure


def plot_compute(*, training: list[In], title: str, labels: list[str], look: Look) -> Figure:
    """Test errors against the floating-point operations of the training, by epoch.

    ``labels`` names the model of each table. Published recipes for the same data are marked.
    """
    tables = _tables(training, labels, ["test_accuracy", "flop"])
    names = list(dict.fromkeys(labels))
    trained = style.several(len(tables), "network")
    page = Page(3.5, f"{title} · errors and compute · {trained}")
    (ax,) = page.grid(1, 1, top=0.75, bottom=0.5)
    for table, label in zip(tables, labels, strict=True):
        known = table.assign(flop=table["flop"].cumsum()).dropna()
        errors = 100 * (1 - known["test_accuracy"])
        colour = look.colour(names.index(label))
        ax.plot(known["flop"], errors, color=colour, alpha=0.85)
        ax.plot(known["flop"].iloc[-1:], errors.iloc[-1:], "o", color=colour, ms=4)
    for name, (flop, accuracy) in RECIPES.items():
        ax.plot([flop], [100 * (1 - accuracy)], "v", ms=4, color=MUTED)
        ax.annotate(
            name, (flop, 100 * (1 - accuracy)), (0, 5), textcoords="offset points", ha="center",
            fontsize="small", color=MUTED,
        )  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    unit = "floating-point operations of the training"
    look.panel(ax, "compute", "a", "errors on test images", unit, "errors (%)")
    published = Line2D([], [], color=MUTED, marker="v", ls="", ms=4)
    published.set_label("published recipes, end of training, with mirror images and crops")
    handles = [*_lines([pretty(name) for name in names], look), published]
    key(page, 0.4, handles, loc="upper left", ncols=3, borderpad=0)
    return page.figure


def _tables(
    training: Sequence[In], labels: Sequence[str], columns: list[str] | None = None
) -> list[pd.DataFrame]:
    """The tables of some trainings, one for each label."""
    tables = [load_table(path, columns) for path in training]
    if not tables or len(tables) != len(labels):
        raise InputError(
            f"training: {len(tables)} tables and {len(labels)} labels; give one label per table"
        )
    return tables


def _lines(names: list[str], look: Look) -> list[Line2D]:
    return [Line2D([], [], color=look.colour(i), label=name) for i, name in enumerate(names)]


def _curve(ax: Axes, table: pd.DataFrame, column: str, colour: str) -> None:
    marker = "o" if len(table) == 1 else None
    for name, line, alpha in ((column, "-", 0.85), (f"test_{column}", DASHED, 1)):
        if name in table:
            drawn: Style = {"color": colour, "ls": line, "marker": marker, "ms": 3, "alpha": alpha}
            ax.plot(table["epoch"], table[name], **drawn)


def _over_epochs(ax: Axes, name: str, letter: str, text: str, unit: str, look: Look) -> None:
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    look.panel(ax, name, letter, text, "epoch", unit)


def _scale(ax: Axes, column: str, tables: Sequence[pd.DataFrame]) -> None:
    """Logarithmic where a quantity that should fall does so by more than a factor of five."""
    if column not in ("loss", "reconstruction", "learning_rate"):
        return
    values = np.concatenate([t[column].to_numpy(float) for t in tables if column in t])
    values = values[np.isfinite(values)]
    if values.size and values.min() > 0 and values.max() / values.min() > 5:
        ax.set_yscale("log")
    elif values.size and np.ptp(values) == 0:
        ax.set_ylim(0, 1.2 * values.max() or 1)


def plot_fold_training(
    *, training: list[In], provenance: list[In], title: str, look: Look, models: list[str]
) -> Figure:
    """Losses and accuracy of fine-tuning over epochs, and the number of epochs of each fold.

    ``models`` names the model of each table.
    """
    if not training or not len(training) == len(provenance) == len(models):
        raise InputError(
            f"fold training: {len(training)} tables of training, {len(provenance)} of provenance "
            f"and {len(models)} models; give one of each per network"
        )
    names = list(dict.fromkeys(models))
    columns = ["fold", "epoch", *(column for column, _, _ in _FOLDS)]
    curves = [load_table(path, columns) for path in training]
    chosen = [load_table(path, ["fold", "epochs"]) for path in provenance]
    page = Page(
        4.55,
        f"{title} · cross-validated fine-tuning, {style.several(len(training), 'network')}",
        "lines: mean over folds and seeds, bands: lowest to highest fold; cross-entropy to the "
        "targets that the model is trained on",
    )
    axes = page.grid(2, 2, top=0.95, hspace=0.75, wspace=0.7)
    for ax, letter, (column, text, unit) in zip(axes, "abc", _FOLDS, strict=False):
        for i, name in enumerate(names):
            _band(ax, _of_model(curves, models, name), column, look.colour(i))
        _over_epochs(ax, column, letter, text, unit, look)
    _choices(axes[3], [_of_model(chosen, models, name) for name in names], look)
    handles = _lines([pretty(name) for name in names], look)
    key(page, 0.55, handles, loc="upper left", ncols=min(len(names), 4), borderpad=0)
    return page.figure


def _of_model(tables: Sequence[pd.DataFrame], models: Sequence[str], name: str) -> pd.DataFrame:
    return pd.concat([t for t, model in zip(tables, models, strict=True) if model == name])


def _band(ax: Axes, table: pd.DataFrame, column: str, colour: str) -> None:
    over = table.groupby("epoch")[column].agg(["mean", "min", "max"]).dropna()
    marker = "o" if len(over) == 1 else None
    ax.fill_between(over.index, over["min"], over["max"], color=colour, alpha=0.18, lw=0)
    ax.plot(over.index, over["mean"], color=colour, marker=marker, ms=3)


def _choices(ax: Axes, chosen: Sequence[pd.DataFrame], look: Look) -> None:
    values = sorted({int(epochs) for table in chosen for epochs in table["epochs"]})
    width = 0.8 / len(chosen)
    for i, table in enumerate(chosen):
        shares = [float((table["epochs"] == value).mean()) for value in values]
        places = np.arange(len(values)) + (i - (len(chosen) - 1) / 2) * width
        ax.bar(places, shares, width * 0.9, color=look.colour(i))
    ax.set_xticks(range(len(values)), [str(value) for value in values])
    ax.set_ylim(0, 1)
    text = "number of epochs chosen on validation images"
    look.panel(ax, "choices", "d", text, "number of epochs", "share of folds")

"""Fine-tuning fold by fold: its curves, and the number of epochs that each fold chose."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.style import Look, Page, panel, pretty

_CURVES = [
    ("loss", "training images", "cross-entropy (nats)"),
    ("inner_loss", "inner images, unseen in training", "cross-entropy (nats)"),
    ("inner_accuracy", "inner images: accuracy", "share of images"),
]


def fold_training(
    training: Sequence[pd.DataFrame],
    provenance: Sequence[pd.DataFrame],
    models: Sequence[str],
    title: str,
    look: Look,
) -> Figure:
    """Mean over folds and seeds, from the smallest to the largest fold, and the epochs chosen.

    Args:
        training: ``fold-training.parquet`` of each run.
        provenance: ``provenance.parquet`` of each run, with ``epochs`` as the fold chose them.
        models: Name of the model of each run; runs of one model are drawn together.
        title: Study.
        look: The figure's settings.

    Raises:
        InputError: No runs, or as many models as tables are not given.
    """
    if not training or not len(training) == len(provenance) == len(models):
        raise InputError(
            f"fold training: {len(training)} tables of training, {len(provenance)} of provenance "
            f"and {len(models)} models; give one of each a run"
        )
    names = list(dict.fromkeys(models))
    curves = {name: _pooled(training, models, name) for name in names}
    chosen = {name: _pooled(provenance, models, name) for name in names}
    page = Page(
        4.55,
        f"{title} · fine-tuning, the folds of all seeds together",
        "lines: mean over folds, bands: smallest to largest fold; cross-entropy to the targets "
        "that the model is trained on",
    )
    axes = [ax for row in page.grid(2, 2, top=0.95, hspace=0.75, wspace=0.7) for ax in row]
    for k, (column, text, unit) in enumerate(_CURVES):
        for i, name in enumerate(names):
            _band(axes[k], curves[name], column, look.colour(i))
        panel(axes[k], "abc"[k], text)
        axes[k].set(xlabel="epoch", ylabel=unit)
        axes[k].xaxis.set_major_locator(MaxNLocator(6, integer=True))
        look.limit(axes[k], column)
    _choices(axes[3], chosen, look)
    panel(axes[3], "d", "epochs that the inner images chose")
    look.limit(axes[3], "choices")
    key = page.axes(0.08, 0.55, page.width - 0.16, 0.2)
    key.set_axis_off()
    for i, name in enumerate(names):
        key.plot([], [], color=look.colour(i), label=pretty(name))
    key.legend(loc="upper left", ncols=min(len(names), 4), borderpad=0, borderaxespad=0)
    return page.figure


def _pooled(tables: Sequence[pd.DataFrame], models: Sequence[str], name: str) -> pd.DataFrame:
    return pd.concat([t for t, m in zip(tables, models, strict=True) if m == name])


def _band(ax: Axes, table: pd.DataFrame, column: str, colour: str) -> None:
    over = table.groupby("epoch")[column].agg(["mean", "min", "max"]).dropna()
    marker = "o" if len(over) == 1 else None
    ax.fill_between(over.index, over["min"], over["max"], color=colour, alpha=0.18, lw=0)
    ax.plot(over.index, over["mean"], color=colour, marker=marker, ms=3)


def _choices(ax: Axes, chosen: dict[str, pd.DataFrame], look: Look) -> None:
    values = sorted({int(epochs) for table in chosen.values() for epochs in table["epochs"]})
    width = 0.8 / len(chosen)
    for i, table in enumerate(chosen.values()):
        shares = [float((table["epochs"] == value).mean()) for value in values]
        places = np.arange(len(values)) + (i - (len(chosen) - 1) / 2) * width
        ax.bar(places, shares, width * 0.9, color=look.colour(i))
    ax.set_xticks(range(len(values)), [str(value) for value in values])
    ax.set(xlabel="epochs", ylabel="share of folds", ylim=(0, 1))


def plot_fold_training(
    *,
    training: list[In],
    provenance: list[In],
    title: str,
    models: list[str],
    look: Look,
) -> Figure:
    """Plot losses and accuracy over epochs, and the choice of epochs.

    Args:
        training: fold-training.parquet of each run.
        provenance: provenance.parquet of each run.
        title: Study.
        look: look of the figures.
        models: name of the model of each run.
    """
    columns = ["fold", "epoch", "loss", "inner_loss", "inner_accuracy"]
    return fold_training(
        [load_table(path, columns) for path in training],
        [load_table(path, ["fold", "epochs"]) for path in provenance],
        models,
        title,
        look,
    )

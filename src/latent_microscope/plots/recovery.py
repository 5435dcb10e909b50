"""Figure of the model-recovery test: who made the votes, and whom they were attributed to."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from latent_microscope.arguments import In
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.style import INK, Look, Page, pretty


def plot_recovery(
    *,
    recovered: In,
    title: str,
    look: Look,
) -> Figure:
    """Plot a matrix of makers by attributions.

    Args:
        recovered: .parquet: model, attributed, count, n_simulations, n_images, metric.
        title: Study.
        look: look of the figures.
    """
    columns = ["model", "attributed", "count", "n_simulations", "n_images", "metric"]
    table = load_table(recovered, columns)
    metrics = list(dict.fromkeys(table["metric"]))
    names = list(dict.fromkeys(table["model"]))
    texts = [pretty(name) for name in names]
    cell = float(np.clip(3.6 / len(names), 0.3, 0.5))
    side, left, gap = cell * len(names), 1.5, 1.75
    longest = max(len(text) for text in texts)
    page = Page(
        0.62 + side + 0.5 + 0.047 * longest,
        f"{title} · model recovery",
        width=max(left + len(metrics) * (side + gap) - gap + 0.9, 4.2),
    )
    for number, metric in enumerate(metrics):
        part = table[table["metric"] == metric]
        counts = part.pivot(index="model", columns="attributed", values="count")
        matrix = counts.loc[names, names].to_numpy(dtype=np.float64)
        total = float(part["n_simulations"].iloc[0])
        ax = page.axes(left + number * (side + gap), 0.62, side, side)
        drawn = ax.imshow(
            matrix, cmap=matplotlib.colormaps["Blues"], vmin=0, vmax=total, aspect="auto"
        )
        for i, j in np.argwhere(matrix > 0):
            dark = matrix[i, j] > 0.55 * total
            ax.text(j, i, f"{matrix[i, j]:.0f}", ha="center", va="center",
                    color="white" if dark else INK)  # fmt: skip
        ax.set_xticks(range(len(names)), texts, rotation=50, ha="right", rotation_mode="anchor")
        ax.set_yticks(range(len(names)), texts)
        ax.tick_params(length=0)
        ax.set_xlabel("attributed to")
        if number == 0:
            ax.set_ylabel("votes made by")
        images = int(part["n_images"].iloc[0])
        right = int(np.trace(matrix))
        ax.set_title(
            f"{metric} RDMs of {images:,} images: {right} of {int(matrix.sum())} right", loc="left"
        )
        for spine in ax.spines.values():
            spine.set_visible(False)
    bar = page.figure.colorbar(drawn, cax=ax.inset_axes((1.04, 0, 0.04, 1)))
    bar.set_label(f"of {int(total)} simulated data sets")
    bar.ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    bar.outline.set_linewidth(0.4)
    return page.figure

"""Mean image of each cluster and its difference from that of all other samples."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.forensics.pixels import brightness_and_hue, group_means
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots import style
from latent_microscope.plots.maps import ALL_NOISE, biggest_clusters, rows_of
from latent_microscope.plots.style import Look, Page, count

_PANELS = ("mean image", "Δ brightness", "Δ red − blue")
_SIDE, _GAP, _TOP = 0.95, 0.06, 0.75  # inches


def plot_cluster_images(
    *, images: In, clusters: In, title: str, look: Look, most: int = 8
) -> Figure:
    """Mean images of the ``most`` largest clusters, and where they differ from the rest."""
    table = load_table(clusters, ["id", "cluster"])
    labels = table["cluster"].to_numpy(int)
    pictures = rows_of(images, table)
    found = [k for k in biggest_clusters(labels) if not (labels == k).all()][:most]
    look.panels.update(("mean", "difference"))
    heading = f"{title} · mean images of clusters, n = {count(len(labels))}"
    if not found:
        why = "one cluster holds all samples" if (labels >= 0).any() else ALL_NOISE
        return style.nothing(heading, why)
    means, others = group_means(pictures, np.stack([labels == k for k in found]))
    differences = brightness_and_hue(means) - brightness_and_hue(others)
    low, high = look.bounds(differences, "difference", tail=0.0)
    ends = max(abs(low), abs(high), 1e-6)
    height = _SIDE * pictures.shape[1] / pictures.shape[2]
    lines, step = -(-len(found) // 2), height + 0.42
    note = "differences from the mean of all other samples; every panel has the same scale"
    page = Page(_TOP + lines * step - 0.3, heading, note)
    for k, cluster in enumerate(found):
        left, top = 0.12 + (k % 2) * 3.14, _TOP + (k // 2) * step
        name = f"cluster {cluster}, n = {count((labels == cluster).sum())}"
        page.text(left, top - 0.3, name, weight="bold")
        for j, panel in enumerate(_PANELS):
            ax = page.axes(left + j * (_SIDE + _GAP), top, _SIDE, height)
            if j == 0:
                ax.imshow(np.clip(np.repeat(means[k], 3 // means.shape[-1], axis=-1), 0, 1))
            else:
                shown = ax.imshow(
                    differences[k, j - 1], cmap=style.DIVERGING, vmin=-ends, vmax=ends
                )
            ax.set_axis_off()
            page.text(left + j * (_SIDE + _GAP), top - 0.14, panel, size="small")
    _scale(page.axes(6.42, _TOP, 0.07, min(lines * step - 0.42, 2.2)), shown)
    return page.figure


def _scale(ax: Axes, shown: object) -> None:
    """The colour bar of all differences."""
    bar = ax.figure.colorbar(shown, cax=ax)  # type: ignore[arg-type]
    bar.set_label("difference (channels from 0 to 1)")
    bar.outline.set_linewidth(0.4)  # type: ignore[operator]

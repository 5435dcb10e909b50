"""What clusters share in their pixels: standardised differences, mean and difference images."""

from string import ascii_lowercase

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.forensics.pixels import brightness_and_hue, group_means
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots import style
from latent_microscope.plots.maps import ALL_NOISE, biggest_clusters, rows_of
from latent_microscope.plots.panels import Q_LEVEL, estimate, name_rows, reference
from latent_microscope.plots.style import NOISE, Look, Page, count, fitting, pretty

_PANELS = ("mean image", "Δ brightness", "Δ red − blue")
_SIDE, _GAP, _TOP = 0.95, 0.06, 0.75  # inches
_ROW, _FOOT = 0.165, 0.62  # inches, of the differences


def plot_cluster_pixels(
    *, effects: In, title: str, look: Look, top: int = 8, most: int = 6
) -> Figure:
    """The ``top`` covariates that differ most in each of the largest groups of the first seed."""
    table = load_table(effects)
    table = table[table["seed"] == table["seed"].min()]
    every = list(dict.fromkeys(table["group"]))
    names = every[:most]
    seed = f" · seed {table['seed'].min()}" if len(table) else ""
    heading = f"{title}{seed} · pixels of clusters"
    look.panels.add("differences")
    if not names:
        return style.nothing(heading, ALL_NOISE)
    known = [table[table["group"] == name].dropna(subset=["d"]) for name in names]
    parts = [part.head(top) for part in known]
    rows = pd.concat(parts)
    height = _ROW * max(map(len, parts)) + 0.1
    note = "members minus rest in standard deviations, 95 % interval"
    note += " (no line: not tested)" * any(rows["low"].isna()) + "; filled: q ≤ 0.05 in the group"
    note += style.part_of(top, max(map(len, known)), "covariates")
    note += style.part_of(len(names), len(every), "groups")
    page = Page(_TOP + -(-len(names) // 2) * (height + _FOOT), heading, note)
    ends = rows[["d", "low", "high"]].to_numpy(float)
    reach = 1.05 * max(float(np.nanmax(np.abs(ends), initial=0.0)), 1.0)
    for k, (name, part) in enumerate(zip(names, parts, strict=True)):
        ax = page.axes(1.75 + 3.6 * (k % 2), _TOP + (k // 2) * (height + _FOOT), 1.7, height)
        reference(ax, x=0.0)
        for y, row in enumerate(part.to_dict("records")):
            colour = look.colour(0) if row["q"] <= Q_LEVEL else NOISE
            face = colour if row["q"] <= Q_LEVEL else "white"
            estimate(ax, y, row["d"], (row["low"], row["high"]), colour, ms=4.2, mfc=face, mew=0.9)
        covariates = [shorten(pretty(one).replace(" minus ", " − ")) for one in part["covariate"]]
        size = fitting(max(covariates, key=len, default=""), look.font_size - 1, 1.6)
        name_rows(ax, covariates, grid=False, size=size)
        ax.set_xlim(-reach, reach)
        members = count(table.loc[table["group"] == name, "n_members"].iloc[0])
        what = f"{pretty(name)}, n = {members}"
        look.panel(ax, "differences", ascii_lowercase[k], what, xlabel="standardised difference")
    return page.figure


def shorten(text: str, most: int = 34) -> str:
    """A folder's name may be long: its end tells most."""
    return text if len(text) <= most else f"{text.partition('=')[0]}=…{text[-most // 2 :]}"


def plot_cluster_images(
    *, images: In, clusters: In, title: str, look: Look, most: int = 8
) -> Figure:
    """Mean images of the ``most`` largest clusters, and where they differ from the rest."""
    table = load_table(clusters, ["id", "cluster"])
    labels = table["cluster"].to_numpy(int)
    pictures = rows_of(images, table)
    every = [k for k in biggest_clusters(labels) if not (labels == k).all()]
    found = every[:most]
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
    note += style.part_of(len(found), len(every), "clusters")
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

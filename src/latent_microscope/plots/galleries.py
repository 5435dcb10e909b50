"""Grids of images: ranked lists and low-density sub-niches."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_table
from latent_microscope.plots.grids import grid_height, image_grid
from latent_microscope.plots.latent import same_rows
from latent_microscope.plots.style import (
    FAINT,
    INK,
    Look,
    Page,
    count,
    panel,
    plain,
    point_size,
    points,
    pretty,
    say,
)

LISTS = {
    "creative": ("creative frontier", "highest creative latent score (CLS)", "cls"),
    "stereotypes": ("stereotypes", "lowest originality", "originality"),
    "grey": ("grey region", "points outside every cluster, highest CLS", "cls"),
    "generic": ("generic subset", "uniqueness and originality below their 25th percentile", "cls"),
}


def require_ids(index: npt.ArrayLike, ids: npt.ArrayLike, samples: pd.DataFrame, what: str) -> None:
    """Raise :class:`InputError` unless row ``index[k]`` of the samples has the id ``ids[k]``."""
    rows, wanted = np.asarray(index, dtype=np.int64), np.asarray(ids)
    if rows.size and rows.max() >= len(samples):
        raise InputError(f"{what}: index {rows.max()} is beyond the {len(samples)} samples")
    wrong = samples["id"].to_numpy()[rows] != wanted
    if wrong.any():
        raise InputError(
            f"{what}: id {wanted[wrong][0]!r} is not in the row of samples that it names; "
            "make the table again"
        )


def ranking_grid(
    images: np.ndarray,
    samples: pd.DataFrame,
    rankings: pd.DataFrame,
    name: str,
    title: str,
    look: Look,
    *,
    columns: int = 15,
) -> Figure:
    """The images of one list, best first, with rank and score.

    Args:
        images: uint8 (n, H, W, C).
        samples: ``id`` of each image.
        rankings: ``rankings.parquet``.
        name: The list: creative, stereotypes, grey, generic.
        title: Study, seed.
        look: The figure's settings.
        columns: Images a row.
    """
    same_rows(images, samples, "images")
    look.panels.add("images")
    chosen = rankings[rankings["list"] == name].sort_values("rank", kind="stable")
    label, meaning, score = LISTS.get(name, (name, "", "cls"))
    heading = f"{title} · {label} · {count(len(chosen))} images"
    if chosen.empty:
        page = Page(1.6, heading, meaning)
        say(page.axes(0.1, 0.5, page.width - 0.2, 1.0), "the list is empty")
        return page.figure
    require_ids(chosen["index"], chosen["id"], samples, "rankings")
    columns = min(columns, len(chosen)) if len(chosen) < 8 else columns
    width = 7.0 * min(1.0, columns / 8) if columns < 8 else 7.0
    digits = ".3f" if score == "cls" else ".2f"
    captions = [
        f"{int(r) + 1} · {v:{digits}}" for r, v in zip(chosen["rank"], chosen[score], strict=True)
    ]
    height = grid_height(images.shape[1:], len(chosen), columns, width, lines=1, size=5)
    page = Page(height + 0.62, heading, f"{meaning}; under each image: rank · {pretty(score)}")
    image_grid(
        page, images[chosen["index"].to_numpy(int)], left=0.1, top=0.5, width=width,
        columns=columns, captions=captions, size=5,
    )  # fmt: skip
    return page.figure


def niche_figure(
    images: np.ndarray,
    samples: pd.DataFrame,
    plane: np.ndarray,
    members: pd.DataFrame,
    profile: pd.DataFrame,
    title: str,
    look: Look,
    *,
    most: int = 6,
    shown: int = 20,
) -> Figure:
    """Low-density sub-niches on the plane, and images of each.

    Args:
        images: uint8 (n, H, W, C).
        samples: ``id`` of each image.
        plane: (n, 2).
        members: ``subniches.parquet``: index, id, niche.
        profile: ``subniche-profile.parquet``: niche, size, mean_cls, mean_uniqueness, … .
        title: Study, seed.
        look: The figure's settings.
        most: Sub-niches with images (the largest).
        shown: Images of each at most.
    """
    same_rows(plane, samples, "plane")
    same_rows(images, samples, "images")
    require_ids(members["index"], members["id"], samples, "subniches")
    found = profile[profile["niche"] >= 0].sort_values("size", ascending=False, kind="stable")
    niches = [int(k) for k in found["niche"].head(most)]
    columns, width = 10, 3.55
    rows = [_some(members, k, shown) for k in niches]
    heights = [grid_height(images.shape[1:], len(r), columns, width) for r in rows]
    body = sum(heights) + 0.33 * len(rows)
    page = Page(
        max(3.55, body + 0.7),
        f"{title} · {len(found)} low-density sub-niche{'s' * (len(found) != 1)}",
        f"UMAP plane; {count(len(members))} of {count(len(samples))} samples lie in a sub-niche",
    )
    ax = page.axes(0.35, 0.65, 2.75, 2.6)
    points(ax, plane, c=FAINT)
    size = max(5.0, point_size(len(plane)))
    for i, niche in enumerate(found["niche"]):
        inside = members.loc[members["niche"] == niche, "index"].to_numpy(int)
        colour = look.colour(i) if i < min(most, len(look.colours)) else INK
        points(ax, plane[inside], c=colour, s=size)
    panel(ax, "a", "sub-niches on the plane" if niches else "no sub-niche found")
    plain(ax, "UMAP 1", "UMAP 2")
    look.limit(ax, "plane")
    top = 0.6
    if not niches:
        say(page.axes(3.5, 0.65, width, 2.6), "no group of low-density samples is large enough")
    for i, (niche, chosen, height) in enumerate(zip(niches, rows, heights, strict=True)):
        row = found.iloc[i]
        text = (
            f"sub-niche {niche} · n = {count(row['size'])} · CLS {row['mean_cls']:.2f} · "
            f"U {row['mean_uniqueness']:.2f} · O {row['mean_originality']:.2f}"
        )
        page.text(3.5, top, text, color=look.colour(i), weight="bold", size="small")
        image_grid(page, images[chosen], left=3.5, top=top + 0.15, width=width, columns=columns)
        top += height + 0.33
    return page.figure


def _some(members: pd.DataFrame, niche: int, shown: int) -> npt.NDArray[np.int64]:
    rows = members.loc[members["niche"] == niche, "index"].to_numpy(np.int64)
    return rows[:shown]


def plot_ranking_grid(
    *,
    images: In,
    samples: In,
    rankings: In,
    title: str,
    names: list[str],
    look: Look,
    columns: int = 15,
) -> Iterator[Figure]:
    """Plot a grid of images with rank and score for each list.

    Args:
        images: .npy uint8 (n, H, W, C), row i = row i of samples.
        samples: .parquet: id.
        rankings: .parquet: list, rank, index, id, cls, originality.
        title: Study and seed.
        look: look of the figures.
        names: the lists: creative, stereotypes, grey or generic.
        columns: images a row.
    """
    pictures, ids, lists = (
        load_npy(images, mmap=True),
        load_table(samples, ["id"]),
        load_table(rankings),
    )
    for name in names:
        yield ranking_grid(pictures, ids, lists, name, title, look, columns=columns)


def plot_subniches(
    *,
    images: In,
    samples: In,
    plane: In,
    subniches: In,
    profile: In,
    title: str,
    look: Look,
    most: int = 6,
) -> Figure:
    """Plot where the sub-niches lie and what is in them.

    Args:
        images: .npy uint8 (n, H, W, C), row i = row i of samples.
        samples: .parquet: id.
        plane: .npy (n, 2), likewise.
        subniches: .parquet: index, id, niche.
        profile: subniche-profile.parquet: niche, size, mean_cls, mean_uniqueness, mean_originality.
        title: Study and seed.
        look: look of the figures.
        most: sub-niches with images, the largest first.
    """
    return niche_figure(
        load_npy(images, mmap=True),
        load_table(samples, ["id"]),
        load_npy(plane),
        load_table(subniches, ["index", "id", "niche"]),
        load_table(profile),
        title,
        look,
        most=most,
    )

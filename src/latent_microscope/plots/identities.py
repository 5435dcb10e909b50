"""Identity consistency: two people's images, where they lie, and whether scores tell them apart."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.io.artefacts import load_npy, load_table
from latent_microscope.plots.galleries import require_ids
from latent_microscope.plots.grids import grid_height, image_grid
from latent_microscope.plots.latent import same_rows
from latent_microscope.plots.style import (
    FAINT,
    MUTED,
    Look,
    Page,
    count,
    panel,
    points,
    pretty,
    say,
)
from latent_microscope.statistics.pca import principal_plane


def two_identities(members: pd.DataFrame) -> list[tuple[str, npt.NDArray[np.int64]]]:
    """Groups whose images are all of one person: (group, rows), at most two."""
    found = []
    for group, table in members.groupby("group", sort=False):
        people = table["identity"].unique()
        if len(people) == 1 and people[0] >= 0:
            found.append((str(group), table["index"].to_numpy(np.int64)))
    return found[:2]


def identities(
    images: np.ndarray,
    samples: pd.DataFrame,
    latents: np.ndarray,
    members: pd.DataFrame,
    groups: pd.DataFrame,
    pairs: pd.DataFrame,
    title: str,
    look: Look,
) -> Figure:
    """Images of two identities, their PCA, scores by group, AUCs of same-identity pairs.

    Args:
        images: uint8 (n, H, W, C).
        samples: ``id`` of each image.
        latents: (n, d).
        members: ``identity-members.parquet``: group, index, id, identity.
        groups: ``identity-groups.parquet``: group, n, score, mean, sd.
        pairs: ``identity-pairs.parquet``: space, auc, low, high, n_same.
        title: Study, seed.
        look: The figure's settings.
    """
    same_rows(latents, samples, "latents")
    same_rows(images, samples, "images")
    require_ids(members["index"], members["id"], samples, "identity-members")
    people = two_identities(members)
    width, columns = 3.35, 10
    heights = [grid_height(images.shape[1:], len(r), columns, width) for _, r in people]
    grid = max(heights, default=0.6)
    page = Page(
        grid + 5.2,
        f"{title} · {count(len(samples))} images",
        "identity consistency: two people with the most images, and all pairs of one identity",
    )
    _photographs(page, images, people, look, width, columns)
    top = grid + 1.1
    height = max(1.55, 0.2 * len(pairs))
    _plane(page.axes(0.5, top, 2.5, 1.75), latents, people, look)
    _aucs(page.axes(4.75, top, 2.3, 1.75), pairs, look)
    scores = list(dict.fromkeys(groups["score"]))
    gap = 0.62
    each = (page.width - 0.6 - gap * (max(len(scores), 1) - 1)) / max(len(scores), 1)
    for k, score in enumerate(scores):
        ax = page.axes(0.5 + k * (each + gap), top + 2.4, each - 0.05, min(height, 1.25))
        _groups(ax, groups[groups["score"] == score], score, look)
        panel(ax, "efghij"[k], f"{pretty(score)}, mean ± sd")
    return page.figure


def _photographs(
    page: Page,
    images: np.ndarray,
    people: list[tuple[str, npt.NDArray[np.int64]]],
    look: Look,
    width: float,
    columns: int,
) -> None:
    if not people:
        say(page.axes(0.1, 0.5, page.width - 0.2, 0.5), "no identity has two images")
    for k, (group, rows) in enumerate(people):
        left = 0.1 + 3.6 * k
        letter = rf"$\bf{{{'ab'[k]}}}$  "
        page.text(left, 0.45, f"{letter}{group}, n = {len(rows)}", color=look.colour(k))
        image_grid(page, images[rows], left=left, top=0.65, width=width, columns=columns)


def _plane(
    ax: Axes,
    latents: np.ndarray,
    people: list[tuple[str, npt.NDArray[np.int64]]],
    look: Look,
) -> None:
    panel(ax, "c", "principal components of the two")
    look.limit(ax, "pca")
    if not people:
        say(ax, "no identity has two images")
        return
    rows = np.concatenate([r for _, r in people])
    plane, shares = principal_plane(np.asarray(latents)[rows])
    start = 0
    for k, (group, own) in enumerate(people):
        points(ax, plane[start : start + len(own)], c=look.colour(k), s=16, label=group,
               marker="os"[k])  # fmt: skip
        start += len(own)
    ax.set(xlabel=f"PC 1 ({shares[0]:.1%})", ylabel=f"PC 2 ({shares[1]:.1%})")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    look.limit(ax, "pca")


def _aucs(ax: Axes, pairs: pd.DataFrame, look: Look) -> None:
    pairs_text = f"{count(pairs['n_same'].max() if len(pairs) else 0)} pairs"
    panel(ax, "d", f"same or different identity, {pairs_text}")
    if pairs.empty:
        say(ax, "no pair of one identity")
        return
    table = pairs.sort_values("auc", kind="stable").reset_index(drop=True)
    ax.axvline(0.5, color=MUTED, lw=0.8, ls=(0, (3, 2)))
    for y, row in enumerate(table.to_dict("records")):
        colour = look.colour(2)
        if np.isfinite(row["low"]) and np.isfinite(row["high"]):
            ax.plot([row["low"], row["high"]], [y, y], color=colour, lw=1.6)
        ax.plot(row["auc"], y, "o", color=colour, ms=4, mew=0)
    ax.set_yticks(range(len(table)), [pretty(s) for s in table["space"]])
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", color=FAINT, lw=0.5)
    ax.set_axisbelow(True)
    ax.set_ylim(-0.6, len(table) - 0.4)
    ends = table[["auc", "low", "high"]].to_numpy(float)
    ax.set_xlim(min(0.45, np.nanmin(ends) - 0.02), max(0.75, np.nanmax(ends) + 0.02))
    ax.set_xlabel("AUC with 95% interval")
    look.limit(ax, "auc")


def _groups(ax: Axes, table: pd.DataFrame, score: str, look: Look) -> None:
    for x, row in enumerate(table.to_dict("records")):
        colour = look.colour(x) if x < 2 else MUTED
        ax.errorbar(
            x, row["mean"], yerr=row["sd"], fmt="o", ms=4.5, color=colour, lw=1.2, capsize=2.5
        )
    ax.set_xlim(-0.6, len(table) - 0.4)
    labels = [f"{pretty(g)}\n(n = {n})" for g, n in zip(table["group"], table["n"], strict=True)]
    ax.set_xticks(range(len(table)), labels, size=5.5)
    ax.set_ylabel(pretty(score))
    look.limit(ax, score)


def plot_identities(
    *,
    images: In,
    samples: In,
    latents: In,
    members: In,
    groups: In,
    pairs: In,
    title: str,
    look: Look,
) -> Figure:
    """Plot whether images of one person lie together and score alike.

    Args:
        images: .npy uint8 (n, H, W, C), row i = row i of samples.
        samples: .parquet: id.
        latents: .npy (n, d), likewise.
        members: identity-members.parquet: group, index, id, identity.
        groups: identity-groups.parquet: group, n, score, mean, sd.
        pairs: identity-pairs.parquet: space, auc, low, high, n_same.
        title: Study and seed.
        look: look of the figures.
    """
    return identities(
        load_npy(images, mmap=True),
        load_table(samples, ["id"]),
        load_npy(latents),
        load_table(members, ["group", "index", "id", "identity"]),
        load_table(groups, ["group", "n", "score", "mean", "sd"]),
        load_table(pairs, ["space", "auc", "low", "high", "n_same"]),
        title,
        look,
    )

"""Figures with images: ranked lists, sub-niches, a cluster and its control, identities."""

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.io.artefacts import load_table
from latent_microscope.io.inputs import joined
from latent_microscope.plots import style
from latent_microscope.plots.grids import Grid
from latent_microscope.plots.latent import choose_cluster, label_components
from latent_microscope.plots.maps import ALL_NOISE, require_ids, rows_of
from latent_microscope.plots.panels import estimate, name_rows, reference
from latent_microscope.plots.style import FAINT, INK, MUTED, Look, Page, count, pretty
from latent_microscope.seeds import rng
from latent_microscope.statistics.pca import principal_plane

Rows = npt.NDArray[np.int64]
_CAPTION = "U {uniqueness:.3g} O {originality:.3g}\nS {stability:.4f} CLS {cls:.2f}"
Person = tuple[str, Rows]  # a group of images of one person, and its rows
LISTS = {
    "creative": ("creative frontier", "highest creative latent score (CLS)", "cls"),
    "stereotypes": ("stereotypes", "lowest originality", "originality"),
    "grey": ("grey region", "samples outside every cluster, highest CLS", "cls"),
    "generic": ("generic subset", "uniqueness and originality below their 25th percentile", "cls"),
}


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
    """Images of each ranked list (creative, stereotypes, grey, generic) with rank and score."""
    ids = load_table(samples, ["id"])
    pictures = rows_of(images, ids)
    look.panels.add("images")
    table = load_table(rankings)
    for name in names:
        chosen = table[table["list"] == name].sort_values("rank", kind="stable")
        require_ids(chosen["index"], chosen["id"], ids, "rankings")
        yield _ranked(pictures, chosen, name, title, columns)


def _ranked(
    images: np.ndarray, chosen: pd.DataFrame, name: str, title: str, columns: int
) -> Figure:
    label, meaning, score = LISTS.get(name, (name, "", "cls"))
    heading = f"{title} · {label} · n = {count(len(chosen))} images"
    if chosen.empty:
        return style.nothing(heading, "the list is empty", meaning)
    columns = min(columns, len(chosen)) if len(chosen) < 8 else columns
    width = 7.0 * min(1.0, columns / 8)
    digits = ".3f" if score == "cls" else ".2f"
    ranks = zip(chosen["rank"], chosen[score], strict=True)
    captions = [f"{int(rank) + 1} · {value:{digits}}" for rank, value in ranks]
    grid = Grid(images[chosen["index"].to_numpy(int)], columns, width, captions, size=5)
    page = Page(grid.height + 0.62, heading, f"{meaning}; under each image: rank · {pretty(score)}")
    grid.draw(page, 0.1, 0.5)
    return page.figure


def plot_subniches(
    *,
    images: In,
    samples: In,
    umap: In,
    subniches: In,
    profile: In,
    title: str,
    look: Look,
    most: int = 6,
) -> Figure:
    """Where the low-density sub-niches lie on the UMAP, and images of the largest ones."""
    ids, members = load_table(samples, ["id"]), load_table(subniches, ["index", "id", "niche"])
    pictures, xy = rows_of(images, ids), rows_of(umap, ids)
    require_ids(members["index"], members["id"], ids, "subniches")
    found = load_table(profile)
    found = found[found["niche"] >= 0].sort_values("size", ascending=False, kind="stable")
    inside = {
        int(k): members.loc[members["niche"] == k, "index"].to_numpy(int) for k in found["niche"]
    }
    shown = {k: Grid(pictures[inside[k][:20]], 10, 3.55) for k in list(inside)[:most]}
    page = Page(
        max(3.55, sum(grid.height + 0.33 for grid in shown.values()) + 0.7),
        f"{title} · {style.several(len(found), 'low-density sub-niche')}",
        f"{count(len(members))} of n = {count(len(ids))} samples in a sub-niche; numbers: means"
        + style.part_of(len(shown), len(found), "sub-niches with images"),
    )
    ax = page.axes(0.35, 0.65, 2.75, 2.6)
    style.points(ax, xy, c=FAINT)
    for i, rows in enumerate(inside.values()):
        colour = look.colour(i) if i < min(most, len(look.colours)) else INK
        style.points(ax, xy[rows], c=colour, s=max(5.0, style.point_size(len(xy))))
    style.plain(ax, "UMAP 1", "UMAP 2")
    look.panel(ax, "umap", "a", "sub-niches on the UMAP" if shown else "no sub-niche found")
    if not shown:
        style.say(
            page.axes(3.5, 0.65, 3.55, 2.6), "no group of low-density samples is large enough"
        )
    top = 0.6
    for i, (niche, grid) in enumerate(shown.items()):
        row = found.iloc[i]
        text = (
            f"sub-niche {niche} · n = {count(row['size'])} · CLS {row['mean_cls']:.2f} · "
            f"U {row['mean_uniqueness']:.2f} · O {row['mean_originality']:.2f}"
        )
        page.text(3.5, top, text, color=look.colour(i), weight="bold", size="small")
        grid.draw(page, 3.5, top + 0.15)
        top += grid.height + 0.33
    return page.figure


def plot_cluster_control(
    *,
    images: In,
    scores: In,
    clusters: In,
    title: str,
    look: Look,
    measured: list[str],
    cluster: int | None = None,
    shown: int = 25,
    root_seed: int = 0,
) -> Figure:
    """Images of a cluster (default: the largest) beside random others, and the scores of both.

    ``root_seed`` draws at most ``shown`` images of either group.
    """
    table = joined(scores, clusters, (measured, ["cluster"]))
    pictures = rows_of(images, table)
    look.panels.update(measured)
    chosen = choose_cluster(table["cluster"], cluster)
    if chosen is None:
        return style.nothing(f"{title} · no cluster", ALL_NOISE)
    draws = rng(root_seed, "plot_cluster_control")
    inside = (table["cluster"] == chosen).to_numpy()
    groups = [np.flatnonzero(inside), np.flatnonzero(~inside)]
    sizes = [f"n = {count(len(rows))}" for rows in groups]
    names = [f"cluster {chosen}, {sizes[0]}", f"control: random others, of {sizes[1]}"]
    drawn = [np.sort(draws.permutation(rows)[:shown]) for rows in groups]
    captions = [
        [_CAPTION.format_map(row) for row in table.iloc[rows].to_dict("records")] for rows in drawn
    ]
    grids = [Grid(pictures[r], 5, 3.3, c, 2, 5) for r, c in zip(drawn, captions, strict=True)]
    height = max(grid.height for grid in grids)
    page = Page(
        height + 2.65,
        f"{title} · cluster {chosen} and a random control",
        "under each image: U uniqueness, O originality, S stability, CLS; below: density, median "
        "and quartiles of all n images of the group",
    )
    for k, (grid, left) in enumerate(zip(grids, (0.15, 3.75), strict=True)):
        page.text(left, 0.5, names[k], color=look.colour(k), weight="bold")
        grid.draw(page, left, 0.7)
    for k, column in enumerate(measured):
        ax = page.axes(0.5 + 1.75 * k, height + 1.05, 1.25, 1.2)
        values = table[column].to_numpy(float)
        _violins(ax, [values[rows] for rows in groups], look)
        ax.set_xticks([0, 1], [f"cluster {chosen}", "others"])
        look.panel(ax, column, "abcd"[k], pretty(column))
    return page.figure


def _violins(ax: Axes, groups: Sequence[np.ndarray], look: Look) -> None:
    for place, values in enumerate(groups):
        if len(values) == 0:
            continue
        colour = look.colour(place)
        if len(values) > 1 and np.ptp(values) > 0:
            made: dict[str, Any] = ax.violinplot(values, [place], widths=0.8, showextrema=False)
            made["bodies"][0].set(facecolor=colour, alpha=0.45, linewidth=0)
        low, middle, high = np.percentile(values, [25, 50, 75])
        ax.plot([place, place], [low, high], color=colour, lw=2.5, solid_capstyle="butt")
        ax.plot(place, middle, "o", ms=3.5, mfc="white", mec=colour, mew=1)
    ax.set_xlim(-0.6, 1.6)
    ax.tick_params(axis="x", labelsize=matplotlib.rcParams["font.size"] - 1, length=0)


def two_identities(members: pd.DataFrame) -> list[Person]:
    """Groups whose images are all of one person, at most two."""
    found = []
    for group, table in members.groupby("group", sort=False):
        people = table["identity_name"].unique()
        if len(people) == 1 and people[0]:
            found.append((f"{group}: {people[0]}", table["index"].to_numpy(np.int64)))
    return found[:2]


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
    """Whether images of one person lie together in the latent space and have similar scores."""
    ids = load_table(samples, ["id"])
    pictures, codes = rows_of(images, ids), rows_of(latents, ids)
    belongs = load_table(members, ["group", "index", "id", "identity_name"])
    scored = load_table(groups, ["group", "n", "score", "mean", "sd"])
    require_ids(belongs["index"], belongs["id"], ids, "identity-members")
    people = two_identities(belongs)
    grids = [Grid(pictures[rows], 10, 3.35) for _, rows in people]
    height = max((grid.height for grid in grids), default=0.6)
    page = Page(
        height + 5.34,
        f"{title} · n = {count(len(ids))} images",
        "identity consistency: the two persons with the most images, and all pairs of one identity",
    )
    if not people:
        style.say(page.axes(0.1, 0.5, page.width - 0.2, 0.5), "no identity has two images")
    for k, (group, rows) in enumerate(people):
        text = rf"$\bf{{{'ab'[k]}}}$  {group}, n = {len(rows)}"
        page.text(0.1 + 3.6 * k, 0.45, text, color=look.colour(k))
        grids[k].draw(page, 0.1 + 3.6 * k, 0.65)
    _two_people(page.axes(0.5, height + 1.1, 2.5, 1.75), codes, people, look)
    table = load_table(pairs, ["space", "auc", "low", "high", "n_same", "n_same_all", "status"])
    _aucs(page.axes(4.75, height + 1.1, 2.3, 1.75), table, look)
    scores = list(dict.fromkeys(scored["score"]))
    step = (page.width + 0.02) / max(len(scores), 1)
    for k, score in enumerate(scores):
        ax = page.axes(0.5 + k * step, height + 3.64, step - 0.67, 1.25)
        _by_group(ax, scored[scored["score"] == score], look)
        title = f"{pretty(score)}, mean ± sd"
        look.panel(ax, score, "efghij"[k], title, ylabel=pretty(score))
    return page.figure


def _two_people(ax: Axes, latents: np.ndarray, people: Sequence[Person], look: Look) -> None:
    if people:
        rows = [rows for _, rows in people]
        plane, shares = principal_plane(latents[np.concatenate(rows)])
        parts = np.split(plane, np.cumsum([len(one) for one in rows])[:-1])
        for k, ((group, _), own) in enumerate(zip(people, parts, strict=True)):
            style.points(ax, own, c=look.colour(k), s=16, label=group, marker="os"[k])
        label_components(ax, shares)
        ax.margins(y=0.2)
        ax.legend(loc="upper left", ncols=2, columnspacing=1.0)
    else:
        style.say(ax, "no identity has two images")
    look.panel(ax, "pca", "c", "principal components of the two")


def _aucs(ax: Axes, pairs: pd.DataFrame, look: Look) -> None:
    used, every = pairs[["n_same", "n_same_all"]].max().fillna(0)
    n = count(used) if used == every else f"{count(used)} of {count(every)}"
    title = f"same or different identity, n = {n} same"
    if pairs.empty:
        style.say(ax, "no pair of one identity")
        look.panel(ax, "auc", "d", title)
        return
    table = pairs.sort_values("auc", ascending=False, kind="stable")
    reference(ax, x=0.5)
    for y, row in enumerate(table.to_dict("records")):
        estimate(ax, y, row["auc"], (row["low"], row["high"]), look.colour(2), lw=1.6)
    name_rows(ax, [pretty(space) for space in table["space"]])
    ends = table[["auc", "low", "high"]].to_numpy(float)
    ax.set_xlim(min(0.45, np.nanmin(ends) - 0.02), max(0.75, np.nanmax(ends) + 0.02))
    missing = table.loc[table["status"] != "", "status"]
    about = "AUC with 95 % interval (0.5: chance)"
    if len(missing):
        about = "\n".join(["AUC (0.5: chance)", *wrap(f"interval {missing.iloc[0]}", 42)])
    look.panel(ax, "auc", "d", title, xlabel=about)


def _by_group(ax: Axes, table: pd.DataFrame, look: Look) -> None:
    for x, (mean, sd) in enumerate(table[["mean", "sd"]].to_numpy(float)):
        colour = look.colour(x) if x < 2 else MUTED
        ax.errorbar(x, mean, yerr=sd, fmt="o", ms=4.5, color=colour, lw=1.2, capsize=2.5)
    ax.set_xlim(-0.6, len(table) - 0.4)
    labels = [f"{pretty(g)}\n(n = {n})" for g, n in zip(table["group"], table["n"], strict=True)]
    ax.set_xticks(range(len(table)), labels, size=5.5)

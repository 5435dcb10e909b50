"""Pairs of images side by side: the most similar latents, near-duplicates and near matches."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.plots import style
from latent_microscope.plots.grids import Grid
from latent_microscope.plots.maps import require_ids, rows_of
from latent_microscope.plots.style import INK, MUTED, Look, Page, count

Rows = npt.NDArray[np.int64]


def _side_by_side(images: np.ndarray, first: Rows, second: Rows) -> np.ndarray:
    """Both images of each pair (m, H, 2 W + 1, C) with a white line between them."""
    line = np.full((len(first), images.shape[1], 1, images.shape[3]), 255, dtype=np.uint8)
    return np.concatenate([images[first], line, images[second]], axis=2)


def plot_overlaps(
    *, images: In, overlaps: In, samples: In, summary: In, title: str, look: Look, shown: int = 12
) -> Figure:
    """The pairs of samples whose latents have the highest cosine similarity, side by side."""
    table = load_table(samples)
    pictures = rows_of(images, table)
    look.panels.add("pairs")
    quantities = load_table(summary, ["quantity", "value"]).set_index("quantity")["value"]
    heading = f"{title} · {count(quantities['overlaps_total'])} overlapping pairs"
    pairs = load_table(overlaps).head(shown)
    if pairs.empty:
        return style.nothing(heading, "no pair above the similarity threshold")
    first, second = pairs["i"].to_numpy(int), pairs["j"].to_numpy(int)
    for index, column in ((first, "id_i"), (second, "id_j")):
        require_ids(index, pairs[column], table, f"overlaps: {column}")
    names = table["kind" if "kind" in table else "id"].to_numpy()
    captions = [
        f"cos {similarity:.6f}  d {distance:.2g}\n{a} – {b}"
        for similarity, distance, a, b in zip(
            pairs["similarity"], pairs["distance"], names[first], names[second], strict=True
        )
    ]
    both = _side_by_side(pictures, first, second)
    columns = 3 if both.shape[2] > 3 * both.shape[1] else 4
    grid = Grid(both, columns, 7.0, captions, lines=2, size=6)
    note = f"the {len(pairs)} most similar; cos: cosine of the latents, d: distance of the latents"
    page = Page(grid.height + 0.6, heading, note)
    grid.draw(page, 0.1, 0.5)
    return page.figure


def plot_duplicates(
    *,
    images: In,
    samples: In,
    pairs: In,
    title: str,
    look: Look,
    shown: int = 24,
    near_matches: int = 8,
) -> Figure:
    """Near-duplicates of the study's list, and below them near matches, side by side."""
    look.panels.add("pairs")
    ids, table = load_table(samples, ["id"]), load_table(pairs)
    pictures = rows_of(images, ids)
    row_of = pd.Series(np.arange(len(ids)), index=ids["id"].astype("str"))
    near = table["verdict"] == "near match"
    same, close = table[~near], table[near]
    parts = {
        "near-duplicates, by the difference of the aligned images": same.head(shown),
        "near matches: closest in the latents, different photographs": close.head(near_matches),
    }
    compared = int(table["compared"].max()) if len(table) else 0
    grids = []
    for part in parts.values():
        both = _side_by_side(pictures, *(_rows_of(part[c], row_of) for c in ("id_i", "id_j")))
        colours = [look.colour(4) if match == "no" else INK for match in part["same"]]
        captions = [_pair_text(row) for row in part.to_dict("records")]
        grids.append(Grid(both, 4, 7.0, captions, 4, look.font_size - 1.7, colours))
    heights = [grid.height or 0.3 for grid in grids]
    counts = [
        f"{len(grid.images)} of {count(len(every))}"
        for grid, every in zip(grids, (same, close), strict=True)
    ]
    page = Page(
        1.19 + sum(heights),
        f"{title} · {count(len(same))} near-duplicate pairs of {count(same['group'].nunique())} "
        "photographs",
        f"δ: difference of the aligned images, c: cosine of the latents; {counts[0]} and "
        f"{counts[1]} pairs shown, of {count(compared)} compared; orange: labels differ",
    )
    top = 0.5
    for name, grid, height, letter in zip(parts, grids, heights, "ab", strict=True):
        page.text(0.1, top, style.lettered(letter, name))
        grid.draw(page, 0.1, top + 0.22)
        if not grid.rows:
            page.text(0.1, top + 0.22, "none", color=MUTED)
        top += height + 0.32
    return page.figure


def _rows_of(ids: pd.Series, row_of: pd.Series) -> Rows:
    unknown = ids[~ids.isin(row_of.index)]
    if len(unknown):
        raise InputError(f"duplicates: the id {unknown.iloc[0]!r} is not among the samples")
    return row_of[ids].to_numpy(np.int64)


def _pair_text(row: Any) -> str:
    a, b = row["label_i"], row["label_j"]
    labels = {"yes": f"both {a}", "no": f"{a} ≠ {b}", "unknown": "label unknown"}[row["same"]]
    gap = "" if np.isnan(row["difference"]) else f"δ {row['difference']:.3f}  "
    return (
        f"{row['id_i']} · {row['id_j']}\n{gap}c {row['similarity_mean']:.2f}\n"
        f"{row['relation'] or 'different'}\n{labels}"
    )

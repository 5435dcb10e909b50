"""Ranked lists of a page: rows of images, best first, with what they are ranked by."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.explorer.arrays import packed

LENGTH = 100
"""Images of a list that is made here; those of the study's table keep their length."""
_TITLES = {
    "creative": "creative frontier (highest CLS)",
    "stereotypes": "stereotypes (lowest originality)",
    "grey": "grey region (highest CLS in the noise)",
    "generic": "generic (low uniqueness and originality)",
}
# Column → title of the list of its largest values.
_LARGEST = {
    "uniqueness": "most unique",
    "originality": "most original",
    "human_entropy": "most disputed among people (entropy of their votes)",
}


def ranked_lists(
    rankings: pd.DataFrame | None, columns: dict[str, np.ndarray], place: dict[str, int]
) -> Iterator[dict[str, Any]]:
    """Lists of single images.

    Args:
        rankings: ``list``, ``rank``, ``id`` of the study's lists.
        columns: n values a column; those of :data:`_LARGEST` and of disputes are ranked.
        place: Row of each id.

    Yields:
        ``title``, ``rows`` and the column ``by`` that they are ranked by.

    Raises:
        InputError: A list holds an id that the study lacks.
    """
    for name, title in _LARGEST.items():
        if name in columns:
            yield _list(title, largest(columns[name]), name)
    if rankings is not None:
        by = {"stereotypes": "originality"}
        for key, part in rankings.groupby("list", sort=False):
            rows = rows_of(part.sort_values("rank")["id"], place, "rankings")
            yield _list(_TITLES.get(str(key), str(key)), rows, by.get(str(key), "cls"))
    for name in columns:
        if name.startswith("divergence: "):
            model = name.removeprefix("divergence: ")
            yield _list(f"people against {model}", largest(columns[name]), name)


def largest(values: np.ndarray) -> np.ndarray:
    """Rows of the largest values, ties by row; NaN are left out."""
    order = np.argsort(-np.asarray(values, dtype=np.float64), kind="stable")
    return order[np.isfinite(values[order])][:LENGTH]


def _list(title: str, rows: np.ndarray, by: str) -> dict[str, Any]:
    return {"title": title, "by": by, "rows": packed(rows)}


def pair_list(pairs: pd.DataFrame, place: dict[str, int]) -> dict[str, Any]:
    """Near-duplicates in the order of their table.

    Args:
        pairs: ``id_i``, ``id_j``, ``similarity`` and, where photographs were compared,
            ``verdict``.
        place: Row of each id.

    Returns:
        ``rows`` (of both of each pair in turn), ``similarity``, ``verdicts``, ``total``.
    """
    total = len(pairs)
    pairs = pairs.head(2 * LENGTH)
    rows = rows_of(pairs[["id_i", "id_j"]].to_numpy().ravel(), place, "duplicates")
    verdicts = pairs["verdict"].astype(str).tolist() if "verdict" in pairs else []
    similarity = packed(pairs["similarity"].to_numpy(dtype=np.float64))
    return {"rows": packed(rows), "similarity": similarity, "verdicts": verdicts, "total": total}


def rows_of(ids: Any, place: dict[str, int], name: str) -> np.ndarray:
    """Rows of ids.

    Raises:
        InputError: An id is not among those of the study.
    """
    ids = [str(value) for value in ids]
    unknown = [value for value in ids if value not in place]
    if unknown:
        raise InputError(f"{name}: the id {unknown[0]!r} is not among the samples of the study")
    return np.array([place[value] for value in ids], dtype=np.int64)

"""Ranked lists of a page: rows of images, best first, and the column that they are ranked by."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.explorer.columns import packed

LENGTH = 100
"""Images of a list that is computed here; those of the study's table keep their length."""
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
    "human_entropy": "most disputed among annotators (entropy of the votes)",
}


def ranked_lists(
    rankings: pd.DataFrame | None, columns: dict[str, np.ndarray], place: dict[str, int]
) -> Iterator[dict[str, Any]]:
    """Lists of images: the largest values of some columns, and the study's ``list, rank, id``.

    Yields:
        ``title``, ``rows`` and the column ``by`` that they are ranked by.
    """
    for name, title in _LARGEST.items():
        if name in columns:
            yield _list(title, largest(columns[name]), name)
    if rankings is not None:
        for key, part in rankings.groupby("list", sort=False):
            rows = rows_of(part.sort_values("rank")["id"], place, "rankings")
            by = "originality" if key == "stereotypes" else "cls"
            yield _list(_TITLES.get(str(key), str(key)), rows, by)
    for name in columns:
        if name.startswith("divergence: "):
            title = f"annotators against {name.removeprefix('divergence: ')}"
            yield _list(title, largest(columns[name]), name)


def largest(values: np.ndarray) -> np.ndarray:
    """Rows of the largest values, ties by row; NaN are left out."""
    order = np.argsort(-np.asarray(values, dtype=np.float64), kind="stable")
    return order[np.isfinite(values[order])][:LENGTH]


def _list(title: str, rows: np.ndarray, by: str) -> dict[str, Any]:
    return {"title": title, "by": by, "rows": packed(rows)}


def pair_list(pairs: pd.DataFrame, place: dict[str, int]) -> dict[str, Any]:
    """Near-duplicates in the order of their table: ``id_i``, ``id_j``, ``similarity``, ``verdict``.

    ``relation``, if it is there, is told with the verdict.

    ``rows`` (of both of each pair in turn), ``similarity``, ``verdicts`` (if any), ``total``.
    """
    total = len(pairs)
    pairs = pairs.head(2 * LENGTH)
    rows = rows_of(pairs[["id_i", "id_j"]].to_numpy().ravel(), place, "duplicates")
    told = [pairs[name].astype(str) for name in ("verdict", "relation") if name in pairs]
    verdicts = [": ".join(filter(None, words)) for words in zip(*told, strict=True)]
    similarity = packed(pairs["similarity"].to_numpy(dtype=np.float64))
    return {"rows": packed(rows), "similarity": similarity, "verdicts": verdicts, "total": total}


def rows_of(ids: Any, place: dict[str, int], name: str) -> np.ndarray:
    """Rows of ids; one that is not among those of the study is an error."""
    ids = [str(value) for value in ids]
    unknown = [value for value in ids if value not in place]
    if unknown:
        raise InputError(f"{name}: the id {unknown[0]!r} is not among the samples of the study")
    return np.array([place[value] for value in ids], dtype=np.int64)

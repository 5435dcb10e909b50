"""A user's matrices of human dissimilarities."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import squareform

from latent_microscope.custom.arrays import array_of, read_ids, read_rows
from latent_microscope.custom.attributes import column_of
from latent_microscope.custom.meaning import (
    kind_of_square,
    side_of_condensed,
    tolerance,
    whole_square,
)
from latent_microscope.custom.tables import clean_ids, is_table, read_table
from latent_microscope.errors import InputError
from latent_microscope.files.contents import Contents, open_contents
from latent_microscope.similarity.rdms import RDM

Ids = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Square:
    """Dissimilarities given by annotators."""

    ids: Ids | None  # None: the file has none
    values: Floats  # (observers, n, n), symmetric, zero on the diagonal
    path: Path = Path("dissimilarities")  # the file


def read_square(path: Path, settings: Mapping[str, Any], ids: Path | None = None) -> Square:
    """Read dissimilarities of any format: a square matrix, one per observer, or condensed ones.

    Shapes (n, n), (observers, n, n), (n(n-1)/2) or (observers, n(n-1)/2); of a square table the
    first column and the header hold the ids. One triangle and missing pairs (NaN) are allowed.
    ``settings``: ``array``; ``similarity``: the matrix holds similarities s, of which 1 - s is
    taken, whatever the diagonal; ``ids``: file of the ids of the rows.

    Raises:
        InputError: Not symmetric, not square, negative, similarities that are not declared, or
            pairs that are all missing or all equal.
    """
    names: Ids | None = None
    contents = open_contents(path)
    if is_square_table(contents):
        values, names = _from_table(path)
    elif is_table(contents):
        rows = read_rows(path, array=settings.get("array"))
        values, names = rows.values, rows.ids
    else:
        values, names = array_of(path, settings.get("array"), (2, 3), _samples)
    if ids is not None:
        names = read_ids(ids)
    if values.dtype.kind not in "fiub" or values.ndim not in (1, 2, 3) or not values.size:
        raise InputError(f"{path}: {values.dtype} of shape {values.shape}; give a square matrix")
    if _is_condensed(values):
        values = _squares(np.atleast_2d(values), side_of_condensed(values.shape[-1]), path)
    cube = values if values.ndim == 3 else values[None]
    if cube.shape[1] != cube.shape[2]:
        raise InputError(f"{path}: has the shape {values.shape}; it must be square")
    if names is not None and len(names) != cube.shape[1]:
        raise InputError(f"{path}: {len(names)} ids for {cube.shape[1]} rows")
    limit = tolerance(cube.dtype)
    cube = cube.astype(np.float64)
    similar = bool(settings.get("similarity"))
    if similar:
        cube = 1.0 - np.stack([whole_square(one) for one in cube])
        cube[:, np.eye(cube.shape[1], dtype=bool)] = 0.0
    square = Square(names, _checked(cube, limit, names, path, similar), path)
    _pairs(square, np.arange(cube.shape[1]))
    return square


def is_square_table(contents: Contents) -> bool:
    """Whether a table has its header's ids in its first column, too."""
    if not is_table(contents):
        return False
    first, *names = contents.entries
    texts = contents.entries[first]
    if texts.unusable or texts.shape != (len(names),):
        return False
    head, side = clean_ids(names, contents.path), clean_ids(texts.as_ids(), contents.path)
    if sorted(head) == sorted(side) and (head != side).any():
        raise InputError(
            f"{contents.path}: header and first column must contain the same ids in the same order"
        )
    return bool((head == side).all())


def _is_condensed(values: np.ndarray) -> bool:
    square = values.ndim == 2 and values.shape[0] == values.shape[1]
    pairs = side_of_condensed(values.shape[-1]) is not None
    return values.ndim == 1 or (values.ndim == 2 and not square and pairs)


def _samples(values: np.ndarray) -> int:
    side = side_of_condensed(values.shape[-1]) if _is_condensed(values) else None
    return side or values.shape[-1]


def _squares(condensed: np.ndarray, side: int | None, path: Path) -> Floats:
    if side is None:
        raise InputError(
            f"{path}: {condensed.shape[1]} numbers are no n(n-1)/2 pairs of n samples; give a "
            "square matrix"
        )
    return np.stack([squareform(one.astype(np.float64), checks=False) for one in condensed])


def _from_table(path: Path) -> tuple[np.ndarray, Ids]:
    table = read_table(path)
    side = clean_ids(table.iloc[:, 0], path)
    columns = [column_of(table, str(name)).numbers for name in table.columns[1:]]
    return np.stack(columns, axis=1), side


def _checked(cube: Floats, limit: float, ids: Ids | None, path: Path, similar: bool) -> Floats:
    """Both triangles, and zeros on the diagonal; ``similar``: the file has 1 minus these."""

    def name(row: int) -> str:
        return repr(str(row) if ids is None else str(ids[row]))

    if not similar and kind_of_square(cube) == "similarity":
        raise InputError(
            f"{path}: similarities (symmetric, the same on the whole diagonal); set `similarity: "
            "true` to take 1 - s, or give dissimilarities"
        )
    cube = np.stack(
        [whole_square(one) if kind_of_square(one) == "triangle" else one for one in cube]
    )
    cube = np.where(np.isnan(cube), cube.transpose(0, 2, 1), cube)  # missing on one side only
    turned, itself = cube.transpose(0, 2, 1), np.eye(cube.shape[1], dtype=bool)
    scale = limit * max(float(np.nanmax(np.abs(cube), initial=0.0)), 1e-300)
    infinite = np.isinf(cube)
    known = np.where(infinite, 0.0, cube)
    below = (
        "is above 1; divide similarities by their largest"
        if similar
        else ("is negative; give dissimilarities, not similarities")
    )
    mistakes = {
        "is not finite; give a number, or leave the cell empty if nobody judged the pair": infinite,
        below: cube < -scale,
        "differs from that of the transpose; average both if that is intended": (
            np.abs(known - known.transpose(0, 2, 1)) > scale
        ),
        "is not 0; convert similarities to dissimilarities first": itself & (cube > scale),
    }
    for what, wrong in mistakes.items():
        if wrong.any():
            observer, i, j = np.argwhere(wrong)[0]
            found = cube[observer, i, j]
            value = f"{1.0 - found if similar else found:g}"
            raise InputError(f"{path}: the value of {name(i)} and {name(j)}, {value}, {what}")
    cube = np.maximum((cube + turned) / 2, 0.0)
    cube[:, itself] = 0.0
    return cube


def _pairs(square: Square, order: npt.NDArray[np.int64]) -> list[np.ndarray]:
    """The dissimilarities of these rows by each observer, condensed; two of each must differ."""
    upper = np.triu_indices(len(order), 1)
    found = [one[np.ix_(order, order)][upper] for one in square.values]
    for observer, values in enumerate(found):
        known = values[np.isfinite(values)]
        if known.size and known.min() < known.max():
            continue
        what = f"all known pairs have the value {known[0]:g}" if known.size else "no pair is known"
        who, do = (f"observer {observer}: ", "leave it out") if len(found) > 1 else ("", "check it")
        raise InputError(
            f"{square.path}: {who}{what}, so that there is nothing to compare models with; {do}"
        )
    return found


def condensed(square: Square, order: npt.NDArray[np.int64], ids: Ids) -> list[RDM]:
    """One RDM per observer of the samples at these rows."""
    return [RDM(values, ids.astype(str), "people") for values in _pairs(square, order)]

"""A user's matrices of human dissimilarities, and the similarity of models to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

from latent_microscope.custom.arrays import array_of, read_ids
from latent_microscope.custom.attributes import column_of
from latent_microscope.custom.tables import TABLE_ENDINGS, clean_ids, read_table
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy
from latent_microscope.similarity.bootstrap import bootstrap_compare
from latent_microscope.similarity.comparison import compare, partial_compare, rank_rdm
from latent_microscope.similarity.rdms import RDM

METHODS = ("spearman", "pearson", "rho-a")
_TOLERANCE = 1e-5  # of the largest value: files are often rounded
Ids = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Square:
    """Dissimilarities given by annotators."""

    ids: Ids | None  # None: the file has none
    values: Floats  # (observers, n, n), symmetric, zero on the diagonal


def read_square(path: Path, settings: Mapping[str, Any], ids: Path | None = None) -> Square:
    """Read a square matrix, or one per observer.

    Args:
        path: ``.npy`` or ``.npz`` of shape (n, n) or (observers, n, n), or a table whose first
            column and header hold the ids.
        settings: ``array`` of an ``.npz``.
        ids: File of the ids of its rows.
    """
    names: Ids | None = None
    if path.suffix == ".npy":
        values = load_npy(path)
    elif path.suffix == ".npz":
        values, names = array_of(path, settings.get("array"), dimensions=(2, 3))
    elif path.suffix.lower() in TABLE_ENDINGS:
        values, names = _from_table(path)
    else:
        raise InputError(
            f"{path}: unknown kind of file; give .npy, .npz or {', '.join(TABLE_ENDINGS)}"
        )
    if ids is not None:
        names = read_ids(ids)
    if values.dtype.kind not in "fiu" or values.ndim not in (2, 3) or not values.size:
        raise InputError(f"{path}: {values.dtype} of shape {values.shape}; give a square matrix")
    cube = np.atleast_3d(values) if values.ndim == 3 else values[None]
    if cube.shape[1] != cube.shape[2]:
        raise InputError(f"{path}: has the shape {values.shape}; it must be square")
    if names is not None and len(names) != cube.shape[1]:
        raise InputError(f"{path}: {len(names)} ids for {cube.shape[1]} rows")
    return Square(names, _checked(cube.astype(np.float64), names, path))


def _from_table(path: Path) -> tuple[np.ndarray, Ids]:
    table = read_table(path)
    head = clean_ids([str(name) for name in table.columns[1:]], path)
    side = clean_ids(table.iloc[:, 0], path)
    if len(head) != len(side) or (head != side).any():
        raise InputError(
            f"{path}: header and first column must contain the same ids in the same order"
        )
    columns = [column_of(table, str(name)).numbers for name in table.columns[1:]]
    return np.stack(columns, axis=1), side


def _checked(cube: Floats, ids: Ids | None, path: Path) -> Floats:
    def name(row: int) -> str:
        return repr(str(row) if ids is None else str(ids[row]))

    if not np.isfinite(cube).all():
        _, i, j = np.argwhere(~np.isfinite(cube))[0]
        raise InputError(f"{path}: the value of {name(i)} and {name(j)} is empty or not finite")
    if cube.min() < 0:
        _, i, j = np.argwhere(cube < 0)[0]
        raise InputError(
            f"{path}: the value of {name(i)} and {name(j)} is negative (minimum {cube.min():g}); "
            "give dissimilarities, not similarities"
        )
    scale = _TOLERANCE * max(float(cube.max()), 1e-300)
    gap = np.abs(cube - cube.transpose(0, 2, 1))
    if gap.max() > scale:
        _, i, j = np.unravel_index(int(gap.argmax()), gap.shape)
        raise InputError(
            f"{path}: is not symmetric: {name(int(i))} and {name(int(j))} differ by "
            f"{gap.max():g}; average it with its transpose if that is intended"
        )
    diagonal = np.abs(np.diagonal(cube, axis1=1, axis2=2))
    if diagonal.max() > scale:
        row = int(diagonal.max(axis=0).argmax())
        raise InputError(
            f"{path}: {name(row)} is {diagonal.max():g} from itself; convert similarities to "
            "dissimilarities first"
        )
    return (cube + cube.transpose(0, 2, 1)) / 2


def condensed(square: Square, order: npt.NDArray[np.int64], ids: Ids) -> list[RDM]:
    """One RDM per observer of the samples at these rows."""
    upper = np.triu_indices(len(order), 1)
    return [
        RDM(one[np.ix_(order, order)][upper], ids.astype(str), "people") for one in square.values
    ]


def mean_rdm(observers: Sequence[RDM]) -> RDM:
    """The RDM of mean ranks over observers; for one observer its own."""
    if len(observers) == 1:
        return observers[0]
    mean = np.mean([rankdata(one.values) for one in observers], axis=0)
    return RDM(mean, observers[0].ids, "people")


def observer_ceiling(observers: Sequence[RDM], method: str) -> tuple[float, float]:
    """Noise ceiling over observers; NaN for one.

    Lower: mean correlation of an observer with the mean of the others; upper: with the mean of all
    (Nili et al. 2014).
    """
    if len(observers) < 2:
        return float("nan"), float("nan")
    whole = mean_rdm(observers)
    lower, upper = [], []
    for place, one in enumerate(observers):
        others = mean_rdm([*observers[:place], *observers[place + 1 :]])
        lower.append(compare(one, others, method))
        upper.append(compare(one, whole, method))
    return float(np.mean(lower)), float(np.mean(upper))


def label_rdm(labels: npt.NDArray, ids: Ids) -> RDM:
    """1 for two samples of different classes, 0 for two of one."""
    rows, columns = np.triu_indices(len(labels), 1)
    return RDM(labels[rows] != labels[columns], ids.astype(str), "label")


def similarity_table(
    observers: Sequence[RDM],
    models: Mapping[str, RDM],
    labels: npt.NDArray | None,
    *,
    n_draws: int,
    seed: int,
) -> pd.DataFrame:
    """Similarity of every model to the annotators' dissimilarities, one row per model and method.

    Intervals are over images (``n_draws`` bootstrap samples; 0: none); ``partial_label`` is of
    Spearman, with the true classes ``labels`` held constant.
    """
    human = mean_rdm(observers)
    label = None
    if labels is not None and 1 < len(np.unique(labels)) < len(labels):
        label = label_rdm(labels, human.ids)
    parts = []
    for method in METHODS:
        part = pd.DataFrame({"model": list(models), "method": method}, dtype="str")
        part["value"] = [compare(matrix, human, method) for matrix in models.values()]
        part[["low", "high", "sd"]] = np.nan
        if n_draws:
            drawn = bootstrap_compare(models, human, method=method, n_draws=n_draws, seed=seed)
            part[["low", "high", "sd"]] = drawn.scores[["low", "high", "sd"]].to_numpy(np.float64)
        part["label_only"] = np.nan if label is None else compare(label, human, method)
        part["partial_label"] = np.nan
        if label is not None and method == "spearman":
            ranked, held = rank_rdm(human), [rank_rdm(label)]
            part["partial_label"] = [partial_compare(m, ranked, held) for m in models.values()]
        part["ceiling_lower"], part["ceiling_upper"] = observer_ceiling(observers, method)
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    return table.assign(n_observers=len(observers), n_images=human.n, n_pairs=len(human))

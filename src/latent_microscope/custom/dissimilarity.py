"""A user's matrices of human dissimilarities, and the similarity of models to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial.distance import squareform
from scipy.stats import rankdata
from scipy.stats import t as student

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
from latent_microscope.seeds import rng
from latent_microscope.similarity.bootstrap import bootstrap_compare
from latent_microscope.similarity.comparison import compare, partial_compare
from latent_microscope.similarity.rdms import RDM

METHODS = ("spearman", "pearson", "rho-a")
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
    taken; ``ids``: file of the ids of the rows.

    Raises:
        InputError: Not symmetric, not square, negative, similarities that are not declared, or
            pairs that are all missing or all equal.
    """
    names: Ids | None = None
    contents = open_contents(path)
    if is_square_table(contents):
        values, names = _from_table(path)
    elif is_table(path):
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
    if settings.get("similarity"):
        cube = 1.0 - cube
    square = Square(names, _checked(cube, limit, names, path), path)
    _pairs(square, np.arange(cube.shape[1]))
    return square


def is_square_table(contents: Contents) -> bool:
    """Whether a table has its header's ids in its first column, too."""
    if not is_table(contents.path):
        return False
    first, *names = contents.entries
    texts = contents.entries[first]
    if texts.unusable or texts.shape != (len(names),):
        return False
    head, side = clean_ids(names, contents.path), clean_ids(texts.read(), contents.path)
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


def _checked(cube: Floats, limit: float, ids: Ids | None, path: Path) -> Floats:
    def name(row: int) -> str:
        return repr(str(row) if ids is None else str(ids[row]))

    if kind_of_square(cube) == "similarity":
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
    mistakes = {
        "is not finite; give a number, or leave the cell empty if nobody judged the pair": infinite,
        "is negative; give dissimilarities, not similarities": cube < -scale,
        "differs from that of the transpose; average both if that is intended": (
            np.abs(known - known.transpose(0, 2, 1)) > scale
        ),
        "is not 0; convert similarities to dissimilarities first": itself & (cube > scale),
    }
    for what, wrong in mistakes.items():
        if wrong.any():
            observer, i, j = np.argwhere(wrong)[0]
            value = f"{cube[observer, i, j]:g}"
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


def known_pairs(rdm: RDM) -> npt.NDArray[np.bool_] | None:
    """Which pairs are not missing (NaN); None: all."""
    known = np.isfinite(rdm.values)
    return None if known.all() else known


def pooled(observers: Sequence[RDM], method: str) -> Floats:
    """The condensed dissimilarities most similar to all observers on average.

    Mean ranks, or for ``pearson`` the mean of standardised values, over the observers who judged a
    pair (their ranks as shares of their pairs where some are missing); NaN: nobody did. Source:
    Nili et al. 2014; for ``spearman`` this is the maximum only without ties in it.
    """
    total, count = np.zeros(len(observers[0])), np.zeros(len(observers[0]))
    incomplete = any(known_pairs(one) is not None for one in observers)
    for one in observers:
        known = np.isfinite(one.values)
        values = one.values[known].astype(np.float64)
        if method == "pearson":
            spread = float(values.std())
            total[known] += (values - values.mean()) / (spread if spread > 0.0 else 1.0)
        else:
            ranks = rankdata(values)
            total[known] += ranks / (len(values) + 1.0) if incomplete else ranks
        count += known
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def observer_scores(
    models: Mapping[str, RDM], observers: Sequence[RDM], method: str, controls: Sequence[RDM] = ()
) -> Floats:
    """Similarity of each model to an observer, the mean over observers.

    With controls a partial Spearman correlation.
    """

    def score(model: RDM, observer: RDM) -> float:
        known = known_pairs(observer)
        whole = _zero_filled(observer)
        if controls:
            return partial_compare(model, whole, list(controls), pairs=known)
        return compare(model, whole, method, pairs=known)

    return np.array([np.mean([score(m, one) for one in observers]) for m in models.values()])


def _zero_filled(rdm: RDM) -> RDM:
    """Missing pairs as 0, for functions that are told which pairs to use."""
    return rdm if known_pairs(rdm) is None else replace(rdm, values=np.nan_to_num(rdm.values))


def observer_intervals(
    models: Mapping[str, RDM],
    observers: Sequence[RDM],
    method: str,
    *,
    n_draws: int,
    seed: int,
    threads: int = 1,
) -> pd.DataFrame:
    """Interval of :func:`observer_scores`: ``low``, ``high``, ``sd`` of each model.

    With several observers it generalises to other images and other observers. Both are crossed, so
    that resampling both counts the noise of single judgements more than once; the variance is
    2 (images + observers) - both, within its bounds (Schütt et al. 2023, eLife 12, e82566), with
    Student's t on the observers' degrees of freedom. With one it is over images.
    """
    each = [
        bootstrap_compare(
            models,
            _zero_filled(one),
            method=method,
            n_draws=n_draws,
            seed=seed,
            threads=threads,
            pairs=known_pairs(one),
        )
        for one in observers  # the same images for all
    ]
    if len(each) < 2:
        return each[0].scores[["low", "high", "sd"]]
    points = np.stack([one.scores["score"].to_numpy(float) for one in each])
    draws = np.stack([one.draws for one in each], axis=1)  # (n_draws, observers, models)
    n = len(observers)
    chosen = rng(seed, "bootstrap_observers").integers(0, n, (n_draws, n))
    both = np.take_along_axis(draws, chosen[:, :, None], axis=1).mean(axis=1)
    of_images, of_both = draws.mean(axis=1).var(axis=0, ddof=1), both.var(axis=0, ddof=1)
    of_observers = points.var(axis=0, ddof=1) / n
    least = np.maximum(of_images, of_observers)
    variance = np.clip(
        2.0 * (of_images + of_observers) - of_both, least, np.maximum(of_both, least)
    )
    point, sd = points.mean(axis=0), np.sqrt(variance)
    half = student.ppf(0.975, n - 1) * sd
    return pd.DataFrame({"low": point - half, "high": point + half, "sd": sd})


def observer_ceiling(observers: Sequence[RDM], method: str) -> tuple[float, float]:
    """Noise ceiling of :func:`observer_scores`; NaN for one observer.

    Upper: the score of the pooled dissimilarities of all, which no model can pass; lower: that of
    the others' pooled dissimilarities for each observer. Source: Nili et al. 2014.
    """
    if len(observers) < 2:
        return float("nan"), float("nan")
    whole = pooled(observers, method)
    lower, upper = [], []
    for place, one in enumerate(observers):
        others = [*observers[:place], *observers[place + 1 :]]
        lower.append(_similarity(one, pooled(others, method), method))
        upper.append(_similarity(one, whole, method))
    return float(np.mean(lower)), float(np.mean(upper))


def _similarity(observer: RDM, values: Floats, method: str) -> float:
    """Over the pairs that both have."""
    both = np.isfinite(observer.values) & np.isfinite(values)
    return compare(observer.values[both], values[both], method)


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

    Every number is a mean over observers of a similarity to one observer, and so is the ceiling.
    Intervals are over images (``n_draws`` bootstrap samples; 0: none); ``partial_label`` is of
    Spearman, with the true classes ``labels`` held constant. ``n_pairs``: pairs that someone
    judged; ``n_missing``: pairs that an observer did not judge, a sum over observers.
    """
    first = observers[0]
    label = None
    if labels is not None and 1 < len(np.unique(labels)) < len(labels):
        label = label_rdm(labels, first.ids)
    parts = []
    for method in METHODS:
        part = pd.DataFrame({"model": list(models), "method": method}, dtype="str")
        part["value"] = observer_scores(models, observers, method)
        part[["low", "high", "sd"]] = np.nan
        if n_draws:
            drawn = observer_intervals(models, observers, method, n_draws=n_draws, seed=seed)
            part[["low", "high", "sd"]] = drawn.to_numpy(np.float64)
        part["label_only"] = part["partial_label"] = np.nan
        if label is not None:
            part["label_only"] = observer_scores({"label": label}, observers, method)[0]
            if method == "spearman":
                part["partial_label"] = observer_scores(models, observers, method, [label])
        part["ceiling_lower"], part["ceiling_upper"] = observer_ceiling(observers, method)
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    judged = np.stack([np.isfinite(one.values) for one in observers])
    return table.assign(
        n_observers=len(observers),
        n_images=first.n,
        n_pairs=int(judged.any(axis=0).sum()),
        n_missing=int((~judged).sum()),
    )

"""The creative latent score, and ranked lists of samples by it and by its parts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.arrays import as_numbers
from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_labels, as_vector, in_range

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def minmax(values: npt.ArrayLike, bounds: tuple[float, float] | None = None) -> Floats:
    """Values scaled to [0, 1] and clipped at fixed ``bounds``; a constant gives 0.5."""
    vector = as_vector(values, "values")
    ends = as_numbers([vector.min(), vector.max()] if bounds is None else bounds, "bounds")
    if ends.shape != (2,) or (bounds is not None and not ends[0] < ends[1]):
        raise InputError(f"bounds {bounds} must be a lower and a higher number")
    low, high = map(float, ends)
    if low == high:
        return np.full(vector.shape, 0.5)
    if not np.isfinite(high - low):
        raise InputError(f"the range from {low:g} to {high:g} is too large; scale the scores")
    return np.clip((vector - low) / (high - low), 0.0, 1.0)


def minmax_error(values: npt.ArrayLike, errors: npt.ArrayLike) -> Floats:
    """Bounds of the error of :func:`minmax` from those of the values, its ends' among them."""
    vector, bound = as_vector(values, "values"), as_vector(errors, "errors")
    scaled = minmax(vector)
    low, high = int(np.argmin(vector)), int(np.argmax(vector))
    ends = (1.0 - scaled) * bound[low] + scaled * bound[high]
    spread = vector[high] - vector[low]
    return (bound + ends) / (spread if spread > 0.0 else 1.0)


def creative_latent_score(
    uniqueness: npt.ArrayLike,
    originality: npt.ArrayLike,
    alpha: float = 0.5,
    *,
    uniqueness_bounds: tuple[float, float] | None = None,
    originality_bounds: tuple[float, float] | None = None,
) -> Floats:
    """CLS = alpha·minmax(U) + (1 − alpha)·minmax(O).

    Args:
        uniqueness: n scores.
        originality: n scores.
        alpha: Weight of uniqueness, in [0, 1].
        uniqueness_bounds: Fixed ends of the scale of U.
        originality_bounds: Fixed ends of the scale of O.

    Returns:
        n scores in [0, 1], float64.

    Raises:
        InputError: If lengths differ, a value is not finite or ``alpha`` is out of range.
    """
    alpha = in_range(alpha, "alpha", 0.0, 1.0)
    u = as_vector(uniqueness, "uniqueness")
    o = as_vector(originality, "originality", len(u))
    return alpha * minmax(u, uniqueness_bounds) + (1.0 - alpha) * minmax(o, originality_bounds)


def ranked(values: npt.ArrayLike, count: int, *, largest: bool) -> Ints:
    """Rows of the ``count`` largest or smallest values, best first, ties by row."""
    vector = as_vector(values, "values")
    in_range(count, "count", 0)
    key = -vector if largest else vector
    return np.argsort(key, kind="stable")[: int(count)].astype(np.int64)


def grey_region(cls: npt.ArrayLike, labels: npt.ArrayLike, count: int = 50) -> Ints:
    """Noise rows (label -1) of highest CLS, highest first (at most as many as there are)."""
    scores = as_vector(cls, "cls")
    noise = np.flatnonzero(as_labels(labels, "labels", len(scores)) == -1)
    return noise[ranked(scores[noise], count, largest=True)] if noise.size else noise


def generic_subset(
    uniqueness: npt.ArrayLike, originality: npt.ArrayLike, percentile: float = 25.0
) -> Ints:
    """Rows whose uniqueness and originality both lie strictly below their percentile, ascending."""
    u = as_vector(uniqueness, "uniqueness")
    o = as_vector(originality, "originality", len(u))
    in_range(percentile, "percentile", 0.0, 100.0)
    below = (u < np.percentile(u, percentile)) & (o < np.percentile(o, percentile))
    return np.flatnonzero(below)


def ranked_lists(scores: pd.DataFrame, lists: Mapping[str, Any]) -> pd.DataFrame:
    """The ranked lists of a VAE, by the section ``lists`` of a study's config.

    Returns:
        ``list`` (creative, stereotypes, grey, generic: lowest CLS first), ``rank`` (from 0),
        ``index``, ``id``, ``uniqueness``, ``originality``, ``stability``, ``cls``, ``cluster``.
    """
    u, o, c = (as_vector(scores[name], name) for name in ("uniqueness", "originality", "cls"))
    generic = generic_subset(u, o, lists["generic_percentile"])
    rows = {
        "creative": ranked(c, lists["creative"], largest=True),
        "stereotypes": ranked(o, lists["stereotypes"], largest=False),
        "grey": grey_region(c, scores["cluster"], lists["grey"]),
        "generic": generic[np.argsort(c[generic], kind="stable")],
    }
    index = np.concatenate(list(rows.values()))
    lengths = [len(part) for part in rows.values()]
    heads = pd.Series(np.repeat(list(rows), lengths), dtype="str")
    ranks = np.concatenate([np.arange(length) for length in lengths])
    columns = ["id", "uniqueness", "originality", "stability", "cls", "cluster"]
    chosen = scores[columns].iloc[index].reset_index(drop=True)
    return pd.concat([pd.DataFrame({"list": heads, "rank": ranks, "index": index}), chosen], axis=1)

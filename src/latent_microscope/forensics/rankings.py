"""Ranked lists of samples: stereotypes, creative frontier, grey region, generic subset."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import spearmanr

from latent_microscope.forensics.checks import as_labels, as_vector, in_range

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def ranked(values: npt.ArrayLike, count: int, *, largest: bool) -> Ints:
    """Rows of the ``count`` largest or smallest values, best first, ties by row.

    Raises:
        InputError: If a value is not finite or ``count`` is negative.
    """
    vector = as_vector(values, "values")
    in_range(count, "count", 0)
    key = -vector if largest else vector
    return np.argsort(key, kind="stable")[: int(count)].astype(np.int64)


def stereotypes(originality: npt.ArrayLike, count: int = 140) -> Ints:
    """Rows of lowest originality, lowest first (at most n)."""
    return ranked(originality, count, largest=False)


def creative_frontier(cls: npt.ArrayLike, count: int = 150) -> Ints:
    """Rows of highest CLS, highest first (at most n)."""
    return ranked(cls, count, largest=True)


def grey_region(cls: npt.ArrayLike, labels: npt.ArrayLike, count: int = 50) -> Ints:
    """Noise rows (label -1) of highest CLS, highest first (at most as many as there are).

    Raises:
        InputError: If the arrays do not fit each other.
    """
    scores = as_vector(cls, "cls")
    noise = np.flatnonzero(as_labels(labels, "labels", len(scores)) == -1)
    return noise[ranked(scores[noise], count, largest=True)] if noise.size else noise


def generic_subset(
    uniqueness: npt.ArrayLike, originality: npt.ArrayLike, percentile: float = 25.0
) -> Ints:
    """Rows whose uniqueness and originality both lie strictly below their percentile, ascending.

    Raises:
        InputError: If the arrays do not fit each other or the percentile is out of range.
    """
    u = as_vector(uniqueness, "uniqueness")
    o = as_vector(originality, "originality", len(u))
    in_range(percentile, "percentile", 0.0, 100.0)
    below = (u < np.percentile(u, percentile)) & (o < np.percentile(o, percentile))
    return np.flatnonzero(below)


def ranking_table(
    uniqueness: npt.ArrayLike,
    originality: npt.ArrayLike,
    cls: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    n_stereotypes: int = 140,
    n_frontier: int = 150,
    n_grey: int = 50,
    percentile: float = 25.0,
) -> pd.DataFrame:
    """All lists in one table.

    Args:
        uniqueness: n scores.
        originality: n scores.
        cls: n creative latent scores.
        labels: n cluster labels, -1 is noise.
        n_stereotypes: Length of the list of lowest originality.
        n_frontier: Length of the list of highest CLS.
        n_grey: Length of the list of highest CLS in the noise.
        percentile: Percentile of the generic subset.

    Returns:
        Table ``list`` (stereotypes, creative_frontier, grey_region, generic_subset), ``rank``
        (from 1), ``index``, ``value``: originality for stereotypes, else CLS. The generic subset
        is ranked by CLS, lowest first. Lists are as long as there are samples for them.

    Raises:
        InputError: If the arrays do not fit each other or an option is out of range.
    """
    u = as_vector(uniqueness, "uniqueness")
    o = as_vector(originality, "originality", len(u))
    c = as_vector(cls, "cls", len(u))
    generic = generic_subset(u, o, percentile)
    lists = [
        ("stereotypes", stereotypes(o, n_stereotypes), o),
        ("creative_frontier", creative_frontier(c, n_frontier), c),
        ("grey_region", grey_region(c, labels, n_grey), c),
        ("generic_subset", generic[np.argsort(c[generic], kind="stable")], c),
    ]
    parts = [
        pd.DataFrame(
            {
                "list": name,
                "rank": np.arange(1, len(index) + 1),
                "index": index,
                "value": values[index],
            }
        )
        for name, index, values in lists
        if len(index)
    ]
    return pd.concat(parts, ignore_index=True)


def region_means(
    uniqueness: npt.ArrayLike,
    originality: npt.ArrayLike,
    cls: npt.ArrayLike,
    labels: npt.ArrayLike,
) -> pd.DataFrame:
    """Mean CLS, U and O of every cluster, of the grey region (noise, -1) and of all samples.

    Returns:
        Table ``region`` (``cluster 0`` …, ``grey region``, ``all``), ``label`` (-1 for the grey
        region, -2 for all), ``size``, ``mean_cls``, ``mean_uniqueness``, ``mean_originality``.

    Raises:
        InputError: If the arrays do not fit each other.
    """
    values = as_labels(labels, "labels")
    n = len(values)
    scores = {
        "mean_cls": as_vector(cls, "cls", n),
        "mean_uniqueness": as_vector(uniqueness, "uniqueness", n),
        "mean_originality": as_vector(originality, "originality", n),
    }
    regions = [(f"cluster {c}", int(c), values == c) for c in np.unique(values[values != -1])]
    if (values == -1).any():
        regions.append(("grey region", -1, values == -1))
    regions.append(("all", -2, np.ones(n, dtype=bool)))
    return pd.DataFrame.from_records(
        [
            {
                "region": name,
                "label": label,
                "size": int(np.count_nonzero(members)),
                **{key: float(score[members].mean()) for key, score in scores.items()},
            }
            for name, label, members in regions
        ]
    )


def spearman_u_o(uniqueness: npt.ArrayLike, originality: npt.ArrayLike) -> tuple[float, float]:
    """Spearman correlation of uniqueness and originality and its p; NaN when one is constant.

    Raises:
        InputError: If the arrays do not fit each other.
    """
    u = as_vector(uniqueness, "uniqueness")
    o = as_vector(originality, "originality", len(u))
    if np.ptp(u) == 0.0 or np.ptp(o) == 0.0 or len(u) < 3:
        return float("nan"), float("nan")
    result = spearmanr(u, o)
    return float(result.statistic), float(result.pvalue)

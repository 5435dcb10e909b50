"""Small statistics shared by both halves: multiplicity, intervals, summaries over seeds."""

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError

_FEW = 10  # draws beyond the null, fewer than which count for little
_ENOUGH = 100  # draws whose moments are worth a fitted tail


def _p_values(p: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """A float64 copy of ``p``, checked to lie in [0, 1] (NaN allowed: a test not done)."""
    values = np.array(p, dtype=np.float64)
    known = values[~np.isnan(values)]
    if known.size and (known.min() < 0.0 or known.max() > 1.0):
        raise InputError("p values must lie between 0 and 1; check the test that made them.")
    return values


def benjamini_hochberg(p: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Adjusted p values that control the false discovery rate.

    Args:
        p: p values of any shape, all of one family. NaN marks a test that was not done: it stays
            NaN and does not count.

    Returns:
        Adjusted p values in the shape of ``p``; ``adjusted <= q`` is the rejection rule at rate q.

    Raises:
        InputError: If a value lies outside [0, 1].

    Source: Benjamini and Hochberg 1995, step-up procedure.
    """
    values = _p_values(p)
    known = ~np.isnan(values)
    raw = values[known]
    order = np.argsort(raw, kind="stable")
    m = raw.size
    scaled = raw[order] * m / np.arange(1, m + 1)
    adjusted = np.empty(m)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    values[known] = adjusted
    return values


def holm(p: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Adjusted p values that control the family-wise error rate.

    Args:
        p: p values of any shape, all of one family; NaN is left out as in
            :func:`benjamini_hochberg`.

    Returns:
        Adjusted p values in the shape of ``p``.

    Raises:
        InputError: If a value lies outside [0, 1].

    Source: Holm 1979, step-down procedure.
    """
    values = _p_values(p)
    known = ~np.isnan(values)
    raw = values[known]
    order = np.argsort(raw, kind="stable")
    m = raw.size
    scaled = raw[order] * np.arange(m, 0, -1)
    adjusted = np.empty(m)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    values[known] = adjusted
    return values


def percentile_interval(
    draws: npt.ArrayLike, level: float = 0.95, *, axis: int = 0
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Bootstrap percentile interval.

    Args:
        draws: Bootstrap replicates along ``axis``; NaN replicates are left out.
        level: Coverage, between 0 and 1.
        axis: Axis of the replicates.

    Returns:
        Lower and upper ends (arrays without ``axis``; 0-d for a vector of draws).

    Raises:
        InputError: If there is no draw or ``level`` lies outside (0, 1).
    """
    array = np.asarray(draws, dtype=np.float64)
    if array.ndim == 0 or array.shape[axis] == 0:
        raise InputError("A bootstrap interval needs at least one draw; raise n_draws.")
    if not 0.0 < level < 1.0:
        raise InputError(f"Interval level {level} must lie between 0 and 1, e.g. 0.95.")
    tail = (1.0 - level) / 2.0
    with warnings.catch_warnings():
        # A statistic that is not defined in any draw has no interval: NaN.
        warnings.filterwarnings("ignore", "All-NaN", RuntimeWarning)
        low, high = np.nanquantile(array, [tail, 1.0 - tail], axis=axis)
    return np.asarray(low), np.asarray(high)


def bootstrap_p_value(
    draws: npt.ArrayLike, *, null: float = 0.0, axis: int = 0
) -> npt.NDArray[np.float64]:
    """Two-sided p value from bootstrap draws of a difference.

    Twice the smaller share of draws on either side of ``null`` (a draw equal to ``null`` counts on
    both sides), with one added to count and number so that it is never 0. Of 1,000 draws that is
    at best 0.002, which no correction over a hundred pairs survives: where fewer than ten of at
    least 100 draws lie beyond ``null``, p is twice the tail there of the gamma law (Pearson III)
    with the draws' mean, standard deviation and skewness, as for permutations (Winkler et al. 2016,
    NeuroImage 141), and at most what ten draws would give.

    Args:
        draws: Bootstrap replicates of the difference along ``axis``; NaN ones are left out.
        null: Value under the null hypothesis.
        axis: Axis of the replicates.

    Returns:
        p values, an array without ``axis``; NaN where every draw is NaN.
    """
    # Imported here: scipy.stats takes longer to load than most tables take to make.
    from scipy.stats import pearson3

    array = np.moveaxis(np.asarray(draws, dtype=np.float64), axis, 0)
    n = np.sum(~np.isnan(array), axis=0)
    beyond = np.minimum(np.sum(array <= null, axis=0), np.sum(array >= null, axis=0))
    p = np.minimum(2.0 * (beyond + 1.0) / (n + 1.0), 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of columns that are all NaN or one value
        mean, sd = np.nanmean(array, axis=0), np.nanstd(array, axis=0, ddof=1)
        skew = np.nanmean(((array - mean) / sd) ** 3, axis=0)
        # Towards the null; a tail that would end is replaced by the normal one.
        towards = np.maximum(np.sign(null - mean) * skew, 0.0)
        tail = 2.0 * pearson3.sf(np.abs(mean - null) / sd, towards)
    fitted = (beyond < _FEW) & (n >= _ENOUGH) & (sd > 0.0) & np.isfinite(tail)
    p = np.where(fitted, np.minimum(tail, 2.0 * (_FEW + 1.0) / (n + 1.0)), p)
    return np.where(n > 0, p, np.nan)


def mean_sd(table: pd.DataFrame, by: Sequence[str], values: Sequence[str]) -> pd.DataFrame:
    """Mean, standard deviation and number over seeds (or any other repeats).

    Args:
        table: One row a repeat.
        by: Columns that name a condition.
        values: Numeric columns to summarise.

    Returns:
        Long table, one row a value and condition, in order of first appearance: the columns of
        ``by``, then ``value`` (name), ``mean``, ``sd`` (ddof 1; NaN for one repeat) and ``n``
        (repeats that are not NaN).

    Raises:
        InputError: If a column is missing.
    """
    missing = [name for name in [*by, *values] if name not in table.columns]
    if missing:
        raise InputError(
            f"Column {missing[0]!r} is not in the table; it has {list(table.columns)}."
        )
    groups = table.groupby(list(by), sort=False, dropna=False, observed=True)
    parts = []
    for name in values:
        part = groups[name].agg(mean="mean", sd="std", n="count").reset_index()
        part.insert(len(by), "value", name)
        parts.append(part)
    return pd.concat(parts, ignore_index=True).astype({"n": "int64"})


def rank_correlation(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Spearman correlation; NaN when one side is constant or there are fewer than 3 values.

    Args:
        a: n finite values.
        b: n finite values.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if len(x) < 3 or np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return float("nan")
    from scipy.stats import spearmanr  # see above

    return float(spearmanr(x, y).statistic)

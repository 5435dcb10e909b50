"""Small statistics shared by both halves: multiplicity, intervals, summaries over seeds."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError

_FEW = 10  # draws beyond 0, fewer than which count for little
_ENOUGH = 100  # draws whose moments are worth a fitted tail
Floats = npt.NDArray[np.float64]


def benjamini_hochberg(p: npt.ArrayLike) -> Floats:
    """Adjusted p values that control the false discovery rate, in the shape of ``p``.

    All p values are one family. NaN marks a test that was not done: it stays NaN and does not
    count, which ``scipy.stats.false_discovery_control`` does not allow.

    Source: Benjamini and Hochberg 1995, step-up procedure.
    """
    return _adjusted(p, step_up=True)


def holm(p: npt.ArrayLike) -> Floats:
    """Adjusted p values that control the family-wise error rate, in the shape of ``p``.

    NaN as in :func:`benjamini_hochberg`.

    Source: Holm 1979, step-down procedure.
    """
    return _adjusted(p, step_up=False)


def _adjusted(p: npt.ArrayLike, *, step_up: bool) -> Floats:
    values = np.array(p, dtype=np.float64)
    known = ~np.isnan(values)
    raw = values[known]
    if raw.size and (raw.min() < 0.0 or raw.max() > 1.0):
        raise InputError("p values must lie between 0 and 1; check the test that made them.")
    order = np.argsort(raw, kind="stable")
    m = raw.size
    if step_up:
        scaled = raw[order] * m / np.arange(1, m + 1)
        monotone = np.minimum.accumulate(scaled[::-1])[::-1]
    else:
        monotone = np.maximum.accumulate(raw[order] * np.arange(m, 0, -1))
    adjusted = np.empty(m)
    adjusted[order] = np.minimum(monotone, 1.0)
    values[known] = adjusted
    return values


def percentile_interval(draws: npt.ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Lower and upper end of the bootstrap percentile interval, arrays without the first axis.

    NaN draws are left out; a statistic that is not defined in any draw has the interval NaN.
    """
    array = np.asarray(draws, dtype=np.float64)
    if array.ndim == 0 or len(array) == 0:
        raise InputError("A bootstrap interval needs at least one draw; raise n_draws.")
    if not 0.0 < level < 1.0:
        raise InputError(f"Interval level {level} must lie between 0 and 1, e.g. 0.95.")
    tail = (1.0 - level) / 2.0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN", RuntimeWarning)
        low, high = np.nanquantile(array, [tail, 1.0 - tail], axis=0)
    return np.asarray(low), np.asarray(high)


def bootstrap_p_value(draws: npt.ArrayLike) -> Floats:
    """Two-sided p value from bootstrap draws of a difference, an array without the first axis.

    Twice the smaller share of draws on either side of 0 (a draw of 0 counts on both sides), with
    one added to count and number so that it is never 0. Of 1,000 draws that is at best 0.002, which
    no correction over a hundred pairs survives: where fewer than ten of at least 100 draws lie
    beyond 0, p is twice the tail there of the gamma law (Pearson III) with the draws' mean,
    standard deviation and skewness, as for permutations (Winkler et al. 2016, NeuroImage 141), and
    at most what ten draws would give. NaN draws are left out.
    """
    # Imported here: scipy.stats takes longer to load than most tables take to make.
    from scipy.stats import pearson3

    array = np.asarray(draws, dtype=np.float64)
    n = np.sum(~np.isnan(array), axis=0)
    beyond = np.minimum(np.sum(array <= 0.0, axis=0), np.sum(array >= 0.0, axis=0))
    p = np.minimum(2.0 * (beyond + 1.0) / (n + 1.0), 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of columns that are all NaN or one value
        mean, sd = np.nanmean(array, axis=0), np.nanstd(array, axis=0, ddof=1)
        skew = np.nanmean(((array - mean) / sd) ** 3, axis=0)
        # Towards 0; a tail that would end is replaced by the normal one.
        towards = np.maximum(-np.sign(mean) * skew, 0.0)
        tail = 2.0 * pearson3.sf(np.abs(mean) / sd, towards)
    fitted = (beyond < _FEW) & (n >= _ENOUGH) & (sd > 0.0) & np.isfinite(tail)
    p = np.where(fitted, np.minimum(tail, 2.0 * (_FEW + 1.0) / (n + 1.0)), p)
    return np.where(n > 0, p, np.nan)


def rank_correlation(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Spearman correlation; NaN when one side is constant or there are fewer than 3 values."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if len(x) < 3 or np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return float("nan")
    from scipy.stats import spearmanr  # see above

    return float(spearmanr(x, y).statistic)


def stack(
    tables: Sequence[pd.DataFrame], keys: Mapping[str, Sequence[object]], name: str
) -> pd.DataFrame:
    """Concatenate the tables of several seeds, with columns in front that say whose each is.

    Args:
        tables: One per seed.
        keys: Columns to put first: one value per table.
        name: What the tables are, for the message.
    """
    if not tables or any(len(values) != len(tables) for values in keys.values()):
        counts = ", ".join(f"{len(values)} {key}" for key, values in keys.items())
        raise InputError(f"{name}: {len(tables)} tables but {counts}; give one of each per table")
    parts = []
    for position, table in enumerate(tables):
        head = pd.DataFrame({key: values[position] for key, values in keys.items()}, table.index)
        parts.append(pd.concat([head, table], axis=1))
    return pd.concat(parts, ignore_index=True)


def over_runs(table: pd.DataFrame, by: Sequence[str], values: Sequence[str]) -> pd.DataFrame:
    """Mean, standard deviation and number of seeds of several quantities.

    Returns:
        One row per condition, in order of first appearance: ``by``, then ``<value>_mean``,
        ``<value>_sd`` (ddof 1; NaN for fewer than two values) of the values that are not NaN, and
        ``n``, the number of seeds. Infinite values give an infinite mean.
    """
    groups = table.groupby(list(by), sort=False, dropna=False, observed=True)
    columns: dict[str, pd.Series] = {}
    for value in values:
        columns[f"{value}_mean"] = groups[value].mean()
        columns[f"{value}_sd"] = groups[value].std(ddof=1)
    columns["n"] = groups.size()
    return pd.DataFrame(columns).reset_index().astype({"n": "int64"})

"""Small statistics shared by both halves: multiplicity, intervals, summaries over seeds."""

import warnings
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError

Floats = npt.NDArray[np.float64]


def too_few(least: int, things: str) -> str:
    """Status of an interval that fewer things would make up."""
    return f"not available: needs at least {least} {things}"


def satterthwaite(parts: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Standard error of a sum of independent variances, and degrees of freedom of Student's t.

    Source: Satterthwaite 1946.

    Args:
        parts: Variance and its degrees of freedom (may be infinite) of each part.
    """
    variances, freedoms = np.array(list(parts), dtype=np.float64).T
    total, below = variances.sum(), (variances**2 / freedoms).sum()
    return float(np.sqrt(total)), float(total**2 / below) if below > 0.0 else float("inf")


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


def check_level(level: float) -> None:
    """:class:`InputError` if this is no coverage of an interval."""
    if not isinstance(level, float | np.floating) or not 0.0 < level < 1.0:
        raise InputError(f"Interval level {level!r} must lie between 0 and 1, e.g. 0.95.")


def percentile_interval(draws: npt.ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Lower and upper end of the bootstrap percentile interval, arrays without the first axis.

    NaN draws are left out; a statistic that is not defined in any draw has the interval NaN.
    """
    array = np.asarray(draws, dtype=np.float64)
    if array.ndim == 0 or len(array) == 0:
        raise InputError("A bootstrap interval needs at least one draw; raise n_draws.")
    check_level(level)
    tail = (1.0 - level) / 2.0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN", RuntimeWarning)
        low, high = np.nanquantile(array, [tail, 1.0 - tail], axis=0)
    return np.asarray(low), np.asarray(high)


def sd(draws: npt.ArrayLike) -> Floats:
    """Standard deviation over the first axis (ddof 1); NaN for fewer than two draws."""
    array = np.asarray(draws, dtype=np.float64)
    if len(array) < 2:
        return np.full(array.shape[1:], np.nan)
    return np.asarray(array.std(axis=0, ddof=1))


def bootstrap_p_value(draws: npt.ArrayLike) -> Floats:
    """Two-sided p value from bootstrap draws of a difference, an array without the first axis.

    Twice the smaller share of draws on either side of 0 (a draw of 0 counts on both sides), with
    one added to count and number: never below 2 / (draws + 1), which is all that the draws show.
    NaN draws are left out. For many differences at once see :func:`max_t`.

    Source: Davison and Hinkley 1997, section 4.2.
    """
    array = np.asarray(draws, dtype=np.float64)
    n = np.sum(~np.isnan(array), axis=0)
    beyond = np.minimum(np.sum(array <= 0.0, axis=0), np.sum(array >= 0.0, axis=0))
    return np.where(n > 0, np.minimum(2.0 * (beyond + 1.0) / (n + 1.0), 1.0), np.nan)


def max_t(draws: npt.ArrayLike, values: npt.ArrayLike) -> Floats:
    """P values of ``values`` (m,) against 0, adjusted for all m: step-down maximum of |t|.

    Args:
        draws: (n_draws, m) bootstrap draws of the values, drawn together. They are centred and
            divided by their standard deviation, which gives the joint law of the t values under
            the null; a draw that is NaN counts as the null's mean.
        values: The estimates.

    Returns:
        (m,) family-wise error over all m; at least 1 / (n_draws + 1); NaN where a value or all its
        draws are NaN, 1 for a value of 0 that never varies.

    Source: Westfall and Young 1993, algorithm 4.1 (free step-down), with bootstrap t values.
    """
    array, point = np.asarray(draws, dtype=np.float64), np.asarray(values, dtype=np.float64)
    adjusted = np.full(point.shape, np.nan)
    known = ~np.isnan(point) & (np.sum(~np.isnan(array), axis=0) > 1)
    if not known.any():
        return adjusted
    part, point = array[:, known], np.abs(point[known])
    sd = np.nanstd(part, axis=0, ddof=1)
    scale = np.where(sd > 0.0, sd, np.finfo(np.float64).tiny)
    order = np.argsort(-point / scale, kind="stable")
    t = np.abs(np.nan_to_num((part - np.nanmean(part, axis=0)) / scale))[:, order]
    largest = np.maximum.accumulate(t[:, ::-1], axis=1)[:, ::-1]
    beyond = np.sum(largest >= (point / scale)[order], axis=0)
    p = np.empty(len(point))
    p[order] = np.maximum.accumulate((beyond + 1.0) / (len(part) + 1.0))
    adjusted[known] = p
    return adjusted


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

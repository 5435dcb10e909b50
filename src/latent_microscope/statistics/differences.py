"""Standardised differences of two groups of samples, with people as clusters."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student

from latent_microscope.statistics.clusters import clustered_error

Floats = npt.NDArray[np.float64]


def standardised_differences(
    values: npt.ArrayLike, members: npt.NDArray[np.bool_], people: npt.NDArray[np.int64] | None
) -> pd.DataFrame:
    """Cohen's d of members and rest in each of m quantities, with 95 % interval and p.

    The error of the difference of means is robust to people (:func:`.clusters.clustered_error`;
    without ``people``, samples are clusters of one), p by Student's t. The interval is that of a
    noncentral t, by its variance-stabilising inverse hyperbolic sine, scaled so that it leaves out
    0 just where p < 0.05. The shares of a quantity of two values are smoothed, since one side may
    have no spread.

    Source: Cohen 1988; Laubscher 1960 for the transformation.

    Args:
        values: (n, m) finite numbers.
        members: (n,) booleans; both sides have samples.
        people: (n,) codes of people.

    Returns:
        One row per quantity: ``d``, ``low``, ``high``, ``p``, ``mean_members``, ``mean_rest``,
        ``status`` (ok; untestable: too few samples or people; constant: nothing differs).
    """
    x = np.asarray(values, dtype=np.float64)
    sides = members.astype(np.int64)
    sizes = np.bincount(sides, minlength=2)
    means = np.stack([x[~members].mean(axis=0), x[members].mean(axis=0)])
    spread = _spread(x, sides, means, sizes)
    pooled = np.sqrt((sizes - 1) @ spread**2 / max(sizes.sum() - 2, 1))
    varies = pooled > 0.0
    # A side without any spread is taken to have that of both.
    spread = np.where(spread > 0.0, spread, pooled)
    weights = np.array([-1.0, 1.0])[sides] / sizes[sides]
    codes = np.arange(len(x)) if people is None else people
    residuals = (x - means[sides])[:, varies]
    found = clustered_error(residuals, weights, sides, codes, deviations=spread[:, varies])
    table = pd.DataFrame(np.nan, index=range(x.shape[1]), columns=["d", "low", "high", "p"])
    difference = (means[1] - means[0])[varies]
    known = np.isfinite(found.error) & (found.error > 0.0)
    error, freedom = np.where(known, found.error, np.nan), np.where(known, found.freedom, np.nan)
    t = difference / error
    root = np.sqrt(2.0 * freedom)
    reach = np.arcsinh(student.ppf(0.975, freedom) / root)
    unit = error / pooled[varies]
    table.loc[varies, "d"] = difference / pooled[varies]
    table.loc[varies, "low"] = unit * root * np.sinh(np.arcsinh(t / root) - reach)
    table.loc[varies, "high"] = unit * root * np.sinh(np.arcsinh(t / root) + reach)
    table.loc[varies, "p"] = 2.0 * student.sf(np.abs(t), freedom)
    table["mean_members"], table["mean_rest"] = means[1], means[0]
    tested = np.where(table["p"].notna(), "ok", "untestable")
    table["status"] = np.where(varies, tested, "constant")
    return table


def _spread(
    x: Floats, sides: npt.NDArray[np.int64], means: Floats, sizes: npt.NDArray[np.int64]
) -> Floats:
    """(2, m) standard deviations of rest and members; smoothed for quantities of two values."""
    squares = np.stack([((x[sides == k] - means[k]) ** 2).sum(axis=0) for k in (0, 1)])
    spread = np.sqrt(squares / np.maximum(sizes - 1, 1)[:, None])
    low, high = x.min(axis=0), x.max(axis=0)
    two = ((x == low) | (x == high)).all(axis=0) & (high > low)
    width = np.where(two, high - low, 1.0)
    share = np.clip((means - low) / width, 0.0, 1.0)
    share = (sizes[:, None] * share + 0.5) / (sizes[:, None] + 1.0)
    return np.asarray(np.where(two, width * np.sqrt(share * (1.0 - share)), spread))

"""ROC AUC of cross-validated scores with intervals that respect clusters (people)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from scipy.stats import t as student

from latent_microscope.errors import InputError
from latent_microscope.statistics.clusters import clustered_error

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class FoldedAuc:
    """Mean AUC over the folds that have both classes, and how every sample of these bears on it.

    ``auc + sum(weights * residuals)`` is the first-order change of the estimate.
    """

    auc: float  # folds weighted by their number of samples
    rows: Ints  # (m,) samples in these folds
    residuals: Floats  # (m,) placement minus the fold's AUC; of negatives with the sign turned
    weights: Floats  # (m,)
    strata: Ints  # (m,) fold and class


def placements(scores: Floats, positive: npt.NDArray[np.bool_]) -> tuple[Floats, float]:
    """For every sample the share of the other class that it is ranked right of, and the AUC.

    Ties count half. The mean over positives, and that over negatives, is the AUC. Both classes are
    there.

    Source: DeLong, DeLong and Clarke-Pearson 1988; ranks as Sun and Xu 2014.
    """
    n1 = int(positive.sum())
    n0 = len(positive) - n1
    everywhere = rankdata(scores)
    within = np.empty(len(scores))
    within[positive], within[~positive] = rankdata(scores[positive]), rankdata(scores[~positive])
    other = everywhere - within
    placed = np.where(positive, other / n0, 1.0 - other / n1)
    return placed, float(placed[positive].mean())


def testable_folds(
    positive: npt.NDArray[np.bool_], folds: npt.ArrayLike
) -> list[npt.NDArray[np.int64]]:
    """The rows of each fold that has both classes."""
    numbers = np.asarray(folds)
    parts = (np.flatnonzero(numbers == number) for number in np.unique(numbers))
    return [rows for rows in parts if 0 < positive[rows].sum() < len(rows)]


def folded_auc(scores: npt.ArrayLike, positive: npt.ArrayLike, folds: npt.ArrayLike) -> FoldedAuc:
    """AUC within each fold, averaged: scores of different folds come from different models.

    Each score is from a model that was not fitted on its sample.

    Source: LeDell, Petersen and van der Laan 2015 (influence curves of the cross-validated AUC).
    """
    values = np.asarray(scores, dtype=np.float64)
    labels = np.asarray(positive, dtype=bool)
    parts = testable_folds(labels, folds)
    if not parts:
        raise InputError("no fold has samples with and without the attribute; use fewer folds")
    n = sum(len(rows) for rows in parts)
    total, residuals, weights, strata = 0.0, [], [], []
    for number, rows in enumerate(parts):
        inside = labels[rows]
        side = np.where(inside, 1.0, -1.0)
        placed, auc = placements(values[rows], inside)
        residuals.append(side * (placed - auc))
        weights.append(side / np.where(inside, inside.mean(), 1.0 - inside.mean()) / n)
        strata.append(2 * number + inside)
        total += auc * len(rows)
    joined = [np.concatenate(each) for each in (parts, residuals, weights, strata)]
    return FoldedAuc(total / n, *joined)


def sampling_error(
    found: FoldedAuc, residuals: Floats, clusters: npt.NDArray[np.int64]
) -> tuple[float, float]:
    """Standard error from the samples of the held-out folds, and its degrees of freedom.

    ``residuals``: those of ``found``, or the difference of two AUCs' of the same samples. A sample
    has a cluster of its own where samples are independent. Deviations are pooled over folds: a
    fold with one positive shows none. NaN: no fold has two, or too few or unequal clusters.

    Source: Obuchowski 1997 for the AUC of clustered data; :func:`.clusters.clustered_error`.
    """
    deviations = np.zeros((int(found.strata.max()) + 1, 1))
    for side in (0, 1):
        mine = residuals[found.strata % 2 == side]
        spare = len(mine) - len(deviations) // 2  # a mean is fitted in each fold
        if spare < 1:
            return float("nan"), float("nan")
        deviations[side::2] = np.sqrt(np.sum(mine**2) / spare)
    error = clustered_error(
        residuals, found.weights, found.strata, clusters[found.rows], deviations
    )
    return float(error.error[0]), float(error.freedom[0])


def logit_interval(auc: float, error: float, freedom: float = np.inf) -> tuple[float, float]:
    """95 % interval of an AUC on the logit scale, which stays within 0 and 1; NaN at 0 and at 1.

    ``freedom``: degrees of freedom of the error; infinite: the normal law.
    """
    if not 0.0 < auc < 1.0 or not np.isfinite(error):
        return float("nan"), float("nan")
    centre = np.log(auc / (1.0 - auc))
    half = student.ppf(0.975, freedom) * error / (auc * (1.0 - auc))
    low, high = (1.0 / (1.0 + np.exp(-(centre + side * half))) for side in (-1.0, 1.0))
    return float(low), float(high)


def two_sided_p(difference: float, error: float, freedom: float = np.inf) -> float:
    """Two-sided p of a difference by Student's t with its error; NaN without an error."""
    if not np.isfinite(error) or error < 0.0:
        return float("nan")
    if error == 0.0:
        return 1.0 if difference == 0.0 else 0.0
    return float(2.0 * student.sf(abs(difference) / error, freedom))

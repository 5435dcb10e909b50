"""ROC AUC of cross-validated scores with intervals that respect clusters (people)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from scipy.stats import t as student

from latent_microscope.errors import InputError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FoldedAuc:
    """Mean AUC over folds and the influence of every sample on it.

    ``auc + influence.sum() / n`` is the first-order change of the estimate.
    """

    auc: float  # over the folds that have both classes, weighted by their number of samples
    influence: Floats  # mean 0 over the samples of such folds, 0 in the others
    n: int  # samples in these folds


def placements(scores: Floats, positive: npt.NDArray[np.bool_]) -> tuple[Floats, float]:
    """For every sample the share of the other class that it is ranked right of, and the AUC.

    Ties count half. The mean over positives, and that over negatives, is the AUC.

    Source: DeLong, DeLong and Clarke-Pearson 1988; ranks as Sun and Xu 2014.
    """
    n1 = int(positive.sum())
    n0 = len(positive) - n1
    everywhere = rankdata(scores)
    within = np.empty(len(scores))
    within[positive], within[~positive] = rankdata(scores[positive]), rankdata(scores[~positive])
    other = everywhere - within
    placed = np.where(positive, other / max(n0, 1), 1.0 - other / max(n1, 1))
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
    influence, total = np.zeros(len(values)), 0.0
    for rows in parts:
        inside = labels[rows]
        placed, auc = placements(values[rows], inside)
        share = np.where(inside, inside.mean(), 1.0 - inside.mean())
        influence[rows] = (placed - auc) / share
        total += auc * len(rows)
    return FoldedAuc(total / n, influence, n)


def clustered_error(influence: Floats, n: int, clusters: npt.NDArray[np.int64]) -> float:
    """Standard error of a mean over n samples from their influence, summed within clusters.

    A sample has a cluster of its own where samples are independent.

    Source: Obuchowski 1997 for the AUC of clustered data; the usual cluster-robust variance.
    """
    codes = np.unique(clusters, return_inverse=True)[1]
    sums = np.bincount(codes, weights=influence)
    groups = len(sums)
    if groups < 2:
        return float("nan")
    return float(np.sqrt(np.sum(sums**2) * groups / (groups - 1)) / n)


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

"""ROC AUC over pairs of images, and its interval when pairs share people."""

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from scipy.stats import rankdata
from scipy.stats import t as student_t

from latent_microscope.forensics.checks import as_vector

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def roc_auc(positive: npt.ArrayLike, negative: npt.ArrayLike) -> float:
    """Probability that a positive scores higher than a negative, ties one half.

    Raises:
        InputError: If a side is empty or not finite.
    """
    p, q = as_vector(positive, "positive scores"), as_vector(negative, "negative scores")
    ranks = rankdata(np.concatenate([p, q]))
    return float((ranks[: len(p)].sum() - len(p) * (len(p) + 1) / 2.0) / (len(p) * len(q)))


def placements(positive: Floats, negative: Floats) -> tuple[Floats, Floats]:
    """Share of negatives below each positive, and of positives above each negative.

    Ties count one half; either mean is the AUC. Source: DeLong et al. 1988.
    """
    return _below(positive, negative), 1.0 - _below(negative, positive)


def _below(values: Floats, others: Floats) -> Floats:
    """Share of the others below each value, ties one half."""
    ordered = np.sort(others)
    left = np.searchsorted(ordered, values, side="left")
    right = np.searchsorted(ordered, values, side="right")
    return (left + right) / (2.0 * len(ordered))


def pair_auc_interval(
    positive: Floats, negative: Floats, same: Ints, different: Ints
) -> tuple[float, float]:
    """95 % interval of the AUC of same-person pairs against pairs of two people.

    DeLong's influences of all pairs are summed by person, a pair of two people counting for both
    (Obuchowski's variance of clustered ROC data, with the dyadic clusters of Aronow, Samii and
    Assenova); the interval is symmetric on the logit scale, with Student's t for the effective
    number of people. Resampling people with their pairs, as before, drew a person's same pairs
    and different pairs together: a person drawn twice then weighed four times in comparisons of
    the own pairs with each other, which moved the whole bootstrap distribution towards these
    where a few people hold most pairs; and the second person of a different pair never varied.

    Args:
        positive: Similarities of same pairs.
        negative: Similarities of different pairs.
        same: Person of each same pair.
        different: (m, 2) people of each different pair.

    Returns:
        Lower and upper end, around the AUC; both equal to it where it is 0 or 1 or pairs of one
        kind do not vary at all.
    """
    above, below = placements(positive, negative)
    auc = float(above.mean())
    psi = (above - auc) / len(above)
    phi = (below - auc) / len(below)
    people = int(max(same.max(), different.max())) + 1
    sums = np.bincount(same, weights=psi, minlength=people)
    sums += np.bincount(different[:, 0], weights=phi, minlength=people)
    sums += np.bincount(different[:, 1], weights=phi, minlength=people)
    taking_part = np.union1d(same, different)
    # Two pairs of the same two people meet in both of their sums.
    low, high = different.min(axis=1), different.max(axis=1)
    _, couple = np.unique(low * people + high, return_inverse=True)
    twice = np.bincount(couple, weights=phi)
    independent = float(np.sum(psi**2) + np.sum(phi**2))
    squares = sums[taking_part] ** 2
    total, fourth = float(squares.sum()), float(np.sum(squares**2))
    count = len(taking_part)
    variance = max(total - float(np.sum(twice**2)), independent) * count / max(count - 1, 1)
    if variance == 0.0 or not 0.0 < auc < 1.0:
        return auc, auc
    freedom = max(total**2 / fourth, 1.0) if fourth > 0.0 else 1.0
    half = float(student_t.ppf(0.975, freedom)) * np.sqrt(variance) / (auc * (1.0 - auc))
    return float(expit(logit(auc) - half)), float(expit(logit(auc) + half))

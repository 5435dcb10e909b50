"""Pairs of images of one or two people, and the ROC AUC over them with its interval."""

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from scipy.stats import rankdata
from scipy.stats import t as student_t

from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_vector, identity_codes
from latent_microscope.seeds import rng

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def same_pairs(identities: npt.ArrayLike) -> Ints:
    """(m, 2) rows of all pairs i < j of one identity, ordered by i, then j."""
    names = np.asarray(identities)
    codes = identity_codes(names, names.size)
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    parts = [np.empty((0, 2), dtype=np.int64)]
    for size in np.unique(sizes[sizes > 1]):
        i, j = np.triu_indices(size, 1)
        start = starts[sizes == size][:, None]
        parts.append(np.column_stack([order[start + i].ravel(), order[start + j].ravel()]))
    pairs = np.concatenate(parts)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def matched_different_pairs(identities: npt.ArrayLike, same: Ints, *, seed: int = 0) -> Ints:
    """One pair of different identities per same-identity pair, with the same first image.

    The second image comes from another same-identity pair where possible, else from all samples.
    """
    names = np.asarray(identities)
    codes = identity_codes(names, names.size)
    if codes.max() == 0:
        raise InputError(
            "identities: all samples have the same one, so there is no pair of two people"
        )
    generator = rng(seed, "different-pairs")
    first = same[:, 0]
    second = generator.permutation(same[:, 1])
    for attempt in range(1000):
        clash = np.flatnonzero(codes[first] == codes[second])
        if clash.size == 0:
            break
        if attempt < 20 and len(second) > 1:
            other = generator.integers(0, len(second), size=len(clash))
            for a, b in zip(clash, other, strict=True):
                second[[a, b]] = second[[b, a]]
        else:
            second[clash] = generator.integers(0, len(codes), size=len(clash))
    return np.column_stack([first, second])


def roc_auc(positive: npt.ArrayLike, negative: npt.ArrayLike) -> float:
    """Probability that a positive scores higher than a negative, ties one half."""
    p, q = as_vector(positive, "positive scores"), as_vector(negative, "negative scores")
    ranks = rankdata(np.concatenate([p, q]))
    return float((ranks[: len(p)].sum() - len(p) * (len(p) + 1) / 2.0) / (len(p) * len(q)))


def placements(positive: Floats, negative: Floats) -> tuple[Floats, Floats]:
    """Share of negatives below each positive, and of positives above each negative, ties one half.

    Source: DeLong et al. 1988.
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

    DeLong's influences summed by person, a pair of two people counting for both; logit scale, with
    Student's t for the effective number of people. Both ends equal the AUC where nothing varies.
    Source: Obuchowski 1997 (clustered ROC data); Aronow, Samii and Assenova 2015 (dyadic clusters).
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

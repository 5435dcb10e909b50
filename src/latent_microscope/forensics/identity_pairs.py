"""Pairs of images of one or two people, and the ROC AUC over them with its interval."""

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_vector, identity_codes
from latent_microscope.seeds import rng
from latent_microscope.statistics.auc import logit_interval
from latent_microscope.statistics.clusters import (
    MIN_EFFECTIVE,
    MIN_FREEDOM,
    effective_number,
    working_moments,
)

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
    Student's t. Its degrees of freedom are those of people who differ, each weighted by his pairs:
    not of their influences, since that of a person who holds most pairs is near 0. Both ends equal
    the AUC where nothing varies; NaN where few people hold most pairs, and at an AUC of 0 or 1.
    Source: Obuchowski 1997 (clustered ROC data); Aronow, Samii and Assenova 2015 (dyadic clusters).
    """
    above, below = placements(positive, negative)
    auc = float(above.mean())
    psi = (above - auc) / len(above)
    phi = (below - auc) / len(below)
    people = int(max(same.max(), different.max())) + 1
    pairs = np.stack(
        [np.bincount(same, minlength=people), np.bincount(different.ravel(), minlength=people)],
        axis=1,
    ).astype(np.float64)
    taking_part = pairs.any(axis=1)
    sums = np.bincount(same, weights=psi, minlength=people)
    for side in different.T:
        sums += np.bincount(side, weights=phi, minlength=people)
    # Two pairs of the same two people meet in both of their sums.
    low, high = different.min(axis=1), different.max(axis=1)
    _, couple = np.unique(low * people + high, return_inverse=True)
    twice = np.bincount(couple, weights=phi)
    independent = float(np.sum(psi**2) + np.sum(phi**2))
    total = float(np.sum(sums**2))
    count = int(taking_part.sum())
    variance = max(total - float(np.sum(twice**2)), independent) * count / max(count - 1, 1)
    if variance == 0.0 and 0.0 < auc < 1.0:
        return auc, auc
    freedom = pair_freedom(pairs[taking_part])
    if not 0.0 < auc < 1.0 or np.isnan(freedom):
        return float("nan"), float("nan")
    return logit_interval(auc, float(np.sqrt(variance)), freedom=freedom)


def pair_freedom(pairs: Floats) -> float:
    """Degrees of freedom of people by their (people, 2) numbers of pairs: same, of two people.

    NaN below the limits of :mod:`latent_microscope.statistics.clusters`.
    """
    weights = pairs / pairs.sum(axis=0)
    if min(effective_number(side) for side in weights.T) < MIN_EFFECTIVE:
        return float("nan")
    everybody = np.ones_like(weights)
    expected, squared, _ = working_moments(pairs, everybody[0] / pairs.sum(axis=0), everybody, 1.0)
    freedom = expected**2 / squared
    return freedom if freedom >= MIN_FREEDOM else float("nan")

"""Resampling of whole identities for the attribute bias index."""

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from latent_microscope.errors import InputError
from latent_microscope.seeds import rng

_CHUNK = 128
_FEW = 10

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Counts = tuple[Floats, Floats, Floats, Floats]


def identity_codes(identities: npt.ArrayLike, n: int) -> Ints:
    """Identities as codes 0 … G-1, in sorted order of the identities."""
    values = np.asarray(identities)
    if values.shape != (n,):
        raise InputError(f"identities has shape {values.shape}; expected one per sample ({n})")
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def bootstrap_counts(
    present: Mask, members: Mask, codes: Ints, n_resamples: int, seed: int
) -> Counts:
    """Counts a, b, c, d (resamples, m) of identities drawn with replacement.

    NaN where a resample has no member or no other sample.
    """
    groups, m = int(codes.max()) + 1, present.shape[1]
    values = np.column_stack(
        [present & members[:, None], present, members, np.ones(len(members))]
    ).astype(np.float64)
    sums = group_sums(values, codes, groups)
    generator = rng(seed, "abi", "bootstrap")
    counts = np.empty((4, n_resamples, m))
    for start in range(0, n_resamples, _CHUNK):
        size = min(_CHUNK, n_resamples - start)
        picked = generator.integers(0, groups, size=(size, groups))
        flat = picked + np.arange(size)[:, None] * groups
        weights = np.bincount(flat.ravel(), minlength=size * groups).reshape(size, groups)
        total = weights.astype(np.float64) @ sums
        a, with_attribute = total[:, :m], total[:, m : 2 * m]
        inside, n = total[:, 2 * m, None], total[:, 2 * m + 1, None]
        c = with_attribute - a
        usable = (inside > 0.0) & (inside < n)
        part = np.stack([a, inside - a, c, n - inside - c])
        counts[:, start : start + size] = np.where(usable, part, np.nan)
    return counts[0], counts[1], counts[2], counts[3]


def group_sums(values: Floats, codes: Ints, groups: int) -> Floats:
    """Column sums of (n, k) values within each group: (groups, k)."""
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(groups))
    return np.add.reduceat(values[order], starts, axis=0)


def effective_identities(influence: Floats, codes: Ints) -> Floats:
    """Effective number of identities, at least 1: Satterthwaite's (Σ s²)² / Σ s⁴ of influences."""
    squares = group_sums(influence, codes, int(codes.max()) + 1) ** 2
    total, fourth = squares.sum(axis=0), (squares**2).sum(axis=0)
    ratio = np.divide(total**2, fourth, out=np.ones_like(total), where=fourth > 0.0)
    return np.maximum(ratio, 1.0)


def expanded_percentiles(draws: Floats, freedom: Floats) -> tuple[Floats, Floats]:
    """95 % percentile interval with the tails widened for few identities.

    Source: Hesterberg 2015, The American Statistician 69, with the effective number of identities
    for n - 1. Plain percentiles covered 91 % where a few people hold most images.
    """
    # No draw can be out of the draws' own range, so more than all of them says no more.
    from scipy.stats import t as student_t

    tail = np.maximum(ndtr(student_t.ppf(0.025, freedom)), 0.5 / len(draws))
    known = ~np.isnan(draws).all(axis=0)
    low, high = np.full(draws.shape[1], np.nan), np.full(draws.shape[1], np.nan)
    for j in np.flatnonzero(known):
        low[j], high[j] = np.nanquantile(draws[:, j], [tail[j], 1.0 - tail[j]])
    return low, high


def permutation_p(
    present: Mask, members: Mask, codes: Ints, n_permutations: int, seed: int
) -> Floats:
    """Two-sided p per attribute from exchanging membership among identities of one size.

    Below ten permutations as extreme as observed, p is the tail of the gamma law (Pearson III)
    fitted to the permutations: a normal tail rejected too often for rare attributes.
    Source: Winkler et al. 2016, NeuroImage 141.
    """
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    blocks = [
        starts[sizes == size][:, None] + np.arange(size) for size in np.unique(sizes[sizes > 0])
    ]
    member = members[order].astype(np.float32)
    attribute = present[order].astype(np.float32)
    # Counts stay below 2**24, so float32 products are exact.
    observed = (member @ attribute).astype(np.float64)
    generator = rng(seed, "abi", "permutation")
    at_most, at_least = np.ones((2, present.shape[1]))
    total, squares, cubes = np.zeros((3, present.shape[1]))
    for start in range(0, n_permutations, _CHUNK):
        size = min(_CHUNK, n_permutations - start)
        shuffled = np.empty((size, len(member)), dtype=np.float32)
        for block in blocks:
            index = generator.permuted(np.tile(np.arange(len(block)), (size, 1)), axis=1)
            shuffled[:, block] = member[block][index]
        counts = (shuffled @ attribute).astype(np.float64)
        gap = counts - observed
        total += gap.sum(axis=0)
        squares += (gap**2).sum(axis=0)
        cubes += (gap**3).sum(axis=0)
        at_most += (counts <= observed).sum(axis=0)
        at_least += (counts >= observed).sum(axis=0)
    tail = np.minimum(at_most, at_least)
    p = np.minimum(1.0, 2.0 * tail / (n_permutations + 1.0))
    mean = total / n_permutations
    variance = np.maximum(squares / n_permutations - mean**2, 0.0)
    far = (tail < _FEW) & (variance > 0.0)
    third = cubes / n_permutations - 3.0 * mean * variance - mean**3
    fitted = _gamma_tail(-mean[far], np.sqrt(variance[far]), third[far])
    p[far] = np.minimum(1.0, 2.0 * fitted)
    return p


def _gamma_tail(distance: Floats, sd: Floats, third: Floats) -> Floats:
    """Probability of counts at least as far from their mean, on the same side.

    Half a count is taken off ``distance``, since counts are whole numbers.
    """
    # A negative skewness would end the law: the normal tail is the safe side of it.
    skew = np.maximum(np.sign(distance) * third / sd**3, 0.0)
    z = np.maximum(np.abs(distance) - 0.5, 0.0) / sd
    from scipy.stats import pearson3

    return np.asarray(np.where(z > 0.0, pearson3.sf(z, skew), 0.5))

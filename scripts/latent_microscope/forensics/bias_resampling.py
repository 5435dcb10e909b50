"""Resampling of whole identities for the attribute bias index."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from latent_microscope.errors import InputError
from latent_microscope.seeds import rng

_CHUNK = 128
_FEW = 10

Floats = npt.NDArray[np.float64]


def identity_codes(identities: npt.ArrayLike, n: int) -> npt.NDArray[np.int64]:
    """Identities as codes 0 … G-1, in sorted order of the identities.

    Raises:
        InputError: If there is not one identity a sample.
    """
    values = np.asarray(identities)
    if values.shape != (n,):
        raise InputError(
            f"identities has shape {values.shape}; give one identity for each of {n} samples."
        )
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def resample_identities(
    present: npt.NDArray[np.bool_],
    members: npt.NDArray[np.bool_],
    identities: npt.ArrayLike,
    statistic: Callable[[Floats, Floats, Floats, Floats], Floats],
    n_resamples: int,
    seed: int,
) -> tuple[Floats, Floats]:
    """Bootstrap draws of a statistic of the 2×2 tables, and permutation p values.

    Args:
        present: (n, m) attributes.
        members: n booleans.
        identities: One identity a sample.
        statistic: Function of the counts a, b, c, d (each resamples × m).
        n_resamples: Number of resamples and of permutations.
        seed: Root seed.

    Returns:
        (resamples, m) bootstrap draws (NaN where a resample has no member or no other sample) and
        m two-sided p values: twice the smaller share, observed table included, of permutations
        with as many or more (as many or fewer) members that have the attribute; the normal tail
        where those are fewer than ten.
    """
    codes = identity_codes(identities, len(members))
    draws = _bootstrap(present, members, codes, statistic, n_resamples, seed)
    return draws, _permutation_p(present, members, codes, n_resamples, seed)


def _sums(values: Floats, codes: npt.NDArray[np.int64], groups: int) -> Floats:
    """Column sums within each group."""
    out = np.zeros((groups, values.shape[1]))
    np.add.at(out, codes, values)
    return out


def _bootstrap(
    present: npt.NDArray[np.bool_],
    members: npt.NDArray[np.bool_],
    codes: npt.NDArray[np.int64],
    statistic: Callable[[Floats, Floats, Floats, Floats], Floats],
    n_resamples: int,
    seed: int,
) -> Floats:
    """Statistic on tables of identities drawn with replacement."""
    groups, m = int(codes.max()) + 1, present.shape[1]
    values = np.column_stack(
        [present & members[:, None], present, members, np.ones(len(members))]
    ).astype(np.float64)
    sums = _sums(values, codes, groups)
    generator = rng(seed, "abi", "bootstrap")
    draws = np.empty((n_resamples, m))
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
        part = statistic(a, inside - a, c, n - inside - c)
        draws[start : start + size] = np.where(usable, part, np.nan)
    # A statistic that no resample could give has no interval.
    return np.where(np.isnan(draws).all(axis=0), 0.0, draws)


def _permutation_p(
    present: npt.NDArray[np.bool_],
    members: npt.NDArray[np.bool_],
    codes: npt.NDArray[np.int64],
    n_permutations: int,
    seed: int,
) -> Floats:
    """Permutation p values from exchanging membership patterns among identities of one size.

    The numbers of members and of samples with an attribute stay fixed, so that the count of
    members with it carries all of the evidence; correlation within identities stays as it is.
    Where fewer than ten permutations lie as far out, their share says little more than that p is
    small (at best 2 / (permutations + 1), which no correction over 40 attributes survives): p is
    then the normal tail at the permutations' mean and standard deviation.
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
    at_most = np.ones(present.shape[1])
    at_least = np.ones(present.shape[1])
    total = np.zeros(present.shape[1])
    squares = np.zeros(present.shape[1])
    for start in range(0, n_permutations, _CHUNK):
        size = min(_CHUNK, n_permutations - start)
        shuffled = np.empty((size, len(member)), dtype=np.float32)
        for block in blocks:
            index = np.tile(np.arange(len(block)), (size, 1))
            index = generator.permuted(index, axis=1)
            shuffled[:, block] = member[block][index]
        counts = (shuffled @ attribute).astype(np.float64)
        total += (counts - observed).sum(axis=0)
        squares += ((counts - observed) ** 2).sum(axis=0)
        at_most += (counts <= observed).sum(axis=0)
        at_least += (counts >= observed).sum(axis=0)
    tail = np.minimum(at_most, at_least)
    p = np.minimum(1.0, 2.0 * tail / (n_permutations + 1.0))
    mean = total / n_permutations
    sd = np.sqrt(np.maximum(squares / n_permutations - mean**2, 0.0))
    far = (tail < _FEW) & (sd > 0.0)
    z = np.divide(np.abs(mean), sd, out=np.zeros_like(mean), where=far)
    return np.where(far, np.minimum(p, 2.0 * ndtr(-z)), p)

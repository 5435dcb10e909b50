"""Pairs of samples of one identity, and matched pairs of different ones."""

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError
from latent_microscope.forensics.bias_resampling import identity_codes
from latent_microscope.seeds import rng

Ints = npt.NDArray[np.int64]


def same_pairs(identities: npt.ArrayLike) -> Ints:
    """All pairs (i < j) of samples of one identity, ordered by i, then j.

    Returns:
        (m, 2) rows.
    """
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
    """One pair of different identities for each same-identity pair, with the same first image.

    The second image is the second image of another same-identity pair, so that both sets draw on
    the same images; what cannot be matched so is drawn from all samples.

    Args:
        identities: One identity a sample.
        same: (m, 2) same-identity pairs.
        seed: Root seed.

    Returns:
        (m, 2) rows.

    Raises:
        InputError: If there is only one identity.
    """
    names = np.asarray(identities)
    codes = identity_codes(names, names.size)
    if codes.max() == 0:
        raise InputError("All samples are of one identity; there is no different pair to compare.")
    generator = rng(seed, "different-pairs")
    first = same[:, 0]
    second = generator.permutation(same[:, 1])
    for attempt in range(1000):
        clash = np.flatnonzero(codes[first] == codes[second])
        if clash.size == 0:
            break
        if attempt < 20 and len(second) > 1:
            other = generator.integers(0, len(second), size=len(clash))
            for mine, theirs in zip(clash, other, strict=True):
                second[[mine, theirs]] = second[[theirs, mine]]
        else:
            second[clash] = generator.integers(0, len(codes), size=len(clash))
    return np.column_stack([first, second])

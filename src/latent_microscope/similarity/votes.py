"""Human votes: shares, random halves and drawing without replacement.

Where only the shares of answers are known (soft labels), they stand for the votes: as floats whose
rows sum to 1.
"""

import numpy as np
import numpy.typing as npt

from latent_microscope.arrays import as_numbers
from latent_microscope.errors import InputError

_TOO_MANY = 10**9  # for numpy's hypergeometric draws
Counts = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
SOFT = "soft labels: the number of votes is not known"
SINGLE = "some images have a single vote"
"""Why nothing can be said of votes drawn again, or of halves of them."""


def why_no_halves(votes: npt.ArrayLike) -> str:
    """Empty if votes (n, classes) can be halved, else :data:`SOFT` or :data:`SINGLE`."""
    array = np.asarray(votes)
    if array.dtype.kind == "f":
        return SOFT
    return SINGLE if array.sum(axis=1).min() < 2 else ""


def as_counts(counts: npt.ArrayLike, *, at_least: int = 1) -> Counts:
    """Vote counts as int64 (images, classes), checked: whole, at least that many per image."""
    array = as_numbers(counts, "counts")
    if array.ndim != 2 or array.shape[1] < 2 or not len(array):
        raise InputError(f"Votes have the shape (images, classes), not {array.shape}.")
    wrong = np.flatnonzero(~((array >= 0) & (array == np.rint(array))).all(axis=1))
    if wrong.size:
        raise InputError(
            f"Row {wrong[0]} of the votes contains a value that is not a non-negative whole "
            "number; pass counts, not shares."
        )
    many = np.flatnonzero(array.sum(axis=1, dtype=np.float64) >= _TOO_MANY)
    if many.size:
        raise InputError(f"Row {many[0]} has {_TOO_MANY:,} votes or more, too many to draw from.")
    whole = array.astype(np.int64)
    few = np.flatnonzero(whole.sum(axis=1) < at_least)
    if few.size:
        raise InputError(
            f"Row {few[0]} has {whole[few[0]].sum()} votes and needs at least {at_least}; "
            "leave the image out."
        )
    return whole


def vote_shares(votes: npt.ArrayLike) -> Float64:
    """Share of each class among an image's votes, shape (n, classes), rows sum to 1.

    Soft labels are returned as they are.
    """
    array = np.asarray(votes)
    soft = array.dtype.kind == "f" and array.ndim == 2 and array.min(initial=0.0) >= 0.0
    if soft and (np.abs(array.sum(axis=1) - 1.0) < 1e-6).all():
        return array.astype(np.float64)
    whole = as_counts(votes)
    return whole / whole.sum(axis=1, keepdims=True)


def draw_without_replacement(
    counts: Counts, sizes: npt.NDArray[np.int64], generator: np.random.Generator
) -> Counts:
    """Draw ``sizes[i]`` of the votes of image i at random (multivariate hypergeometric)."""
    drawn = np.zeros_like(counts)
    wanted = np.array(sizes, dtype=np.int64)
    rest = counts.sum(axis=1)
    for k in range(counts.shape[1]):
        rest = rest - counts[:, k]
        drawn[:, k] = generator.hypergeometric(counts[:, k], rest, wanted)
        wanted -= drawn[:, k]
    return drawn


def halve_votes(counts: Counts, generator: np.random.Generator) -> tuple[Counts, Counts]:
    """Split each image's votes at random into two halves; an odd vote goes to either."""
    total = counts.sum(axis=1)
    sizes = total // 2 + (total % 2) * generator.integers(0, 2, size=total.size)
    first = draw_without_replacement(counts, sizes, generator)
    return first, counts - first


def class_mean_votes(counts: npt.ArrayLike, labels: npt.ArrayLike) -> Float64:
    """Mean vote shares of each image's true class, itself included, (n, classes): a baseline."""
    shares = vote_shares(counts)
    _, group = np.unique(np.asarray(labels), return_inverse=True)
    sums = np.zeros((group.max() + 1, shares.shape[1]))
    np.add.at(sums, group, shares)
    return (sums / np.bincount(group)[:, None])[group]

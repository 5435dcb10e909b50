"""Positions of image pairs in a condensed RDM."""

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError


def n_pairs(n: int) -> int:
    """Number of pairs of ``n`` images, the length of a condensed RDM."""
    return n * (n - 1) // 2


def n_images(pairs: int) -> int:
    """Number of images of a condensed RDM of length ``pairs``.

    Raises:
        InputError: If no number of images has that many pairs.
    """
    n = round((1.0 + (1.0 + 8.0 * pairs) ** 0.5) / 2.0)
    if pairs < 1 or n_pairs(n) != pairs:
        raise InputError(
            f"A condensed RDM has n(n-1)/2 values, and {pairs} is no such number; "
            "pass the upper triangle without the diagonal."
        )
    return n


def row_start(row: int, n: int) -> int:
    """Position in the condensed array of the pair (row, row + 1)."""
    return row * (n - 1) - row * (row - 1) // 2


def condensed_index(
    i: npt.NDArray[np.integer], j: npt.NDArray[np.integer], n: int
) -> npt.NDArray[np.int64]:
    """Positions of the pairs (i, j), in either order, i != j, of ``n`` images."""
    low = np.minimum(i, j).astype(np.int64)
    high = np.maximum(i, j).astype(np.int64)
    return low * (n - 1) - low * (low - 1) // 2 + high - low - 1


def pairs_within(groups: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Condensed positions of the pairs whose two images share a group (a class, say).

    Args:
        groups: One label an image, in the order of the RDM's ids.

    Returns:
        Ascending positions, to be given as ``pairs`` to ``compare``.
    """
    labels = np.asarray(groups)
    n = labels.size
    parts = []
    for row in range(n - 1):
        same = np.flatnonzero(labels[row + 1 :] == labels[row])
        parts.append(row_start(row, n) + same)
    return np.concatenate(parts).astype(np.int64) if parts else np.empty(0, dtype=np.int64)


def pairs_among(members: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Condensed positions of the pairs whose two images both belong to a subset.

    Args:
        members: One boolean an image, in the order of the RDM's ids.

    Returns:
        Ascending positions, to be given as ``pairs`` to ``compare``.
    """
    inside = np.asarray(members, dtype=bool)
    chosen = np.flatnonzero(inside)
    n = inside.size
    parts = [row_start(int(i), n) + chosen[k + 1 :] - i - 1 for k, i in enumerate(chosen[:-1])]
    return np.concatenate(parts).astype(np.int64) if parts else np.empty(0, dtype=np.int64)

"""Nearest neighbours of samples: what passes find and artefacts keep."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Neighbours:
    """What a pass over pairs of points finds.

    Attributes:
        distances: (n, k) Euclidean distances to the k nearest others, ascending.
        indices: (n, k) rows of these neighbours; ties go to the smaller row.
        within: (n, r) number of others closer than each of r radii, where asked for.
    """

    distances: Floats
    indices: Ints
    within: Ints = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))


def load_neighbours(indices: Path | None, distances: Path | None, n: int) -> Neighbours | None:
    """Nearest others of n samples, or None where the files are not given.

    Args:
        indices: ``.npy`` (n, k) rows.
        distances: ``.npy`` (n, k) distances.
        n: Number of samples.

    Raises:
        InputError: Another number of rows, two shapes, or rows that are no samples.
    """
    if indices is None or distances is None:
        return None
    rows, lengths = load_npy(indices), load_npy(distances)
    if rows.shape != lengths.shape or rows.ndim != 2 or len(rows) != n:
        raise InputError(
            f"{indices} has shape {rows.shape} and {distances} {lengths.shape}, for {n} samples; "
            "make both again from the same latents"
        )
    if rows.size and not 0 <= rows.min() <= rows.max() < n:
        raise InputError(f"{indices} names rows that are not among the {n} samples; make it again")
    return Neighbours(lengths.astype(np.float64), rows.astype(np.int64))

"""Pairs of latents that point the same way."""

import numpy.typing as npt
import pandas as pd

from latent_microscope.forensics.checks import as_matrix, in_range
from latent_microscope.neighbours.blocks import Floats, pair_distances
from latent_microscope.neighbours.scan import Overlaps
from latent_microscope.neighbours.similar import similar_pairs


def overlaps(
    latents: npt.ArrayLike,
    threshold: float = 0.99,
    max_pairs: int = 100_000,
    *,
    block_size: int | None = None,
) -> pd.DataFrame:
    """Pairs of samples whose cosine similarity exceeds ``threshold``.

    Args:
        latents: (n, d) latent means, n >= 2. A row of zeros is similar to none.
        threshold: Strict lower bound of the similarity.
        max_pairs: Most pairs listed; all are counted.
        block_size: Rows of the blocks of the pass over all pairs.

    Returns:
        Table ``i``, ``j`` (i < j), ``similarity``, ``distance`` (Euclidean), most similar first
        (ties by i, then j). ``attrs["total"]`` is the number of all such pairs.

    Raises:
        InputError: If ``latents`` is not a finite n×d matrix or an option is out of range.
    """
    matrix = as_matrix(latents, "latents")
    threshold = in_range(threshold, "threshold", -1.0, 1.0)
    in_range(max_pairs, "max_pairs", 0)
    found = Overlaps(*similar_pairs(matrix, threshold, int(max_pairs), block_size=block_size))
    return overlap_table(matrix, found, threshold)


def overlap_table(latents: Floats, found: Overlaps, threshold: float) -> pd.DataFrame:
    """The table of :func:`overlaps` from the results of a pass.

    Args:
        latents: (n, d) checked matrix.
        found: Its overlaps.
        threshold: That they exceed.
    """
    i, j = found.pairs.T
    table = pd.DataFrame(
        {
            "i": i,
            "j": j,
            "similarity": found.similarity,
            "distance": pair_distances(latents, i, j),
        }
    )
    table.attrs["total"] = found.total
    table.attrs["threshold"] = threshold
    return table

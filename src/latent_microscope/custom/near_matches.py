"""Samples without images that are equal, or nearly, by their embeddings."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.forensics.checks import as_matrix, in_range
from latent_microscope.forensics.near_duplicates import COLUMNS
from latent_microscope.neighbours.blocks import pair_distances
from latent_microscope.neighbours.scan import similar_pairs

_LEAST_SIMILARITY = 0.5


def near_match_pairs(
    latents: npt.ArrayLike, ids: npt.ArrayLike, *, candidates: int = 2_000, near_matches: int = 24
) -> pd.DataFrame:
    """As near_duplicates, of latents alone: equal ones are copies; NaN where images are needed."""
    matrix, names = as_matrix(latents, "latents"), np.asarray(ids, dtype=object)
    count = int(in_range(candidates, "candidates", 1))
    found = similar_pairs(matrix, _LEAST_SIMILARITY, count)
    i, j = found.pairs.T
    equal = (matrix[i] == matrix[j]).all(axis=1)
    table = pd.DataFrame(
        {
            "i": i,
            "j": j,
            "id_i": names[i],
            "id_j": names[j],
            "verdict": np.where(equal, "copy", "near match"),
            "detail": np.where(equal, 1.0, np.nan),
            "detail_centre": np.nan,
            "similarity": found.similarity,
            "distance": pair_distances(matrix, i, j),
            "pixel_difference": np.nan,
        }
    )
    others = table[~equal].head(int(in_range(near_matches, "near_matches", 0)))
    table = pd.concat([table[equal], others], ignore_index=True)
    return table[list(COLUMNS)].astype(COLUMNS)

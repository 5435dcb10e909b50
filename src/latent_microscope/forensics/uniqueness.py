"""Uniqueness of samples in the space of independent sources, and isolated cores."""

import numpy as np
import numpy.typing as npt

from latent_microscope.forensics.checks import as_matrix, as_vector, in_range, one_of
from latent_microscope.neighbours.means import SourceScan, scan_sources, similar_counts

VARIANTS = ("script", "notebook")
EPSILON = 1e-8


def row_entropy(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Shannon entropy (nats) of ``|value| + 1e-8``, normalised over the columns of each row."""
    weights = np.abs(values) + EPSILON
    weights /= weights.sum(axis=1, keepdims=True)
    return -np.einsum("ij,ij->i", weights, np.log(weights))


def uniqueness(
    sources: npt.ArrayLike, variant: str = "script", *, block_size: int | None = None
) -> npt.NDArray[np.float64]:
    """Uniqueness of every sample.

    ``script``: H·D·(1+V). ``notebook``: H·(1+C)·(1+V). H is the entropy of the normalised
    absolute sources of the row, V their population variance, D the mean Euclidean distance to all
    other rows (exact zeros left out), C the mean cosine distance to them (values <= 1e-6 left
    out). A row with nothing to compare with has D = C = 0.

    Args:
        sources: (n, k) independent sources, n >= 2.
        variant: ``script`` or ``notebook``.
        block_size: Side of the tiles of the pass over all pairs.

    Returns:
        n scores, float64.

    Raises:
        InputError: If ``sources`` is not a finite n×k matrix with two rows, or the variant is
            unknown.
    """
    matrix = as_matrix(sources, "sources")
    one_of(variant, "uniqueness variant", VARIANTS)
    script = variant == "script"
    pairs = scan_sources(matrix, distances=script, cosines=not script, block_size=block_size)
    return uniqueness_of(matrix, pairs, variant)


def uniqueness_of(
    sources: npt.NDArray[np.float64], pairs: SourceScan, variant: str
) -> npt.NDArray[np.float64]:
    """Uniqueness from the results of a pass over the sources.

    Args:
        sources: (n, k) checked matrix.
        pairs: Of these, with mean distances (script) or mean cosine distances (notebook).
        variant: ``script`` or ``notebook``.

    Returns:
        n scores.
    """
    factor = pairs.mean_distance if variant == "script" else 1.0 + pairs.mean_cosine
    return row_entropy(sources) * factor * (1.0 + sources.var(axis=1))


def isolated_cores(
    sources: npt.ArrayLike,
    scores: npt.ArrayLike,
    percentile: float,
    similarity: float = 0.60,
    max_neighbors: int = 7,
    *,
    block_size: int | None = None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Samples with a high score and few others in their direction.

    Args:
        sources: (n, k) independent sources.
        scores: n scores (uniqueness).
        percentile: A core's score lies strictly above this percentile of all scores.
        similarity: Other rows with a larger cosine similarity count as neighbours (notebook:
            0.95).
        max_neighbors: A core has at most so many neighbours.
        block_size: Rows of the blocks of the pass over all pairs.

    Returns:
        Indices of the cores, ascending, and the numbers of their neighbours (both int64).

    Raises:
        InputError: If the arrays do not fit each other or an option is out of range.
    """
    matrix = as_matrix(sources, "sources")
    values = as_vector(scores, "scores", len(matrix))
    in_range(percentile, "percentile", 0.0, 100.0)
    in_range(similarity, "similarity", -1.0, 1.0)
    in_range(max_neighbors, "max_neighbors", 0)
    candidates = np.flatnonzero(values > np.percentile(values, percentile)).astype(np.int64)
    counts = similar_counts(matrix, candidates, similarity, block_size=block_size)
    kept = counts <= max_neighbors
    return candidates[kept], counts[kept]

"""The heuristics as one writes them well with scikit-learn: chunks, no n×n matrix, no loops."""

import numpy as np
import numpy.typing as npt
from sklearn.metrics import pairwise_distances_chunked
from sklearn.neighbors import NearestNeighbors

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def neighbours(latents: Floats, k: int, radius: float) -> tuple[Floats, Ints]:
    """Distances to the k nearest others and numbers of others within the radius."""
    index = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(latents)
    distances = index.kneighbors()[0]
    within = index.radius_neighbors(radius=radius, return_distance=False)
    return distances, np.array([len(rows) for rows in within])


def mean_distances(sources: Floats) -> Floats:
    """Mean distance of each row to all others, zeros left out."""

    def reduce(chunk: Floats, _: int) -> Floats:
        return chunk.sum(axis=1) / np.count_nonzero(chunk, axis=1)

    return np.concatenate(list(pairwise_distances_chunked(sources, reduce_func=reduce)))


def similar_others(sources: Floats, similarity: float) -> Ints:
    """Numbers of others with a larger cosine."""

    def reduce(chunk: Floats, _: int) -> Ints:
        return np.count_nonzero(chunk < 1.0 - similarity, axis=1) - 1

    chunks = pairwise_distances_chunked(sources, metric="cosine", reduce_func=reduce)
    return np.concatenate(list(chunks))


def overlaps(latents: Floats, threshold: float) -> Ints:
    """Pairs i < j with a larger cosine."""
    parts, start = [], 0
    for chunk in pairwise_distances_chunked(latents, metric="cosine"):
        pairs = np.argwhere(chunk < 1.0 - threshold) + np.array([start, 0])
        parts.append(pairs[pairs[:, 0] < pairs[:, 1]])
        start += len(chunk)
    return np.concatenate(parts)


def stability(latents: Floats, noise: float, n_draws: int, seed: int) -> Floats:
    """Stability in chunks of samples."""
    rng = np.random.default_rng(seed)
    parts = []
    for z in np.array_split(latents, max(1, len(latents) // 1000)):
        draws = z[:, None] + rng.normal(0.0, noise, (len(z), n_draws, z.shape[1]))
        mean = draws.mean(axis=1)
        norms = np.linalg.norm(z, axis=1) * np.linalg.norm(mean, axis=1)
        cosine = np.einsum("ij,ij->i", z, mean) / norms
        parts.append(cosine / (1.0 + draws.var(axis=1).mean(axis=1)))
    return np.concatenate(parts)

"""The heuristics of others: as in the published code, and with scikit-learn in chunks.

The first group has full matrices and Python loops, written from the formulas; neighbour indices are
built per sample where the publication does so. Labels and sample order are correct here, which they
are not there. The second group (``chunked_…``) is good scikit-learn code: no n×n matrix, no loops.
"""

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist
from scipy.stats import entropy
from sklearn.metrics import pairwise_distances_chunked
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def uniqueness(sources: Floats) -> Floats:
    """Entropy × mean distance × (1 + variance), one sample after the other."""
    scores = []
    for row in sources:
        weights = np.abs(row) + 1e-8
        distances = cdist([row], sources)[0]
        scores.append(
            entropy(weights / weights.sum()) * np.mean(distances[distances > 0]) * (1 + np.var(row))
        )
    return np.array(scores)


def similar_others(sources: Floats, similarity: float) -> Ints:
    """Numbers of similar others from the n×n matrix of cosines."""
    matrix = cosine_similarity(sources)
    return np.array([int(np.sum(row > similarity)) - 1 for row in matrix])


def knn_density(latents: Floats, k: int) -> Floats:
    """Inverse mean distance to the k nearest others."""
    found = NearestNeighbors(n_neighbors=k + 1).fit(latents).kneighbors(latents)[0]
    return 1.0 / (found[:, 1:].mean(axis=1) + 1e-8)


def attractor_density(latents: Floats, radius: float) -> Floats:
    """Share of points within the radius, one sample after the other."""
    n = len(latents)
    return np.array(
        [(np.sum(np.linalg.norm(latents - row, axis=1) < radius) - 1) / n for row in latents]
    )


def originality(latents: Floats, density: Floats, k: int, n_attractors: int) -> Floats:
    """Spatial × spectral entropy × (1 + isolation), with an index of neighbours per sample."""
    ranking = np.argsort(-density, kind="stable")
    scores = []
    for i, row in enumerate(latents):
        index = NearestNeighbors(n_neighbors=k + 1).fit(latents)
        nearest = index.kneighbors(row[None])[0][0, 1:]
        counts = np.histogram(nearest, bins=5)[0] + 1e-8
        weights = np.abs(row) + 1e-8
        attractors = [a for a in ranking[: n_attractors + 1] if a != i][:n_attractors]
        isolation = min(np.linalg.norm(row - latents[a]) for a in attractors)
        spectral = entropy(weights / weights.sum())
        scores.append(entropy(counts / counts.sum()) * spectral * (1 + isolation))
    return np.array(scores)


def stability(latents: Floats, noise: float, n_draws: int, seed: int) -> Floats:
    """Cosine to the mean of noisy copies, by their variance, one sample after the other."""
    rng = np.random.default_rng(seed)
    scores = []
    for row in latents:
        draws = np.array([row + rng.normal(0.0, noise, row.shape) for _ in range(n_draws)])
        cosine = cosine_similarity([row], [draws.mean(axis=0)])[0, 0]
        scores.append(cosine / (1 + draws.var(axis=0).mean()))
    return np.array(scores)


def overlaps(latents: Floats, threshold: float) -> Ints:
    """Pairs i < j above the threshold from the n×n matrix of cosines."""
    matrix = cosine_similarity(latents)
    return np.argwhere(np.triu(matrix > threshold, k=1))


def chunked_neighbours(latents: Floats, k: int, radius: float) -> tuple[Floats, Ints]:
    """Distances to the k nearest others and numbers of others within the radius."""
    index = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(latents)
    distances = index.kneighbors()[0]
    within = index.radius_neighbors(radius=radius, return_distance=False)
    return distances, np.array([len(rows) for rows in within])


def chunked_mean_distances(sources: Floats) -> Floats:
    """Mean distance of each row to all others, zeros left out."""
    chunks = pairwise_distances_chunked(sources)
    return np.concatenate([one.sum(axis=1) / np.count_nonzero(one, axis=1) for one in chunks])


def chunked_similar_others(sources: Floats, similarity: float) -> Ints:
    """Numbers of others with a larger cosine."""
    chunks = pairwise_distances_chunked(sources, metric="cosine")
    return np.concatenate([np.count_nonzero(one < 1.0 - similarity, axis=1) - 1 for one in chunks])


def chunked_overlaps(latents: Floats, threshold: float) -> Ints:
    """Pairs i < j with a larger cosine."""
    parts, start = [], 0
    for chunk in pairwise_distances_chunked(latents, metric="cosine"):
        pairs = np.argwhere(chunk < 1.0 - threshold) + np.array([start, 0])
        parts.append(pairs[pairs[:, 0] < pairs[:, 1]])
        start += len(chunk)
    return np.concatenate(parts)


def chunked_stability(latents: Floats, noise: float, n_draws: int, seed: int) -> Floats:
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

"""Approximate nearest neighbours by neighbour descent, and how many of the true ones they are."""

import numpy as np

from latent_microscope.neighbours.blocks import Floats, pair_distances
from latent_microscope.neighbours.knn import Neighbours
from latent_microscope.neighbours.rows import row_pass
from latent_microscope.seeds import derive, rng

RECALL_ROWS = 1000
# Neighbours that the search keeps: few make it lose its way in many dimensions.
_LISTED = 30


def approximate_neighbours(points: Floats, k: int, *, seed: int = 0) -> Neighbours:
    """The k nearest others of every row as neighbour descent (pynndescent) finds them.

    Distances are computed again in float64. The same seed gives the same neighbours.

    Args:
        points: (n, d) checked matrix, n >= 2.
        k: Neighbours wanted; capped at n - 1.
        seed: Root seed of the search.

    Returns:
        A :class:`~latent_microscope.neighbours.knn.Neighbours`.
    """
    from pynndescent import NNDescent

    n = len(points)
    k = min(k, n - 1)
    index = NNDescent(
        points.astype(np.float32),
        n_neighbors=min(max(_LISTED, 2 * k + 1), n),
        random_state=derive(seed, "neighbours") % 2**32,
        compressed=True,
    )
    found = np.asarray(index.neighbor_graph[0], dtype=np.int64)
    rows = np.arange(n)
    # A sample is mostly its own first neighbour; where a copy took its place, the last one goes.
    own = found == rows[:, None]
    own[~own.any(axis=1), -1] = True
    indices = found[~own].reshape(n, -1)
    # An empty place (-1) gets the distance of the row to itself: none, so it must not stay.
    empty = indices < 0
    if empty.any():
        lost = np.flatnonzero(empty.any(axis=1))
        indices[lost] = row_pass(points, lost, indices.shape[1], ()).indices
    listed = np.repeat(rows, indices.shape[1])
    distances = pair_distances(points, listed, indices.ravel()).reshape(indices.shape)
    order = np.lexsort((indices, distances), axis=1)[:, :k]
    return Neighbours(
        np.take_along_axis(distances, order, axis=1),
        np.take_along_axis(indices, order, axis=1),
    )


def measured_recall(
    points: Floats, found: Neighbours, *, rows: int = RECALL_ROWS, seed: int = 0
) -> float:
    """Share of the true nearest neighbours among those found, on a sample of rows.

    Ties count: a neighbour as near as the last true one is a true one.

    Args:
        points: (n, d) checked matrix.
        found: Its neighbours.
        rows: Size of the sample.
        seed: Root seed of the sample.
    """
    n, k = found.distances.shape
    chosen = rng(seed, "recall").choice(n, size=min(rows, n), replace=False)
    chosen.sort()
    true = row_pass(points, chosen, k, ()).distances[:, -1:]
    return float(np.mean(found.distances[chosen] <= true))

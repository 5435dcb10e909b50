"""Orders and maps of things by the distances between them."""

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform

Floats = npt.NDArray[np.float64]


def classical_scaling(distances: Floats) -> tuple[Floats, float]:
    """Classical multidimensional scaling of distances (k, k) into two dimensions.

    Returns (k, 2) coordinates, each axis with its largest entry positive, and the share of the sum
    of the positive eigenvalues that they keep.
    """
    k = len(distances)
    centre = np.eye(k) - 1.0 / k
    values, vectors = np.linalg.eigh(-0.5 * centre @ np.square(distances) @ centre)
    values, vectors = values[::-1], vectors[:, ::-1]
    plane = np.zeros((k, 2))
    plane[:, : min(2, k)] = vectors[:, :2] * np.sqrt(np.maximum(values[:2], 0.0))
    for column in plane.T:
        if column[np.argmax(np.abs(column).round(9))] < 0:
            column *= -1
    positive = values[values > 0].sum()
    return plane, float(np.maximum(values[:2], 0).sum() / positive) if positive > 0 else 0.0


def onto(plane: Floats, reference: Floats) -> Floats:
    """A centred map rotated, flipped and scaled onto a reference map (Procrustes)."""
    u, sizes, vt = np.linalg.svd(plane.T @ reference)
    norm = np.square(plane).sum()
    return plane @ u @ vt * (sizes.sum() / norm if norm > 0 else 1.0)


def leaf_order(condensed: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Leaves of the average-linkage dendrogram in optimal order, of condensed distances."""
    values = np.asarray(condensed, dtype=np.float64)
    tree = linkage(values, "average")
    return leaves_list(optimal_leaf_ordering(tree, values)).astype(np.int64)


def square(condensed: npt.ArrayLike) -> Floats:
    """The full symmetric matrix of condensed distances."""
    return np.asarray(squareform(np.asarray(condensed, dtype=np.float64)), dtype=np.float64)

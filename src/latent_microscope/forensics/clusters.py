"""Clusters of latents: UMAP plane, HDBSCAN on it and in latent space, their characteristics."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.forensics.bias import binary_attributes
from latent_microscope.forensics.checks import as_labels, as_matrix, as_vector, in_range
from latent_microscope.forensics.sources import standardise
from latent_microscope.neighbours.knn import Neighbours
from latent_microscope.neighbours.mst import spanning_tree, tree_labels
from latent_microscope.neighbours.pairs import neighbour_pass

SCALES = (5, 10, 20, 50)
GRAPH_NEIGHBOURS = 15
HDBSCAN_ROWS = 10_000

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def plane_neighbours(latents: npt.ArrayLike, k: int = GRAPH_NEIGHBOURS) -> Neighbours:
    """The nearest others of every sample among the standardised latents.

    UMAP and the clusters in latent space start from them.

    Args:
        latents: (n, d) latent means.
        k: Neighbours; capped at n - 1.

    Raises:
        InputError: If ``latents`` is not a finite n×d matrix or ``k`` is below 1.
    """
    scaled = standardise(as_matrix(latents, "latents"))
    return neighbour_pass(scaled, k=int(in_range(k, "k", 1)))


def umap_plane(
    latents: npt.ArrayLike,
    *,
    seed: int = 0,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    neighbours: Neighbours | None = None,
) -> Floats:
    """UMAP of the standardised latents to two dimensions (euclidean).

    The neighbours are exact. A fixed ``random_state`` makes UMAP single-threaded and the plane
    reproducible on one machine.

    Args:
        latents: (n, d) latent means, n >= 5.
        seed: Random state.
        n_neighbors: Neighbours, the sample itself among them as UMAP counts; capped at n - 1.
        min_dist: Least distance on the plane.
        neighbours: From :func:`plane_neighbours`, at least ``n_neighbors - 1`` of them, where
            known already.

    Returns:
        (n, 2) float64.

    Raises:
        InputError: If ``latents`` is not a finite n×d matrix or an option is out of range.
    """
    from umap import UMAP

    matrix = as_matrix(latents, "latents", min_rows=5)
    in_range(n_neighbors, "n_neighbors", 2)
    in_range(min_dist, "min_dist", 0.0, 1.0)
    n = len(matrix)
    near = min(int(n_neighbors), n - 1)
    if neighbours is None:
        neighbours = plane_neighbours(matrix, near - 1)
    if neighbours.indices.shape[1] < near - 1 or len(neighbours.indices) != n:
        raise InputError(
            f"neighbours has shape {neighbours.indices.shape}; give {near - 1} for each of the "
            f"{n} samples."
        )
    model = UMAP(
        n_neighbors=near,
        min_dist=min_dist,
        n_components=2,
        metric="euclidean",
        random_state=int(seed) % 2**32,
        # Spectral initialisation needs more samples than that; its fallback warns.
        init="spectral" if n > 16 else "random",
        n_jobs=1,
        # UMAP counts a sample as its own first neighbour.
        precomputed_knn=(
            np.column_stack([np.arange(n), neighbours.indices[:, : near - 1]]),
            np.column_stack([np.zeros(n), neighbours.distances[:, : near - 1]]).astype(np.float32),
        ),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plane = model.fit_transform(standardise(matrix).astype(np.float32))
    return np.ascontiguousarray(plane, dtype=np.float64)


def _memberships(
    points: Floats, min_cluster_size: int, min_samples: int | None
) -> tuple[Ints, Floats]:
    """HDBSCAN labels renumbered by size, largest first (ties by first member), and probabilities.

    Noise is -1, of probability 0.
    """
    from hdbscan import HDBSCAN

    min_cluster_size = int(in_range(min_cluster_size, "min_cluster_size", 2))
    n = len(points)
    # Neither more core neighbours than points nor a cluster larger than all of them.
    if n < max(min_cluster_size, 3):
        return np.full(n, -1, dtype=np.int64), np.zeros(n)
    samples = min(min_samples or min_cluster_size, n - 1)
    model = HDBSCAN(
        min_cluster_size=min_cluster_size,
        min_samples=samples,
        metric="euclidean",
        core_dist_n_jobs=1,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        labels = model.fit_predict(points)
    return by_size(labels), np.asarray(model.probabilities_, dtype=np.float64)


def _hdbscan(points: Floats, min_cluster_size: int, min_samples: int | None) -> Ints:
    """Labels of :func:`_memberships`."""
    return _memberships(points, min_cluster_size, min_samples)[0]


def by_size(labels: npt.ArrayLike) -> Ints:
    """Labels renumbered 0, 1, … by falling size, ties by first member; -1 stays."""
    values = as_labels(labels, "labels")
    found, first, sizes = np.unique(values[values >= 0], return_index=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    new = np.full(int(found.max(initial=-1)) + 2, -1, dtype=np.int64)
    new[found[order]] = np.arange(len(found))
    return new[np.where(values >= 0, values, -1)]


def plane_clusters(
    plane: npt.ArrayLike, *, min_cluster_size: int = 100, min_samples: int = 10
) -> Ints:
    """HDBSCAN labels on the UMAP plane, largest cluster 0, noise -1.

    Raises:
        InputError: If ``plane`` is not a finite matrix or an option is out of range.
    """
    return _hdbscan(as_matrix(plane, "plane"), min_cluster_size, min_samples)


def plane_memberships(
    plane: npt.ArrayLike, *, min_cluster_size: int = 100, min_samples: int = 10
) -> tuple[Ints, Floats]:
    """Labels of :func:`plane_clusters` and how firmly each sample belongs to its cluster.

    Returns:
        n labels and n probabilities in [0, 1] (0 for noise).

    Raises:
        InputError: If ``plane`` is not a finite matrix or an option is out of range.
    """
    return _memberships(as_matrix(plane, "plane"), min_cluster_size, min_samples)


def latent_clusters(
    latents: npt.ArrayLike,
    *,
    min_cluster_size: int = 2,
    hdbscan_rows: int = HDBSCAN_ROWS,
    neighbours: Neighbours | None = None,
) -> Ints:
    """HDBSCAN labels of the standardised latents, largest cluster (C_max) 0, noise -1.

    All noise is a usual result: the KL term makes latents Gaussian.

    Args:
        latents: (n, d) latent means.
        min_cluster_size: Smallest cluster.
        hdbscan_rows: Most samples for the library itself, whose time grows with n²; beyond, the
            tree is grown from the neighbour graph (see :mod:`.spanning`).
        neighbours: From :func:`plane_neighbours`, where known already.

    Raises:
        InputError: If ``latents`` is not a finite n×d matrix or an option is out of range.
    """
    scaled = standardise(as_matrix(latents, "latents"))
    if len(scaled) <= hdbscan_rows:
        return _hdbscan(scaled, min_cluster_size, None)
    return graph_clusters(scaled, min_cluster_size, neighbours)


def graph_clusters(
    scaled: Floats, min_cluster_size: int = 2, neighbours: Neighbours | None = None
) -> Ints:
    """Labels as HDBSCAN's, largest cluster 0, from the neighbour graph of standardised latents."""
    size = int(in_range(min_cluster_size, "min_cluster_size", 2))
    if len(scaled) < max(size, 3):
        return np.full(len(scaled), -1, dtype=np.int64)
    if neighbours is None or neighbours.indices.shape[1] < size:
        neighbours = neighbour_pass(scaled, k=max(GRAPH_NEIGHBOURS, size))
    return by_size(tree_labels(spanning_tree(scaled, neighbours, size), size))


def multi_scale_clusters(
    plane: npt.ArrayLike, *, scales: Sequence[int] = SCALES, min_samples: int = 1
) -> tuple[pd.DataFrame, dict[int, Ints]]:
    """HDBSCAN on the plane at several smallest cluster sizes.

    Returns:
        Table ``min_cluster_size``, ``n_clusters``, ``noise_share``, ``largest_share``, one row a
        scale in its order, and the labels of each scale.

    Raises:
        InputError: If ``plane`` is not a finite matrix or an option is out of range.
    """
    points = as_matrix(plane, "plane")
    labels = {int(scale): _hdbscan(points, scale, min_samples) for scale in scales}
    records = [
        {
            "min_cluster_size": scale,
            "n_clusters": int(found.max()) + 1,
            "noise_share": float(np.mean(found == -1)),
            "largest_share": float(np.mean(found == 0)),
        }
        for scale, found in labels.items()
    ]
    columns = ["min_cluster_size", "n_clusters", "noise_share", "largest_share"]
    return pd.DataFrame.from_records(records, columns=columns), labels


def cluster_profile(
    latents: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    attributes: npt.ArrayLike | pd.DataFrame | None = None,
    attribute_names: Sequence[str] | None = None,
    scores: Mapping[str, npt.ArrayLike] | None = None,
) -> pd.DataFrame:
    """Size, spread and means of every cluster; noise is no cluster.

    Args:
        latents: (n, d) latent means.
        labels: Cluster labels, -1 is noise.
        attributes: (n, m) binary attributes whose share in each cluster is wanted.
        attribute_names: Their names.
        scores: Scores whose mean in each cluster is wanted, by name.

    Returns:
        Table ``cluster``, ``size``, ``mean_distance``, ``max_distance``, ``sd_distance`` (ddof 0)
        to the centroid, then ``mean_<score>`` and ``share_<attribute>``, ordered by cluster;
        empty without clusters.

    Raises:
        InputError: If the arrays do not fit each other.
    """
    z = as_matrix(latents, "latents", min_rows=1)
    values = as_labels(labels, "labels", len(z))
    columns: dict[str, Floats] = {
        f"mean_{name}": as_vector(score, name, len(z)) for name, score in (scores or {}).items()
    }
    if attributes is not None:
        present, names = binary_attributes(attributes, attribute_names)
        columns |= {
            f"share_{name}": as_vector(present[:, j], "attributes", len(z))
            for j, name in enumerate(names)
        }
    records = []
    for cluster in np.unique(values[values != -1]):
        members = values == cluster
        distance = np.linalg.norm(z[members] - z[members].mean(axis=0), axis=1)
        records.append(
            {
                "cluster": int(cluster),
                "size": len(distance),
                "mean_distance": distance.mean(),
                "max_distance": distance.max(),
                "sd_distance": distance.std(),
                **{name: column[members].mean() for name, column in columns.items()},
            }
        )
    head = ["cluster", "size", "mean_distance", "max_distance", "sd_distance"]
    table = pd.DataFrame.from_records(records, columns=[*head, *columns])
    return table.astype({name: "int64" if name in head[:2] else "float64" for name in table})


def creative_cluster(labels: npt.ArrayLike, scores: npt.ArrayLike) -> tuple[int | None, float]:
    """The cluster with the highest mean CLS and that mean; ``(None, nan)`` without clusters.

    Raises:
        InputError: If the arrays do not fit each other.
    """
    values = as_labels(labels, "labels")
    cls = as_vector(scores, "scores", len(values))
    found = np.unique(values[values != -1])
    if found.size == 0:
        return None, float("nan")
    means = np.array([cls[values == cluster].mean() for cluster in found])
    best = int(np.argmax(means))
    return int(found[best]), float(means[best])

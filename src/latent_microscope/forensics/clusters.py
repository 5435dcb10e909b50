"""UMAP and t-SNE coordinates of latents, and clusters (HDBSCAN) there and in latent space."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_labels, as_matrix, as_rows, as_vector, in_range
from latent_microscope.forensics.sources import standardise
from latent_microscope.neighbours.blocks import Neighbours
from latent_microscope.neighbours.copies import first_copies, value_order
from latent_microscope.neighbours.mst import (
    plane_tree,
    single_linkage,
    spanning_tree,
    tree_labels,
)
from latent_microscope.neighbours.pairs import (
    Part,
    gathered,
    neighbour_pass,
    repaired,
    scan_part,
)

SCALES = (5, 10, 20, 50)
GRAPH_NEIGHBOURS = 15

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def plane_neighbours(
    latents: npt.ArrayLike, k: int = GRAPH_NEIGHBOURS, parts: Sequence[Part] = ()
) -> Neighbours:
    """Nearest others of every sample among the standardised latents, for UMAP and clusters.

    ``parts``: what :func:`plane_part` found in each part of the pass, if it is done already.
    """
    scaled = standardise(as_rows(latents, "latents"))
    return gathered(scaled, parts or [scan_part(scaled, int(in_range(k, "k", 1)))])[0]


def plane_part(latents: npt.ArrayLike, k: int, part: tuple[int, int]) -> Part:
    """One of several parts of the pass of :func:`plane_neighbours`: which, of how many."""
    return scan_part(standardise(as_rows(latents, "latents")), int(in_range(k, "k", 1)), part=part)


def _different(latents: npt.ArrayLike) -> tuple[Floats, Ints]:
    """Standardised latents without copies, and the row among these of each sample."""
    matrix = as_matrix(latents, "latents", min_rows=5)
    kept, place = np.unique(first_copies(matrix), return_inverse=True)
    if len(kept) < 5:
        raise InputError(
            f"latents has {len(kept)} different rows among {len(matrix)}; a map needs at least 5"
        )
    return standardise(matrix)[kept], place


def umap_plane(
    latents: npt.ArrayLike,
    *,
    seed: int = 0,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    neighbours: Neighbours | None = None,
) -> Floats:
    """(n, 2) UMAP coordinates of the standardised latents from exact neighbours.

    Copies are embedded once: they would push each other away. A fixed ``random_state`` makes UMAP
    single-threaded and the plane reproducible on one machine.
    """
    from umap import UMAP

    scaled, place = _different(latents)
    in_range(n_neighbors, "n_neighbors", 2)
    in_range(min_dist, "min_dist", 0.0, 1.0)
    n = len(scaled)
    near = min(int(n_neighbors), n - 1)
    if neighbours is None or n < len(place):
        neighbours = neighbour_pass(scaled, k=near - 1)
    if neighbours.indices.shape[1] < near - 1 or len(neighbours.indices) != n:
        raise InputError(
            f"neighbours has shape {neighbours.indices.shape}; expected at least {near - 1} for "
            f"each of {n} samples"
        )
    neighbours = repaired(scaled, neighbours)
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
        plane = model.fit_transform(scaled.astype(np.float32))
    return np.ascontiguousarray(plane, dtype=np.float64)[place]


def by_size(labels: npt.ArrayLike) -> Ints:
    """Labels renumbered 0, 1, … by falling size, ties by first member; -1 stays."""
    values = as_labels(labels, "labels")
    found, first, sizes = np.unique(values[values >= 0], return_index=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    new = np.full(int(found.max(initial=-1)) + 2, -1, dtype=np.int64)
    new[found[order]] = np.arange(len(found))
    return new[np.where(values >= 0, values, -1)]


def plane_memberships(
    plane: npt.ArrayLike, *, min_cluster_size: int = 100, min_samples: int = 10
) -> tuple[Ints, Floats]:
    """HDBSCAN labels on the plane by falling size (noise -1) and probabilities (0 for noise)."""
    size = int(in_range(min_cluster_size, "min_cluster_size", 2))
    return plane_hierarchy(plane, [size], min_samples=min_samples)[size]


def plane_hierarchy(
    plane: npt.ArrayLike, sizes: Sequence[int], *, min_samples: int = 10
) -> dict[int, tuple[Ints, Floats]]:
    """:func:`plane_memberships` by smallest cluster size, cut from one tree.

    Who is with whom does not depend on the order of the rows.
    """
    points = as_matrix(plane, "plane", min_rows=1)
    n = len(points)
    wanted = [int(in_range(size, "min_cluster_size", 2)) for size in sizes]
    samples = min(int(in_range(min_samples, "min_samples", 1)), n - 1)
    found = {size: (np.full(n, -1, dtype=np.int64), np.zeros(n)) for size in wanted}
    # Neither more core neighbours than points nor a cluster larger than all of them.
    possible = [size for size in found if n >= max(size, 3)]
    if possible:
        order = value_order(points)
        linkage = single_linkage(plane_tree(points[order], samples))
        for size in possible:
            labels, probability = found[size]
            labels[order], probability[order] = tree_labels(linkage, size)
            found[size] = by_size(labels), probability
    return found


def latent_clusters(
    latents: npt.ArrayLike,
    *,
    min_cluster_size: int = 2,
    neighbours: Neighbours | None = None,
) -> Ints:
    """HDBSCAN labels of the standardised latents, largest cluster (C_max) 0, noise -1.

    Who is with whom does not depend on the order of the rows; with given ``neighbours``, where no
    two distances are equal except those of copies.
    """
    matrix = as_rows(latents, "latents")
    size = int(in_range(min_cluster_size, "min_cluster_size", 2))
    labels = np.full(len(matrix), -1, dtype=np.int64)
    if len(matrix) < max(size, 3):
        return labels
    order = value_order(matrix)
    scaled = standardise(matrix[order])
    if neighbours is None or neighbours.indices.shape[1] < size:
        neighbours = neighbour_pass(scaled, k=max(GRAPH_NEIGHBOURS, size))
    else:
        place = np.argsort(order)
        indices = np.where(neighbours.indices < 0, -1, place[neighbours.indices])
        neighbours = repaired(scaled, Neighbours(neighbours.distances[order], indices[order]))
    tree = spanning_tree(scaled, neighbours, size)
    labels[order] = tree_labels(single_linkage(tree), size)[0]
    return by_size(labels)


def multi_scale_clusters(
    plane: npt.ArrayLike, *, scales: Sequence[int] = SCALES, min_samples: int = 1
) -> dict[int, Ints]:
    """HDBSCAN labels on the plane by smallest cluster size."""
    found = plane_hierarchy(plane, scales, min_samples=min_samples)
    return {size: labels for size, (labels, _) in found.items()}


def cluster_profile(
    latents: npt.ArrayLike, labels: npt.ArrayLike, scores: Mapping[str, npt.ArrayLike]
) -> pd.DataFrame:
    """Size, distances to the centroid and mean scores of every cluster, the noise (-1) among them.

    ``creative``: whether its mean ``cls`` is the highest of all clusters, the first of several;
    never so for the noise.
    """
    z = as_matrix(latents, "latents", min_rows=1)
    values = as_labels(labels, "labels", len(z))
    columns = {f"mean_{name}": as_vector(score, name, len(z)) for name, score in scores.items()}
    records = []
    for cluster in np.unique(values):
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
    table = pd.DataFrame.from_records(records)
    means = table.loc[table["cluster"] >= 0, "mean_cls"]
    return table.assign(creative=table.index == (means.idxmax() if len(means) else -1))


def tsne_plane(
    latents: npt.ArrayLike, *, seed: int = 0, perplexity: float = 30.0
) -> npt.NDArray[np.float64]:
    """(n, 2) t-SNE coordinates of the standardised latents, started from their first components.

    One OpenMP thread: sums over threads have no fixed order otherwise.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    scaled, place = _different(latents)
    model = TSNE(
        n_components=2,
        perplexity=min(perplexity, (len(scaled) - 1) / 3.0),
        init="pca" if scaled.shape[1] >= 2 else "random",
        random_state=int(seed) % 2**32,
        n_jobs=1,
    )
    with threadpool_limits(limits=1, user_api="openmp"):
        plane = model.fit_transform(scaled)
    return np.ascontiguousarray(plane, dtype=np.float64)[place]

"""Minimum spanning trees of mutual reachability, and HDBSCAN's clusters of them.

Mutual reachability has many equal edges, such as those of a point to its core neighbours, and
clusters depend on which of these are in the tree and in which order they join. Here the shorter
distance goes first. Distances are equal between copies and in data on a grid: there the order of
rows decides.

HDBSCAN compares all pairs in latent space. Here Borůvka's rounds take edges from neighbour lists
for as long as a list proves that an edge is the shortest that leaves its component; other rows are
compared with all points.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree

from latent_microscope.messages import log
from latent_microscope.neighbours.blocks import (
    Floats,
    Ints,
    Neighbours,
    hits,
    in_parallel,
    pair_distances,
    product_form,
    row_blocks,
    rows_at_once,
    screening_form,
    squared_block,
)
from latent_microscope.neighbours.copies import first_copies

Edges = tuple[Ints, Ints, Floats]  # both ends and the weight of each


@dataclass(frozen=True)
class SpanningTree:
    """A tree over n points, in the order in which its edges join."""

    i: Ints  # n - 1 ends of its edges
    j: Ints
    weight: Floats  # mutual reachability distances, ascending
    searched: int  # rows that had to be compared with all points, each counted as often as it was


def spanning_tree(points: Floats, neighbours: Neighbours, min_samples: int) -> SpanningTree:
    """Minimum spanning tree of points with many columns, from their nearest others."""
    n, k = neighbours.distances.shape
    core = neighbours.distances[:, min(min_samples, k) - 1]
    i, j = np.repeat(np.arange(n), k), neighbours.indices.ravel()
    lengths = np.maximum(neighbours.distances.ravel(), np.maximum(core[i], core[j]))
    edges = _by_weight(i, j, lengths)
    # Whatever is not in a row's list is no nearer than its last neighbour.
    least = np.maximum(core, neighbours.distances[:, -1])
    if k == n - 1:
        least = np.full(n, np.inf)
    taken: list[tuple[Ints, Ints]] = []
    group, count, searched = np.arange(n), n, 0
    while count > 1:
        edges, best = _shortest(edges, group, count)
        reach = np.append(edges[2], np.inf)[best]
        doubtful = least < reach[group]
        sure = np.bincount(group[doubtful], minlength=count) == 0
        chosen = np.unique(best[sure & np.isfinite(reach)])
        if not chosen.size:
            # The largest component waits: the others grow into it.
            rows = np.flatnonzero(doubtful & (group != np.bincount(group).argmax()))
            found, least[rows] = _nearest_outside(points, core, group, rows)
            searched += len(rows)
            more = zip(edges, (rows, found, least[rows]), strict=True)
            edges = _by_weight(*(np.concatenate(parts) for parts in more))
            continue
        new = edges[0][chosen], edges[1][chosen]
        kept, group, count = _join(new, group, count)
        taken.append((new[0][kept], new[1][kept]))
    log.info("spanning tree of %d points: %d rows compared with all", n, searched)
    i, j = (np.concatenate(parts) for parts in zip(*taken, strict=True))
    return _nearest_first(points, i, j, neighbours.indices[:, : min(min_samples, k)], searched)


def plane_tree(points: Floats, min_samples: int) -> SpanningTree:
    """Minimum spanning tree of points with few columns, found by the library's k-d tree."""
    from hdbscan._hdbscan_boruvka import KDTreeBoruvkaAlgorithm
    from sklearn.neighbors import KDTree

    tree = KDTree(points)
    found = KDTreeBoruvkaAlgorithm(tree, min_samples, approx_min_span_tree=False, n_jobs=1)
    i, j = found.spanning_tree()[:, :2].T.astype(np.int64)
    nearest = tree.query(points, k=min_samples + 1, return_distance=False)
    return _nearest_first(points, i, j, nearest.astype(np.int64))


def _by_weight(i: Ints, j: Ints, weight: Floats) -> Edges:
    order = np.argsort(weight, kind="stable")
    return i[order], j[order], weight[order]


def _shortest(edges: Edges, group: Ints, count: int) -> tuple[Edges, Ints]:
    """The edges between components, and the first of them at each component (else their number)."""
    i, j, weight = edges
    between = group[i] != group[j]
    i, j, weight = i[between], j[between], weight[between]
    best = np.full(count, len(i))
    place = np.arange(len(i))[::-1]
    best[group[i[::-1]]] = place
    other = np.full(count, len(i))
    other[group[j[::-1]]] = place
    return (i, j, weight), np.minimum(best, other)


def _join(
    new: tuple[Ints, Ints], group: Ints, count: int
) -> tuple[npt.NDArray[np.intp], Ints, int]:
    """Which of the new edges close no circle (equal weights can), and the joined components."""
    ends = group[new[0]].tolist(), group[new[1]].tolist()
    parent = list(range(count))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    kept = []
    for place, (a, b) in enumerate(zip(*ends, strict=True)):
        a, b = root(a), root(b)
        if a != b:
            parent[max(a, b)] = min(a, b)
            kept.append(place)
    roots = np.array([root(node) for node in range(count)])
    labels = np.unique(roots, return_inverse=True)[1]
    return np.array(kept, dtype=np.intp), labels[group], int(labels.max()) + 1


def _nearest_outside(points: Floats, core: Floats, group: Ints, rows: Ints) -> tuple[Ints, Floats]:
    """The nearest point of another component to each of ``rows``, by mutual reachability."""
    form = screening_form(points) or product_form(points)
    squared_core = (core * core).astype(form.factor.dtype)

    def look(part: slice) -> tuple[Ints, Floats]:
        own = rows[part]
        low = squared_block(form.factor, own)
        error = form.error[own, None].astype(low.dtype)
        low -= error
        np.maximum(low, squared_core, out=low)
        low[group[own, None] == group] = np.inf
        bound = low.min(axis=1, keepdims=True) * (1.0 + 1e-6) + 2.0 * error
        row, col = hits(low <= bound)
        weight = np.maximum(
            pair_distances(points, own[row], col), np.maximum(core[own[row]], core[col])
        )
        order = np.lexsort((col, weight, row))
        first = order[np.searchsorted(row, np.arange(len(own)))]
        return col[first], weight[first]

    found = list(in_parallel(look, row_blocks(len(rows), rows_at_once(len(points)))))
    return np.concatenate([j for j, _ in found]), np.concatenate([w for _, w in found])


def _nearest_first(
    points: Floats, i: Ints, j: Ints, nearest: Ints, searched: int = 0
) -> SpanningTree:
    """Of all minimum spanning trees that of the shortest distances, from one with edges (i, j).

    Only edges whose mutual reachability exceeds their distance can take another's place, and these
    join a point to one of its core neighbours, ``nearest``. Copies join first, one by one.
    """
    n, k = nearest.shape
    first = first_copies(points)
    copies = np.flatnonzero(first != np.arange(n))
    rows, others = np.repeat(np.arange(n), k), nearest.ravel()
    distance = pair_distances(points, rows, others)
    core = distance.reshape(n, k).max(axis=1)
    distance = np.concatenate([np.zeros(len(copies)), distance, pair_distances(points, i, j)])
    i, j = np.concatenate([first[copies], rows, i]), np.concatenate([copies, others, j])
    weight = np.maximum(distance, np.maximum(core[i], core[j]))
    order = np.lexsort((distance, weight))
    i, j, weight = np.minimum(i, j)[order], np.maximum(i, j)[order], weight[order]
    # Places in that order are weights without ties; an edge found twice has its first.
    place = np.unique(i * n + j, return_index=True)[1]
    edges = csr_array((place + 1.0, (i[place], j[place])), shape=(n, n))
    kept = np.sort(minimum_spanning_tree(edges).data).astype(np.int64) - 1
    return SpanningTree(i[kept], j[kept], weight[kept], searched)


def single_linkage(tree: SpanningTree) -> Floats:
    """The (n - 1, 4) hierarchy of a tree, as the library has it."""
    from hdbscan._hdbscan_linkage import label

    linkage: Floats = label(np.column_stack([tree.i, tree.j, tree.weight]).astype(np.float64))
    return linkage


def tree_labels(linkage: Floats, min_cluster_size: int) -> tuple[Ints, Floats]:
    """HDBSCAN's labels (excess of mass; noise is -1) and probabilities of a hierarchy."""
    from hdbscan.hdbscan_ import _tree_to_labels

    labels, probabilities, *_ = _tree_to_labels(None, linkage, min_cluster_size)
    return np.asarray(labels, dtype=np.int64), np.asarray(probabilities, dtype=np.float64)

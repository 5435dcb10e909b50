"""Minimum spanning tree of mutual reachability from neighbour lists, and the clusters in it.

HDBSCAN compares all pairs in latent space, one point after the other. Nearly all edges of its tree
join near neighbours, which one fast pass has found already. Borůvka's rounds take them from the
lists for as long as a list proves that an edge is the shortest that leaves its component; where it
does not, the rows in question are compared with all points. The tree is thus the exact one (up to
ties), at a small part of the cost.
"""

import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from latent_microscope.forensics.blocks import (
    Floats,
    Ints,
    hits,
    in_parallel,
    pair_distances,
    row_blocks,
    rows_at_once,
)
from latent_microscope.forensics.neighbours import Neighbours
from latent_microscope.forensics.product import product_form, screening_form, squared_block

log = logging.getLogger("latent_microscope")

# Weights of 0 (copies) would vanish from a sparse graph: they get this share of the least one.
_ZERO = 1e-6


@dataclass(frozen=True)
class SpanningTree:
    """A tree over n points.

    Attributes:
        i: n - 1 ends of its edges …
        j: … and the other ends.
        weight: Mutual reachability distances.
        searched: Rows that had to be compared with all points, each counted as often as it was.
    """

    i: Ints
    j: Ints
    weight: Floats
    searched: int


def spanning_tree(points: Floats, neighbours: Neighbours, min_samples: int) -> SpanningTree:
    """Minimum spanning tree of the mutual reachability distances.

    Args:
        points: (n, d) checked matrix.
        neighbours: Its nearest others, at least ``min_samples`` a row (or all there are).
        min_samples: The core distance is that to this neighbour, the row itself not counted.

    Returns:
        A :class:`SpanningTree`.
    """
    n, k = neighbours.distances.shape
    core = neighbours.distances[:, min(min_samples, k) - 1]
    edges = _edges(neighbours, core)
    # Whatever is not in a row's list is no nearer than its last neighbour.
    least = np.maximum(core, neighbours.distances[:, -1])
    if k == n - 1:
        least = np.full(n, np.inf)
    taken: list[tuple[Ints, Ints, Floats]] = []
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
            edges = _merged(edges, (rows, found, least[rows]))
            continue
        new = edges[0][chosen], edges[1][chosen], edges[2][chosen]
        kept, group, count = _join(new, group, count)
        taken.append(tuple(part[kept] for part in new))  # type: ignore[arg-type]
    log.info("spanning tree of %d points: %d rows compared with all", n, searched)
    i, j, weight = (np.concatenate(parts) for parts in zip(*taken, strict=True))
    return SpanningTree(i, j, weight, searched)


def _edges(neighbours: Neighbours, core: Floats) -> tuple[Ints, Ints, Floats]:
    """All listed edges, shortest first."""
    n, k = neighbours.indices.shape
    i, j = np.repeat(np.arange(n), k), neighbours.indices.ravel()
    weight = np.maximum(neighbours.distances.ravel(), np.maximum(core[i], core[j]))
    order = np.argsort(weight, kind="stable")
    return i[order], j[order], weight[order]


def _merged(
    edges: tuple[Ints, Ints, Floats], more: tuple[Ints, Ints, Floats]
) -> tuple[Ints, Ints, Floats]:
    i, j, weight = (np.concatenate(parts) for parts in zip(edges, more, strict=True))
    order = np.argsort(weight, kind="stable")
    return i[order], j[order], weight[order]


def _shortest(
    edges: tuple[Ints, Ints, Floats], group: Ints, count: int
) -> tuple[tuple[Ints, Ints, Floats], Ints]:
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
    new: tuple[Ints, Ints, Floats], group: Ints, count: int
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


def tree_labels(tree: SpanningTree, min_cluster_size: int) -> Ints:
    """HDBSCAN labels (excess of mass) of a spanning tree; noise is -1."""
    from sklearn.cluster import HDBSCAN

    n = len(tree.weight) + 1
    positive = tree.weight[tree.weight > 0.0]
    floor = _ZERO * float(positive.min()) if positive.size else 1.0
    weight = np.maximum(tree.weight, floor)
    ends = np.concatenate([tree.i, tree.j]), np.concatenate([tree.j, tree.i])
    graph = coo_array((np.tile(weight, 2), ends), shape=(n, n)).tocsr()
    if connected_components(graph)[0] != 1:
        raise AssertionError("a spanning tree joins all points")
    # Core distances of one sample leave the weights of the tree as they are.
    model = HDBSCAN(
        min_cluster_size=min_cluster_size, min_samples=1, metric="precomputed", copy=True
    )
    return np.asarray(model.fit_predict(graph), dtype=np.int64)

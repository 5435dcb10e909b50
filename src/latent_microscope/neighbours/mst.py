"""Minimum spanning tree of mutual reachability from neighbour lists, and its clusters.

HDBSCAN compares all pairs in latent space. Here Borůvka's rounds take edges from neighbour lists
for as long as a list proves that an edge is the shortest that leaves its component; other rows are
compared with all points. The tree is exact, with hdbscan's choice among equally long edges.
"""

from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
import numpy.typing as npt

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

Edges = tuple[Ints, Ints, Floats]  # both ends and the weight of each


@dataclass(frozen=True)
class SpanningTree:
    """A tree over n points."""

    i: Ints  # n - 1 ends of its edges, in the order in which it grows from row 0 …
    j: Ints  # … and the rows that they add
    weight: Floats  # mutual reachability distances
    searched: int  # rows that had to be compared with all points, each counted as often as it was


def spanning_tree(points: Floats, neighbours: Neighbours, min_samples: int) -> SpanningTree:
    """Minimum spanning tree of the mutual reachability distances."""
    n, k = neighbours.distances.shape
    core = neighbours.distances[:, min(min_samples, k) - 1]
    i, j = np.repeat(np.arange(n), k), neighbours.indices.ravel()
    lengths = np.maximum(neighbours.distances.ravel(), np.maximum(core[i], core[j]))
    edges = _by_weight(i, j, lengths)
    # Whatever is not in a row's list is no nearer than its last neighbour.
    least = np.maximum(core, neighbours.distances[:, -1])
    if k == n - 1:
        least = np.full(n, np.inf)
    taken: list[Edges] = []
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
        new = edges[0][chosen], edges[1][chosen], edges[2][chosen]
        kept, group, count = _join(new, group, count)
        taken.append(tuple(part[kept] for part in new))  # type: ignore[arg-type]
    log.info("spanning tree of %d points: %d rows compared with all", n, searched)
    i, j, weight = (np.concatenate(parts) for parts in zip(*taken, strict=True))
    return _as_grown(SpanningTree(i, j, weight, searched), neighbours, core)


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


def _join(new: Edges, group: Ints, count: int) -> tuple[npt.NDArray[np.intp], Ints, int]:
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


def _as_grown(tree: SpanningTree, neighbours: Neighbours, core: Floats) -> SpanningTree:
    """The tree that Prim's algorithm grows from row 0, with hdbscan's choice among equal edges.

    Clusters depend on which equal edges are in the tree; all of these are in the lists up to the
    core neighbour.
    """
    n = len(core)
    near = int(np.count_nonzero(neighbours.distances <= core[:, None], axis=1).max())
    i = np.repeat(np.arange(n), near)
    j, distance = neighbours.indices[:, :near].ravel(), neighbours.distances[:, :near].ravel()
    weight = np.maximum(distance, np.maximum(core[i], core[j]))
    ends = np.concatenate([i, j, tree.i, tree.j]), np.concatenate([j, i, tree.j, tree.i])
    weights = np.concatenate([weight, weight, tree.weight, tree.weight])
    order = np.argsort(ends[0], kind="stable")
    starts = np.searchsorted(ends[0][order], np.arange(n + 1)).tolist()
    others, lengths = ends[1][order].tolist(), weights[order].tolist()
    grown = [False] * n
    least, source = [np.inf] * n, [0] * n
    edges: list[tuple[int, int, float]] = []
    heap: list[tuple[float, int]] = []
    node = 0
    while True:
        grown[node] = True
        for place in range(starts[node], starts[node + 1]):
            other, length = others[place], lengths[place]
            if not grown[other] and length < least[other]:
                least[other], source[other] = length, node
                heappush(heap, (length, other))
        while heap and grown[heap[0][1]]:
            heappop(heap)
        if not heap:
            break
        length, node = heappop(heap)
        edges.append((source[node], node, length))
    table = np.array(edges)
    return SpanningTree(
        table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2], tree.searched
    )


def tree_labels(tree: SpanningTree, min_cluster_size: int) -> Ints:
    """HDBSCAN labels (excess of mass, by the library's own routines) of a tree; noise is -1."""
    from hdbscan._hdbscan_linkage import label
    from hdbscan._hdbscan_tree import compute_stability, condense_tree, get_clusters

    # As in the library: its default sort decides among equal edges.
    order = np.argsort(tree.weight)
    linkage = label(np.column_stack([tree.i, tree.j, tree.weight])[order].astype(np.float64))
    condensed = condense_tree(linkage, min_cluster_size)
    labels = get_clusters(condensed, compute_stability(condensed), "eom")[0]
    return np.asarray(labels, dtype=np.int64)

"""Neighbours of all samples, in blocks: memory grows with n, not with n²."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy
from latent_microscope.messages import log
from latent_microscope.neighbours.blocks import Floats, Ints, Neighbours, pair_distances, row_pass
from latent_microscope.neighbours.copies import copied_rows, copy_counts
from latent_microscope.neighbours.scan import Overlaps, scan
from latent_microscope.seeds import derive, rng

RECALL_ROWS = 1000
# Neighbours that the search keeps: few make it lose its way in many dimensions.
_LISTED = 30


def neighbour_pass(
    points: Floats,
    *,
    k: int = 0,
    radii: Sequence[float] = (),
    rows: Ints | None = None,
    block_size: int | None = None,
) -> Neighbours:
    """The k nearest others (at most n - 1) of ``rows``, and numbers of others within radii.

    Radii are strict; the point itself is not counted.
    """
    n = len(points)
    if k < 0:
        raise InputError(f"k {k} must not be negative")
    k = min(k, n - 1)
    if k and not len(radii) and rows is None:
        return all_pairs(points, k, block_size=block_size)[0]
    return row_pass(points, np.arange(n) if rows is None else rows, k, radii, block_size)


def all_pairs(
    points: Floats,
    k: int,
    *,
    overlap_threshold: float | None = None,
    max_pairs: int = 0,
    block_size: int | None = None,
) -> tuple[Neighbours, Overlaps | None]:
    """The k nearest others of every row and, if asked for, the overlaps, in one pass."""
    k = min(k, len(points) - 1)
    copied, copies = copied_rows(points, k)
    found, left, overlaps = scan(
        points,
        k,
        known=copied,
        overlap_threshold=overlap_threshold,
        max_pairs=max_pairs,
        block_size=block_size,
    )
    found.distances[copied], found.indices[copied] = 0.0, copies
    if left.size:
        rest = row_pass(points, left, k, (), block_size)
        found.distances[left], found.indices[left] = rest.distances, rest.indices
    return found, overlaps


def counts_within(
    points: Floats, distances: Floats, radius: float, *, block_size: int | None = None
) -> Ints:
    """Numbers of others closer than ``radius``, from (n, k) ascending neighbour distances.

    Only rows whose k-th neighbour is closer than the radius are compared with all points.
    """
    counts = np.count_nonzero(distances < radius, axis=1).astype(np.int64)
    rows = np.flatnonzero(distances[:, -1] < radius)
    if rows.size:
        found = neighbour_pass(points, radii=[radius], rows=rows, block_size=block_size)
        counts[rows] = found.within[:, 0]
    return counts


def load_neighbours(indices: Path | None, distances: Path | None, n: int) -> Neighbours | None:
    """Nearest others of n samples from two ``.npy`` files, or None if these are not given."""
    if indices is None or distances is None:
        return None
    rows, lengths = load_npy(indices), load_npy(distances)
    if rows.shape != lengths.shape or rows.ndim != 2 or len(rows) != n:
        raise InputError(
            f"{indices} has shape {rows.shape} and {distances} {lengths.shape}, for {n} samples; "
            "make both again from the same latents"
        )
    if rows.size and rows.max() >= n:
        raise InputError(f"{indices} contains rows outside 0 … {n - 1}; make it again")
    if rows.shape[1] >= n:
        raise InputError(
            f"{indices} lists {rows.shape[1]} neighbours among {n} samples; make it again"
        )
    return Neighbours(lengths.astype(np.float64), rows.astype(np.int64))


def approximate_neighbours(points: Floats, k: int, *, seed: int = 0) -> Neighbours:
    """The k nearest others of every row by neighbour descent, with float64 distances.

    Rows with copies, and those whose list is faulty (:func:`repaired`), are searched exactly.
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
    kept = np.ones_like(own)
    kept[rows, np.where(own.any(axis=1), own.argmax(axis=1), -1)] = False
    indices = found[kept].reshape(n, -1)
    listed = np.repeat(rows, indices.shape[1])
    distances = pair_distances(points, listed, indices.ravel()).reshape(indices.shape)
    distances[indices < 0] = np.inf  # empty places
    order = np.lexsort((indices, distances), axis=1)[:, :k]
    distances = np.take_along_axis(distances, order, axis=1)
    indices = np.take_along_axis(indices, order, axis=1)
    copied, copies = copied_rows(points, k)
    distances[copied], indices[copied] = 0.0, copies
    count = copy_counts(points)
    few = np.flatnonzero((count > 0) & (count < k))
    exact = row_pass(points, few, k, ())
    distances[few], indices[few] = exact.distances, exact.indices
    return repaired(points, Neighbours(distances, indices))


def faulty_rows(indices: Ints, distances: Floats | None = None) -> Ints:
    """Rows whose list has the row itself, a neighbour twice, an empty place or no finite distance.

    ``indices`` and ``distances``: (n, k).
    """
    ordered = np.sort(indices, axis=1)
    faulty = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1) | (ordered < 0).any(axis=1)
    faulty |= (indices == np.arange(len(indices))[:, None]).any(axis=1)
    if distances is not None:
        faulty |= ~np.isfinite(distances).all(axis=1)
    return np.flatnonzero(faulty)


def repaired(points: Floats, found: Neighbours) -> Neighbours:
    """Neighbours of the (n, d) points with :func:`faulty_rows` searched exactly; says how many."""
    rows = faulty_rows(found.indices, found.distances)
    if not rows.size:
        return found
    log.warning(
        "neighbours of %d of %d samples repeated, were the sample itself or infinitely far: "
        "searched again, exactly",
        len(rows),
        len(points),
    )
    exact = row_pass(points, rows, found.indices.shape[1], ())
    distances, indices = found.distances.copy(), found.indices.copy()
    distances[rows], indices[rows] = exact.distances, exact.indices
    return Neighbours(distances, indices)


def measured_recall(
    points: Floats, found: Neighbours, *, rows: int = RECALL_ROWS, seed: int = 0
) -> float:
    """Share of the true nearest neighbours among those found, on a sample of rows.

    A neighbour as near as the last true one counts.
    """
    n, k = found.distances.shape
    chosen = rng(seed, "recall").choice(n, size=min(rows, n), replace=False)
    chosen.sort()
    true = row_pass(points, chosen, k, ()).distances[:, -1:]
    return float(np.mean(found.distances[chosen] <= true))

"""Neighbours of all samples, in blocks: memory grows with n, not with n²."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy
from latent_microscope.messages import log
from latent_microscope.neighbours.blocks import (
    Floats,
    Ints,
    Neighbours,
    Points,
    row_blocks,
    row_pass,
)
from latent_microscope.neighbours.copies import copied_rows
from latent_microscope.neighbours.scan import scan
from latent_microscope.neighbours.similar import Overlaps, merged_overlaps

Part = tuple[Neighbours, Overlaps | None]
"""What a part of a pass finds."""
_NONE, _GIVEN_UP = -1, -2
_ROWS = 1 << 14


def neighbour_pass(
    points: Points,
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
    points: Points,
    k: int,
    *,
    overlap_threshold: float | None = None,
    max_pairs: int = 0,
    block_size: int | None = None,
) -> tuple[Neighbours, Overlaps | None]:
    """The k nearest others of every row and, if asked for, the overlaps, in one pass."""
    wanted = None
    if overlap_threshold is not None:
        wanted = overlaps_wanted(overlap_threshold, max_pairs)
    return gathered(points, [scan_part(points, k, overlaps=wanted, block_size=block_size)])


def similar_pairs(
    points: Points, threshold: float, max_pairs: int, *, block_size: int | None = None
) -> Overlaps:
    """The most similar pairs above a cosine threshold, and how many there are."""
    wanted = overlaps_wanted(threshold, max_pairs)
    found = scan_part(points, 0, overlaps=wanted, block_size=block_size)[1]
    assert found is not None
    return found


def overlaps_wanted(
    threshold: float, max_pairs: int, candidates: int = 0, least: float = 1.0
) -> dict[str, float]:
    """Pairs to count and to list, as :func:`scan_part` takes them.

    ``candidates``: the best so many above the cosine ``least`` are listed as well.
    """
    return {
        "threshold": threshold,
        "listed": min(threshold, least) if candidates else threshold,
        "max_pairs": max(max_pairs, candidates),
        "candidates": candidates,
    }


def scan_part(
    points: Points,
    k: int,
    *,
    overlaps: Mapping[str, float] | None = None,
    block_size: int | None = None,
    part: tuple[int, int] = (0, 1),
) -> Part:
    """What one of several parts of the pass over all pairs finds; see :func:`gathered`.

    A row that was given up has -2 as its first neighbour, a place without a neighbour -1.
    """
    k = min(k, len(points) - 1)
    copied = copied_rows(points, k)[0] if k else np.empty(0, dtype=np.int64)
    found, left, pairs = scan(
        points, k, known=copied, overlaps=overlaps, block_size=block_size, part=part
    )
    found.indices[left, :1] = _GIVEN_UP
    return found, pairs


def gathered(
    points: Points,
    parts: Sequence[Part],
    max_pairs: int | None = None,
    *,
    block_size: int | None = None,
) -> Part:
    """The results of a pass from those of all its parts: the same for any number of parts."""
    found, overlaps = parts[0]
    n, k = found.distances.shape
    given_up = np.zeros(n, dtype=bool)
    if len(parts) > 1 and k:
        found = Neighbours(np.empty((n, k)), np.empty((n, k), dtype=np.int64))
    for rows in row_blocks(n, None, _ROWS) if k else ():
        for part, _ in parts:
            given_up[rows] |= part.indices[rows, 0] == _GIVEN_UP
        if len(parts) > 1:
            distances = np.concatenate([part.distances[rows] for part, _ in parts], axis=1)
            indices = np.concatenate([part.indices[rows] for part, _ in parts], axis=1)
            order = np.lexsort((indices, distances), axis=1)[:, :k]
            found.distances[rows] = np.take_along_axis(distances, order, axis=1)
            found.indices[rows] = np.take_along_axis(indices, order, axis=1)
    if k and (found.indices[:, 0] == _NONE).any():
        copied, copies = copied_rows(points, k)
        found = _writeable(found)
        found.distances[copied], found.indices[copied] = 0.0, copies
    if given_up.any():
        left = np.flatnonzero(given_up)
        rest, found = row_pass(points, left, k, (), block_size), _writeable(found)
        found.distances[left], found.indices[left] = rest.distances, rest.indices
    listed = [pairs for _, pairs in parts if pairs is not None]
    if len(listed) > 1:
        most = max(len(pairs.pairs) for pairs in listed) if max_pairs is None else max_pairs
        overlaps = merged_overlaps(listed, most)
    return found, overlaps


def _writeable(found: Neighbours) -> Neighbours:
    """Copies of arrays that are those of a file."""
    if found.indices.flags.writeable and found.distances.flags.writeable:
        return found
    return Neighbours(np.array(found.distances), np.array(found.indices, dtype=np.int64))


def counts_within(
    points: Points, distances: Floats, radius: float, *, block_size: int | None = None
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


def repaired(points: Points, found: Neighbours) -> Neighbours:
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

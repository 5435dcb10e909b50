"""One pass over all pairs of latents for all that is asked of them, and its files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_rows
from latent_microscope.forensics.density import RADIUS_NEIGHBOUR, radius_of_distances
from latent_microscope.io.artefacts import load_npy, load_table, save_npy
from latent_microscope.neighbours.blocks import Ints, Neighbours, Points, pair_distances
from latent_microscope.neighbours.pairs import (
    Part,
    counts_within,
    gathered,
    load_neighbours,
    overlaps_wanted,
    scan_part,
)
from latent_microscope.neighbours.shared import LISTED
from latent_microscope.neighbours.similar import Overlaps

LEAST_SIMILARITY = 0.5
"""Cosine above which pairs may be near matches."""
FILES = ("nearest", "nearest-distances", "nearest-counts", "overlaps", "similar")
"""Stems of the files of a pass."""


@dataclass(frozen=True)
class ScanSettings:
    """What is asked of a pass over the latents."""

    k: int  # nearest neighbours, of which at least LISTED are kept
    radius: float  # of attractors
    threshold: float  # cosine above which pairs overlap
    max_pairs: int  # overlaps listed
    candidates: int = 0  # most similar pairs above LEAST_SIMILARITY

    @property
    def listed(self) -> int:
        """Number of neighbours."""
        return max(self.k, LISTED)

    @property
    def pairs(self) -> dict[str, float]:
        """Pairs to count and to list."""
        least = min(self.threshold, LEAST_SIMILARITY) if self.candidates else self.threshold
        return overlaps_wanted(self.threshold, max(self.max_pairs, self.candidates), least)


def scan_settings(settings: Mapping[str, Any], candidates: int) -> ScanSettings:
    """What a study's section scores asks of the pass, and the number of possible near matches."""
    pairs = settings["overlap_threshold"], settings["overlap_pairs"]
    return ScanSettings(settings["k"], settings["radius"], *pairs, candidates)


@dataclass(frozen=True)
class LatentScan:
    """What a pass over n latents found."""

    neighbours: Neighbours  # the nearest others
    counts: Ints  # (n, 2) others closer than the radius of attractors, and than the adaptive one
    overlaps: pd.DataFrame  # i, j, similarity, distance, most similar first; attrs["total"]
    similar: Ints  # (m, 2) rows of the most similar pairs

    @property
    def adaptive_radius(self) -> float:
        """5th percentile of the distance to the 10th neighbour."""
        return adaptive_radius(self.neighbours)


def adaptive_radius(found: Neighbours) -> float:
    """5th percentile of the distance to the 10th neighbour."""
    return radius_of_distances(found.distances[:, :RADIUS_NEIGHBOUR])


def scan_latents(
    latents: npt.ArrayLike,
    settings: ScanSettings,
    parts: Sequence[Part] = (),
    *,
    block_size: int | None = None,
) -> LatentScan:
    """Neighbours, counts, overlaps and similar pairs of (n, d) latents, exact, in one pass.

    ``parts``: what :func:`scan_part` found in each part of the pass, if it is done already.
    """
    z = as_rows(latents, "latents")
    wanted = settings.pairs
    if not parts:
        parts = [scan_part(z, settings.listed, overlaps=wanted, block_size=block_size)]
    found, pairs = gathered(z, parts, int(wanted["max_pairs"]), block_size=block_size)
    assert pairs is not None
    counts = [
        counts_within(z, found.distances, radius, block_size=block_size)
        for radius in (settings.radius, adaptive_radius(found))
    ]
    overlapping = pairs.above(settings.threshold, settings.max_pairs)
    similar = pairs.above(LEAST_SIMILARITY, settings.candidates).pairs
    table = overlap_table(z, overlapping, settings.threshold)
    return LatentScan(found, np.stack(counts, axis=1), table, similar)


def overlap_table(latents: Points, found: Overlaps, threshold: float) -> pd.DataFrame:
    """Overlapping pairs with their Euclidean distances; the number of all in ``attrs``."""
    i, j = found.pairs.T
    distance = pair_distances(latents, i, j)
    table = pd.DataFrame({"i": i, "j": j, "similarity": found.similarity, "distance": distance})
    table.attrs.update(total=found.total, threshold=threshold)
    return table


def load_scan(files: Sequence[Path] | None, n: int) -> LatentScan | None:
    """The pass over n latents from its :data:`FILES`, or None without any."""
    if not files:
        return None
    paths = {path.stem: path for path in files}
    missing = [name for name in FILES if name not in paths]
    if missing:
        raise InputError(
            f"{files[0]}: the pass over the latents has no {', '.join(missing)} beside it; give "
            "all files of the step scan_latents"
        )
    found = load_neighbours(paths["nearest"], paths["nearest-distances"], n)
    assert found is not None
    table = load_table(paths["overlaps"], ["i", "j", "similarity", "distance", "total"])
    total = int(table.pop("total").iloc[0]) if len(table) else 0
    table.attrs["total"] = total
    counts, similar = load_npy(paths["nearest-counts"]), load_npy(paths["similar"])
    return LatentScan(found, counts, table, similar)


def save_part(files: Sequence[Path], part: Part) -> None:
    """Write the three files of a part of a pass: neighbours, their distances, similar pairs."""
    found, pairs = part
    save_npy(files[0], found.indices.astype(np.int32))
    save_npy(files[1], found.distances)
    listed = [] if pairs is None else [np.column_stack([pairs.pairs, pairs.similarity])]
    last = np.array([[0 if pairs is None else pairs.total, 0, 0]], dtype=np.float64)
    save_npy(files[2], np.concatenate([*listed, last]))


def load_parts(files: Sequence[Path] | None, n: int) -> list[Part]:
    """Parts of a pass over n rows that :func:`save_part` wrote, file by file; large ones mapped."""
    parts: list[Part] = []
    for start in range(0, len(files or ()), 3):
        indices, distances, table = (load_npy(p, mmap=True) for p in (files or ())[start:][:3])
        if len(indices) != n:
            raise InputError(
                f"{(files or ())[start]}: {len(indices)} rows for {n} samples; make all parts again"
            )
        pairs = np.array(table)
        similar = Overlaps(pairs[:-1, :2].astype(np.int64), pairs[:-1, 2], int(pairs[-1, 0]))
        parts.append((Neighbours(distances, indices), similar))
    return parts

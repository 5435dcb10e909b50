"""One pass over all pairs of latents for all that is asked of them, and its files."""

from collections.abc import Hashable, Mapping, Sequence
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
from latent_microscope.neighbours.blocks import (
    Ints,
    Neighbours,
    Points,
    fingerprint,
    pair_distances,
)
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
        return overlaps_wanted(self.threshold, self.max_pairs, self.candidates, LEAST_SIMILARITY)


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
    settings: ScanSettings  # what was asked of it
    latents: str  # their fingerprint
    source: str = "scan"  # its file

    def require(
        self,
        latents: Points,
        *,
        k: int = 0,
        radius: float | None = None,
        threshold: float | None = None,
        max_pairs: int = 0,
        candidates: int = 0,
    ) -> None:
        """:class:`InputError` if this is a pass over others than these latents, or found less."""
        again = "make the pass over the latents (step scan_latents) again"
        if fingerprint(latents) != self.latents:
            raise InputError(f"{self.source}: a pass over other latents; {again}")
        own, listed, similar = self.settings, len(self.overlaps), len(self.similar)
        for name, wanted, found in (
            ("k", k, max(own.listed, k if own.listed >= len(latents) - 1 else 0)),
            ("max_pairs", max_pairs, max_pairs if listed < own.max_pairs else own.max_pairs),
            ("candidates", candidates, candidates if similar < own.candidates else own.candidates),
        ):
            if found < wanted:
                raise InputError(f"{self.source}: made with {name} {found}, not {wanted}; {again}")
        for name, exact in (("radius", radius), ("threshold", threshold)):
            made = getattr(own, name)
            if exact is not None and exact != made:
                raise InputError(f"{self.source}: made with {name} {made}, not {exact}; {again}")

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
    made = np.stack(counts, axis=1)
    return LatentScan(found, made, table, similar, settings, fingerprint(z))


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
    try:
        settings, made_of = ScanSettings(**table.attrs["settings"]), table.attrs["latents"]
    except (KeyError, TypeError):
        raise InputError(
            f"{paths['overlaps']}: does not say of which latents and with which settings it was "
            "made; make the pass over the latents (step scan_latents) again"
        ) from None
    table = table.drop(columns="total")
    counts, similar = load_npy(paths["nearest-counts"]), load_npy(paths["similar"])
    return LatentScan(found, counts, table, similar, settings, made_of, str(paths["overlaps"]))


def scan_facts(scan: LatentScan) -> dict[Hashable | None, Any]:
    """What the table of overlaps keeps in its ``attrs``, for :func:`load_scan`."""
    total = int(scan.overlaps.attrs["total"])
    plain = {
        k: v.item() if isinstance(v, np.generic) else v for k, v in vars(scan.settings).items()
    }
    return {"total": total, "latents": scan.latents, "settings": plain}


def save_part(
    files: Sequence[Path],
    found: Part,
    which: tuple[int, int],
    latents: Points,
    pairs: Mapping[str, float] | None = None,
) -> None:
    """Write the three files of a part of a pass: neighbours, their distances, similar pairs.

    The last rows of the third say what they are of: number of overlaps, part and number of parts;
    the :func:`overlaps_wanted`; the fingerprint of the latents.
    """
    near, similar = found
    save_npy(files[0], near.indices.astype(np.int32))
    save_npy(files[1], near.distances)
    listed = [np.column_stack([similar.pairs, similar.similarity])] if similar else []
    total = similar.total if similar else 0
    last = np.array([[total, *which], *_origin(latents, pairs)], dtype=np.float64)
    save_npy(files[2], np.concatenate([*listed, last]))


_FOOT = 3  # rows


def _origin(latents: Points, pairs: Mapping[str, float] | None) -> list[list[float]]:
    *asked, last = map(float, pairs.values() if pairs else [-2.0] * 4)
    return [asked, [float(int(fingerprint(latents), 16)), last, 0.0]]


def load_parts(
    files: Sequence[Path] | None,
    latents: Points,
    k: int,
    pairs: Mapping[str, float] | None = None,
) -> list[Part]:
    """All parts of one pass that :func:`save_part` wrote, file by file; large ones are mapped.

    Args:
        files: Three of each part; none: no part.
        latents: (n, d), of which they must be.
        k: Neighbours that were asked for.
        pairs: The overlaps that were asked for.
    """
    found: dict[int, tuple[Path, Part]] = {}
    count, again = 0, "make all parts again"
    files = files or ()
    if len(files) % 3:
        raise InputError(f"{files[-1]}: {len(files)} files of parts; give the three of each part")
    origin = np.array(_origin(latents, pairs)) if files else None
    for start in range(0, len(files), 3):
        indices, distances, table = (load_npy(path, mmap=True) for path in files[start:][:3])
        name, shape = files[start], (len(latents), min(k, len(latents) - 1))
        if table.ndim != 2 or table.shape[1] != 3 or len(table) < _FOOT:
            raise InputError(f"{files[start + 2]}: not the pairs of a part of a pass; {again}")
        total, part, parts = (int(value) for value in table[-_FOOT])
        if table[-1, 0] != origin[-1, 0]:  # type: ignore[index]
            raise InputError(f"{name}: a part of a pass over other latents; {again}")
        if indices.shape != shape or distances.shape != shape:
            raise InputError(
                f"{name}: {indices.shape[0]} rows and {indices.shape[1]} neighbours, not "
                f"{shape[0]} and {shape[1]}; {again}"
            )
        if not np.array_equal(table[1 - _FOOT :], origin):  # type: ignore[arg-type]
            raise InputError(f"{name}: a part of a pass with other settings of overlaps; {again}")
        if part in found or (count and parts != count) or not 0 <= part < parts:
            other = f"; so is {found[part][0]}" if part in found else ""
            raise InputError(f"{name}: part {part + 1} of {parts}{other}; give each part once")
        count = parts
        pairs_of = np.array(table[:-_FOOT])
        similar = Overlaps(pairs_of[:, :2].astype(np.int64), pairs_of[:, 2], total)
        found[part] = name, (Neighbours(distances, indices), similar if pairs else None)
    missing = [str(part + 1) for part in range(count) if part not in found]
    if missing:
        raise InputError(
            f"{files[0]}: one of {count} parts, of which {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing; give the files of all"
        )
    return [found[part][1] for part in range(count)]

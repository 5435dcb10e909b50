"""Maps of a study and the neighbours of each image in the space that a map shows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError
from latent_microscope.explorer.columns import packed, packed_positions
from latent_microscope.forensics.clusters import plane_neighbours
from latent_microscope.io.artefacts import load_npy
from latent_microscope.io.inputs import load_with_ids
from latent_microscope.statistics.pca import principal_plane


@dataclass(frozen=True)
class Source:
    """Files of one map."""

    name: str  # of the space: latents of the VAE, human votes, …
    space: Path  # .npy (n, d)
    ids: Path  # .parquet with the id of each of its rows
    plane: Path | None = None  # .npy (n, 2); None: principal components
    neighbours: Path | None = None  # .npy (n, k) rows; None: among the standardised columns
    method: str = "UMAP"  # of the plane

    @property
    def note(self) -> str:
        """How to read the map."""
        return (
            f"{self.method} keeps neighbours together; distances between groups, their sizes and "
            "the gaps between them mean little. Neighbours are found in the full space."
        )


@dataclass(frozen=True)
class Map:
    """Where each image is, and its neighbours."""

    title: str
    note: str  # how it was computed and how far to trust it
    plane: npt.NDArray  # (n, 2), in the order of the study's samples
    neighbours: npt.NDArray[np.int64]  # (n, k) rows of the nearest others in the space
    space: str

    def payload(self) -> dict[str, Any]:
        """As the page reads it."""
        return {
            "title": self.title,
            "note": self.note,
            "space": self.space,
            "plane": packed_positions(self.plane),
            "neighbours": packed(self.neighbours),
            "k": int(self.neighbours.shape[1]),
        }


def load_map(source: Source, place: dict[str, int], wanted: int, samples: Path) -> Map:
    """Read one map, in the order of the samples; what is missing is computed."""
    space, ids = load_with_ids(source.space, source.ids)
    if set(ids) != set(place):
        alone = sorted(set(ids) ^ set(place))[0]
        raise InputError(
            f"{source.ids} and {samples} describe different images; the id {alone!r} is in only "
            "one of them"
        )
    order = np.argsort([place[value] for value in ids], kind="stable")
    rows = np.array([place[value] for value in ids], dtype=np.int64)
    if source.neighbours is None:
        near = plane_neighbours(np.asarray(space), wanted).indices
    else:
        near = load_npy(source.neighbours)[:, :wanted].astype(np.int64)
        _fits(near, source.neighbours, len(ids))
    if source.plane is None:
        plane, shares = principal_plane(np.asarray(space))
        title = f"{source.name}, principal components"
        note = (
            f"The first two principal components: {100.0 * shares.sum():.0f} % of the variance; "
            "the other dimensions are not shown."
        )
    else:
        plane = load_npy(source.plane)
        _fits(plane, source.plane, len(ids))
        title, note = f"{source.name}, {source.method}", source.note
    return Map(title, note, plane[order], rows[near[order]], source.name)


def _fits(array: npt.NDArray, path: Path, n: int) -> None:
    if array.ndim != 2 or len(array) != n:
        raise InputError(
            f"{path}: shape {array.shape} does not fit {n} samples; compute it again from the same "
            "latents"
        )

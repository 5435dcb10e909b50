"""Maps of a study and the neighbours of each image in the space that a map shows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError
from latent_microscope.explorer.arrays import packed, packed_positions
from latent_microscope.forensics.clusters import plane_neighbours
from latent_microscope.io.artefacts import load_npy
from latent_microscope.io.inputs import load_with_ids
from latent_microscope.statistics.pca import principal_plane


@dataclass(frozen=True)
class Map:
    """Where each image lies, and which are next to it.

    Attributes:
        title: What is shown.
        note: A sentence on how it was made, and how far to trust it.
        plane: (n, 2), in the order of the study's samples.
        neighbours: (n, k) rows of the nearest others in the space behind the map.
        space: What the neighbours are near in.
    """

    title: str
    note: str
    plane: npt.NDArray
    neighbours: npt.NDArray[np.int64]
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


def load_map(source: "Source", place: dict[str, int], wanted: int, samples: Path) -> Map:
    """Read one map; what is not given is computed.

    Args:
        source: Its files.
        place: Row of each id of the study.
        wanted: Neighbours of each image.
        samples: Where the ids come from, for messages.

    Returns:
        The map, in the order of the samples.

    Raises:
        InputError: Rows that do not fit, or other images than those of the study.
    """
    space, ids = load_with_ids(source.space, source.ids)
    if set(ids) != set(place):
        alone = sorted(set(ids) ^ set(place))[0]
        raise InputError(
            f"{source.ids} and {samples} describe different images; the id {alone!r} stands in "
            "one only"
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
            "what the other dimensions hold is not seen."
        )
    else:
        plane = load_npy(source.plane)
        _fits(plane, source.plane, len(ids))
        title, note = f"{source.name}, {source.method}", source.note
    return Map(title, note, plane[order], rows[near[order]], source.name)


def _fits(array: npt.NDArray, path: Path, n: int) -> None:
    if array.ndim != 2 or len(array) != n:
        raise InputError(
            f"{path}: has the shape {array.shape}, for {n} samples; make it again from the same "
            "latents"
        )


@dataclass(frozen=True)
class Source:
    """Files of one map.

    Attributes:
        name: Of the space: ``latents of the VAE``, ``votes of people`` ….
        space: .npy (n, d).
        ids: .parquet with the id of each of its rows.
        plane: .npy (n, 2); None: principal components.
        neighbours: .npy (n, k) rows; None: computed among the standardised columns.
        method: How the plane was made.
    """

    name: str
    space: Path
    ids: Path
    plane: Path | None = None
    neighbours: Path | None = None
    method: str = "UMAP"

    @property
    def note(self) -> str:
        """What a reader must know of the plane."""
        return (
            f"{self.method} keeps neighbours together; distances between groups, their sizes and "
            "the gaps between them mean little. Neighbours are found in the full space."
        )

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
from latent_microscope.neighbours.pairs import faulty_rows
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


@dataclass(frozen=True)
class Layout:
    """A space and its map, rows in the order of the n samples."""

    space: np.ndarray  # (n, d)
    plane: npt.NDArray  # (n, 2)
    method: str  # of the plane
    note: str  # how far to trust it
    neighbours: npt.NDArray[np.int64]  # (n, k) rows of the nearest others in the space


def arrange(source: Source, place: dict[str, int], wanted: int, samples: Path) -> Layout:
    """A space and its map in the order of the samples; what is missing is computed."""
    space, order, rows = load_in_order(source.space, source.ids, place, samples)
    near = np.full((len(rows), 1), -1)
    if source.neighbours is not None:
        near = _fitting(source.neighbours, len(rows))[:, :wanted].astype(np.int64)
    if faulty_rows(near).size:
        near = plane_neighbours(np.asarray(space), wanted).indices
    if source.plane is None:
        plane, shares = principal_plane(np.asarray(space))
        method = "principal components"
        note = (
            f"The first two principal components: {100.0 * shares.sum():.0f} % of the variance; "
            "the other dimensions are not shown."
        )
    else:
        plane, method = _fitting(source.plane, len(rows)), source.method
        note = (
            f"{method} keeps neighbours together; distances between groups, their sizes and the "
            "gaps between them mean little. Neighbours are found in the full space."
        )
    return Layout(space[order], plane[order], method, note, rows[near[order]])


def load_map(source: Source, place: dict[str, int], wanted: int, samples: Path) -> dict[str, Any]:
    """One map as the page reads it, in the order of the samples.

    ``title`` and ``note`` (how far to trust it), ``space``, ``plane`` (positions), ``neighbours``
    (``k`` rows of the nearest others in the space, for each image).
    """
    made = arrange(source, place, wanted, samples)
    return {
        "title": f"{source.name}, {made.method}",
        "note": made.note,
        "space": source.name,
        "plane": packed_positions(made.plane),
        "neighbours": packed(made.neighbours),
        "k": made.neighbours.shape[1],
    }


def ordered_map(n: int) -> dict[str, Any]:
    """In place of a map, where there is no space: n samples in rows of a square, in their order."""
    place = np.arange(n)
    side = max(1, int(np.ceil(np.sqrt(n))))
    return {
        "title": "none; in the order of the study's table",
        "note": (
            "The study has no space to map: no latents (data.embeddings, or data.images and a vae: "
            "step encode_latents) and no features or outputs of models (step import_features). "
            "Places mean nothing here."
        ),
        "space": "samples",
        "plane": packed_positions(np.column_stack([place % side, -(place // side)]).astype(float)),
        "neighbours": packed(np.zeros((n, 0), dtype=np.int64)),
        "k": 0,
    }


def load_in_order(
    path: Path, ids_path: Path, place: dict[str, int], samples: Path
) -> tuple[np.ndarray, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """An array (n, …), the order that makes its rows those of the samples, each row's sample."""
    array, ids = load_with_ids(path, ids_path)
    if set(ids) != set(place):
        alone = sorted(set(ids) ^ set(place))[0]
        raise InputError(
            f"{ids_path} and {samples} describe different images; the id {alone!r} is in only one "
            "of them"
        )
    rows = np.array([place[value] for value in ids], dtype=np.int64)
    return array, np.argsort(rows, kind="stable"), rows


def _fitting(path: Path, n: int) -> npt.NDArray:
    array = load_npy(path)
    if array.ndim != 2 or len(array) != n:
        raise InputError(
            f"{path}: shape {array.shape} does not fit {n} samples; compute it again from the same "
            "latents"
        )
    return array

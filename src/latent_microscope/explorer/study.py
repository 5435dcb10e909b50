"""A study for its explorer: read from artefacts, joined by id, in the order of samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.explorer import columns as kinds
from latent_microscope.explorer.columns import Column
from latent_microscope.explorer.lists import pair_list, ranked_lists
from latent_microscope.explorer.maps import Source, load_map, ordered_map
from latent_microscope.explorer.sprites import Sheets, full_sheets, sheets
from latent_microscope.explorer.votes import load_opinions
from latent_microscope.io.artefacts import join_by_id, load_npy, load_table
from latent_microscope.io.inputs import load_ids

MANY = 200_000
"""Samples up to which a page was measured to be quick (docs/explorer.md)."""


@dataclass(frozen=True)
class Files:
    """Artefacts of a study; what it does not have is None or empty."""

    samples: Path  # id and other columns; its rows are the order of everything
    maps: Sequence[Source]  # none: the samples in their order
    images: Path | None = None  # uint8 .npy, row i = row i of samples
    scores: Sequence[Path] = ()  # tables with one score per column
    titles: Mapping[str, str] = field(default_factory=dict)  # of scores, by name
    first: Sequence[str] = ()  # names of the scores that come first
    clusters: Path | None = None  # cluster, cmax
    attributes: Path | None = None  # one column per attribute
    rankings: Path | None = None  # ranked lists
    pairs: Path | None = None  # near-duplicates or pairs of similar latents
    votes: Path | None = None  # counts by class
    logits: Sequence[Path] = ()  # of each model
    logit_ids: Sequence[Path] = ()  # the ids of their rows
    models: Sequence[str] = ()  # their names


@dataclass(frozen=True)
class Study:
    """The content of the page."""

    title: str  # study, crop, seed
    payload: dict[str, Any]  # everything but the thumbnails, as JSON-like values
    sheets: dict[str, list[bytes]]  # name → files with images


def load_study(files: Files, title: str, *, thumbnail: int, quality: int, neighbours: int) -> Study:
    """Read a study's artefacts; thumbnail: pixels (0: none), neighbours: per image, at most."""
    place, columns, votes = load_columns(files)
    numbers = {c.name: c.values for c in columns if c.group == "score" and c.levels is None}
    rankings = load_table(files.rankings, ["list", "rank", "id"]) if files.rankings else None
    small, full, stored = _images(files, len(place), thumbnail, quality)
    maps = [load_map(source, place, neighbours, files.samples) for source in files.maps]
    payload = {
        "title": title,
        "noun": "image" if files.images else "sample",
        "ids": list(place),
        "maps": maps or [ordered_map(len(place))],
        "columns": [column.payload() for column in columns],
        "lists": list(ranked_lists(rankings, numbers, place)),
        "pairs": pair_list(load_table(files.pairs), place) if files.pairs else None,
        "votes": votes,
        "thumbnails": small and {**small.payload(), "stored": stored},
        "full": full and full.payload(),
    }
    return Study(title, payload, {each.name: each.files for each in (small, full) if each})


def note_if_large(study: Study, name: str) -> str | None:
    """Beyond :data:`MANY` samples add to each map, and return, what is better suited to them."""
    count = len(study.payload["ids"])
    if count <= MANY:
        return None
    note = (
        f"{count:,} samples make a large and slow page; Embedding Atlas shows more than "
        f"{MANY:,} better: latent-microscope export {name} --to embedding-atlas"
    )
    for one in study.payload["maps"]:
        one["note"] += f" {note}"
    return note


def load_columns(files: Files) -> tuple[dict[str, int], list[Column], dict[str, Any] | None]:
    """Row by id, values by sample in this order, and the votes as the page reads them."""
    ids = load_ids(files.samples).tolist()
    if not ids:
        raise InputError(f"{files.samples}: no samples; an explorer needs at least one")
    place = {value: row for row, value in enumerate(ids)}
    samples = load_table(files.samples)
    samples["id"] = samples["id"].astype(str)
    votes: dict[str, Any] | None = None
    opinions: list[Column] = []
    if files.votes is not None:
        models = files.models, files.logits, files.logit_ids
        votes, opinions = load_opinions(files.votes, files.samples, place, *models)
    return place, _columns(files, samples, opinions), votes


def _columns(files: Files, samples: pd.DataFrame, opinions: list[Column]) -> list[Column]:
    """Scores, clusters, labels, attributes; the first of two columns of one name is kept."""
    columns: list[Column] = []
    for path in files.scores:
        columns += kinds.score_columns(_joined(samples, path, files.samples), files.titles)
    columns.sort(key=lambda column: column.name not in files.first)
    columns += opinions
    if files.clusters is not None:
        columns += kinds.cluster_columns(_joined(samples, files.clusters, files.samples))
    columns += kinds.sample_columns(samples)
    if files.attributes is not None:
        columns += kinds.attribute_columns(_joined(samples, files.attributes, files.samples))
    unique: dict[str, Column] = {}
    for column in columns:
        if column.levels is not None or np.isfinite(column.values.astype(np.float64)).any():
            unique.setdefault(column.name, column)
    return list(unique.values())


def _joined(samples: pd.DataFrame, path: Path, samples_path: Path) -> pd.DataFrame:
    """A table in the order of the samples."""
    table = load_table(path)
    table["id"] = table["id"].astype(str)
    return join_by_id(samples[["id"]], table, names=(str(samples_path), str(path)))


def _images(
    files: Files, n: int, size: int, quality: int
) -> tuple[Sheets | None, Sheets | None, list[int]]:
    """Thumbnails; the images in full if they are larger and fit; the stored width and height."""
    if files.images is None or not size:
        return None, None, []
    images = load_npy(files.images, mmap=True)
    if len(images) != n:
        raise InputError(
            f"{files.images}: {len(images)} images, but {files.samples} has {n} ids; both must "
            "describe the same images"
        )
    small = sheets(images, size, quality)
    height, width = images.shape[1:3]
    reduced = (small.width, small.height) != (width, height)
    return small, full_sheets(images, max(quality, 90)) if reduced else None, [width, height]

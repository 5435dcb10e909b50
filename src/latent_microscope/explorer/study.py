"""A study as its explorer needs it: read from artefacts, joined by id, in the order of samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.explorer.columns import (
    Column,
    attribute_columns,
    cluster_columns,
    sample_columns,
    score_columns,
)
from latent_microscope.explorer.lists import pair_list, ranked_lists
from latent_microscope.explorer.maps import Map, Source, load_map
from latent_microscope.explorer.sprites import COLUMNS, ON_A_SHEET, Sheets, sheets
from latent_microscope.explorer.votes import Opinions, load_opinions
from latent_microscope.forensics.bias import LIMITS
from latent_microscope.io.artefacts import join_by_id, load_npy, load_table
from latent_microscope.io.inputs import load_ids


@dataclass(frozen=True)
class Files:
    """Artefacts of a study; what it lacks is None or empty.

    Attributes:
        samples: id and what is known of each image; its rows are the order of everything.
        maps: Spaces with their planes and neighbours; at least one.
        images: uint8 .npy, row i = row i of samples.
        scores: Tables of one score a column.
        titles: Of scores, by name.
        first: Names of the scores that come first.
        clusters: cluster, cmax.
        attributes: One column an attribute.
        rankings: Ranked lists.
        pairs: Near-duplicates or pairs of similar latents.
        votes: Counts by class.
        logits: Of each model.
        logit_ids: The ids of their rows.
        models: Their names.
    """

    samples: Path
    maps: Sequence[Source]
    images: Path | None = None
    scores: Sequence[Path] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    first: Sequence[str] = ()
    clusters: Path | None = None
    attributes: Path | None = None
    rankings: Path | None = None
    pairs: Path | None = None
    votes: Path | None = None
    logits: Sequence[Path] = ()
    logit_ids: Sequence[Path] = ()
    models: Sequence[str] = ()


@dataclass(frozen=True)
class Study:
    """What the page is made of.

    Attributes:
        title: Study, view, seed.
        ids: n ids.
        maps: At least one.
        columns: Values of each image.
        lists: Ranked lists.
        pairs: Near-duplicates.
        opinions: Votes and models.
        thumbnails: Sheets of reduced images.
    """

    title: str
    ids: list[str]
    maps: list[Map]
    columns: list[Column]
    lists: list[dict[str, Any]] = field(default_factory=list)
    pairs: dict[str, Any] | None = None
    opinions: Opinions | None = None
    thumbnails: Sheets | None = None

    def payload(self) -> dict[str, Any]:
        """Everything but the thumbnails, as JSON-like values."""
        sheet = self.thumbnails
        over, under = LIMITS["odds"]
        return {
            "title": self.title,
            "ids": self.ids,
            "maps": [plane.payload() for plane in self.maps],
            "columns": [column.payload() for column in self.columns],
            "lists": self.lists,
            "pairs": self.pairs,
            "votes": self.opinions.payload() if self.opinions else None,
            "thumbnails": {
                "width": sheet.width,
                "height": sheet.height,
                "columns": COLUMNS,
                "onSheet": ON_A_SHEET,
            }
            if sheet
            else None,
            "limits": {"over": over, "under": under},
        }


def load_study(files: Files, title: str, *, thumbnail: int, quality: int, neighbours: int) -> Study:
    """Read a study's artefacts.

    Args:
        files: Its artefacts.
        title: Its name as a reader should see it.
        thumbnail: Longer side of thumbnails in pixels; 0: none.
        quality: Of their WebP.
        neighbours: Of each image, at most.

    Raises:
        InputError: Files that do not describe the same images, or no map at all.
    """
    ids = load_ids(files.samples).tolist()
    if not ids or not files.maps:
        raise InputError(f"{files.samples}: an explorer needs images and at least one map of them")
    place = {value: row for row, value in enumerate(ids)}
    samples = load_table(files.samples)
    samples["id"] = samples["id"].astype(str)
    maps = [load_map(source, place, neighbours, files.samples) for source in files.maps]
    opinions = None
    if files.votes is not None:
        opinions = load_opinions(
            files.votes, files.samples, place, files.models, files.logits, files.logit_ids
        )
    columns = _columns(files, samples, opinions)
    numbers = {c.name: c.values for c in columns if c.group == "score" and c.levels is None}
    rankings = (
        None if files.rankings is None else load_table(files.rankings, ["list", "rank", "id"])
    )
    return Study(
        title,
        ids,
        maps,
        columns,
        list(ranked_lists(rankings, numbers, place)),
        None if files.pairs is None else pair_list(load_table(files.pairs), place),
        opinions,
        _thumbnails(files, len(ids), thumbnail, quality),
    )


def _columns(files: Files, samples: pd.DataFrame, opinions: Opinions | None) -> list[Column]:
    """Scores, clusters, labels, attributes; the first of two columns of one name is kept."""
    found: list[Column] = []
    for path in files.scores:
        table = _joined(samples, path, files.samples)
        found += score_columns(table, files.titles)
    found.sort(key=lambda column: column.name not in files.first)
    if opinions is not None:
        found += opinions.columns()
    if files.clusters is not None:
        found += cluster_columns(_joined(samples, files.clusters, files.samples))
    found += sample_columns(samples)
    if files.attributes is not None:
        found += attribute_columns(_joined(samples, files.attributes, files.samples))
    unique: dict[str, Column] = {}
    for column in found:
        if column.levels is not None or np.isfinite(column.values.astype(np.float64)).any():
            unique.setdefault(column.name, column)
    return list(unique.values())


def _joined(samples: pd.DataFrame, path: Path, samples_path: Path) -> pd.DataFrame:
    """A table in the order of the samples."""
    table = load_table(path)
    table["id"] = table["id"].astype(str)
    return join_by_id(samples[["id"]], table, names=(str(samples_path), str(path)))


def _thumbnails(files: Files, n: int, size: int, quality: int) -> Sheets | None:
    if files.images is None or not size:
        return None
    images = load_npy(files.images, mmap=True)
    if len(images) != n:
        raise InputError(
            f"{files.images}: {len(images)} images, and {files.samples} has {n} ids; both must "
            "describe the same images"
        )
    return sheets(images, size, quality)

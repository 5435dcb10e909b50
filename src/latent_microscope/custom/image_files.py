"""What a user's image files have in common beside their pixels: size, shape, ending, folder."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.custom.images import Pictures
from latent_microscope.custom.study import pictures, positions_of
from latent_microscope.data.decoding import check_image
from latent_microscope.data.images import Encoded, map_in_order

MOST_LEVELS = 12
"""Folders, or endings, that are covariates: those with the most images."""


def file_covariates(
    source: Path,
    settings: Mapping[str, Any],
    samples: pd.DataFrame,
    every: Path,
    *,
    folders: bool = True,
) -> pd.DataFrame:
    """Covariates of the files of the samples, row by row; no columns where they are no files.

    ``file_pixels`` and ``file_bytes`` (log10), ``file_aspect`` (width over height); one 0/1 column
    per ending and per folder (all but one of two, at most :data:`MOST_LEVELS`). Folders that are
    the identities are left out.

    Args:
        source: Folder, zip or file of the images.
        settings: Of the section data.images.
        samples: ``id`` and ``identity`` (-1: unknown).
        every: Table of all ids (:func:`.study.positions_of`).
        folders: Whether names of folders may be shown.
    """
    ids = samples["id"].astype(str).to_numpy(dtype=object)
    with pictures(source, settings) as found:
        order = positions_of(found.ids, found.count, ids, every, source)
        if found.encoded is None:
            return pd.DataFrame(index=range(len(ids)))
        places = np.argsort(order, kind="stable")
        table = pd.DataFrame(np.empty((len(ids), 0)))
        sizes = np.empty((len(ids), 3))
        sizes[places] = list(map_in_order(_facts(found), found.encoded(order[places])))
        width, height, count = sizes.T
        table["file_pixels"] = np.log10(width * height)
        table["file_aspect"] = width / height
        table["file_bytes"] = np.log10(count)
        if found.names is None:
            return table
        paths = [PurePosixPath(found.names[row]) for row in order]
        endings = pd.Series([path.suffix.lower().replace("jpeg", "jpg") for path in paths])
        levels = {"ending": endings.str.removeprefix(".")}
        parents = pd.Series([path.parent.as_posix() for path in paths])
        if folders and not _same_groups(parents, samples["identity"].to_numpy()):
            levels["folder"] = parents
        for name, values in levels.items():
            table = table.join(_indicators(name, values))
        return table


def _facts(found: Pictures) -> Any:
    """Width, height and bytes of an encoded image."""

    def facts(item: Encoded) -> tuple[int, int, int]:
        content = item[1]()
        return *check_image(content, item[0], found.max_pixels), len(content)

    return facts


def _same_groups(names: pd.Series, identities: npt.NDArray[np.int64]) -> bool:
    """Whether a folder holds the images of one identity, and all of them."""
    pairs = pd.DataFrame({"name": names, "identity": identities}).drop_duplicates()
    return bool((identities >= 0).all() and len(pairs) == names.nunique() == len(set(identities)))


def _indicators(name: str, values: pd.Series) -> pd.DataFrame:
    """One 0/1 column per level, of two levels the rarer one; none of a single level."""
    levels = list(values.value_counts(sort=True).index[:MOST_LEVELS])
    levels = sorted(levels[1:] if values.nunique() <= 2 else levels)
    return pd.DataFrame({f"{name}={level}": (values == level).astype(float) for level in levels})

"""The files of a custom study, as its config names them: their ids and their rows."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.custom.anonymous import ids_of_codes
from latent_microscope.custom.arrays import read_rows
from latent_microscope.custom.images import Pictures, open_pictures
from latent_microscope.custom.joining import Source, respelled
from latent_microscope.custom.tables import clean_ids, id_column, read_table
from latent_microscope.data.decoding import MAX_PIXELS
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table

Settings = Mapping[str, Any]
Ids = npt.NDArray[np.object_]


def pictures(path: Path, settings: Settings) -> AbstractContextManager[Pictures]:
    """The images of a study, by its settings ``ids``, ``id``, ``column`` and ``max_pixels``."""
    return open_pictures(
        path,
        ids=settings.get("ids", "path"),
        id_name=settings.get("id"),
        column=settings.get("column"),
        max_pixels=settings.get("max_pixels") or MAX_PIXELS,
    )


def rows_source(name: str, path: Path, settings: Settings, ids: Path | None = None) -> Source:
    """Ids and number of the rows of a file of numbers."""
    found = read_rows(path, array=settings.get("array"), ids=ids, id_name=settings.get("id"))
    return Source(name, str(path), found.count, found.ids)


def picture_source(name: str, path: Path, settings: Settings) -> Source:
    """Ids and number of the images, with those that cannot be read."""
    with pictures(path, settings) as found:
        ids = found.every_id
        count = found.count if ids is None else len(ids)
        return Source(name, str(path), count, ids, found.unusable() or None)


def table_source(name: str, path: Path, settings: Settings) -> Source:
    """Ids of a table's rows, and which of them have an empty cell in a wanted column."""
    table = read_table(path, settings.get("missing"))
    key = id_column(table, settings.get("id"), path)
    ids = None if key is None else clean_ids(table[key], path)
    empty: dict[str, str] = {}
    for column in wanted_columns(table, key, settings, path):
        if name == "attributes":  # an empty cell costs this attribute, not the sample
            break
        for row in np.flatnonzero(table[column].isna().to_numpy()):
            empty.setdefault(str(row) if ids is None else str(ids[row]), column)
    return Source(name, str(path), len(table), ids, empty or None)


def wanted_columns(
    table: pd.DataFrame, key: str | None, settings: Settings, path: Path
) -> list[str]:
    """The column of the setting ``column``, or all except the ids and those of ``skip``."""
    named = [settings["column"]] if settings.get("column") else list(settings.get("skip") or [])
    missing = [name for name in named if name not in table.columns]
    if missing:
        raise InputError(
            f"{path}: has no column {missing[0]!r}; it has {', '.join(map(str, table.columns))}"
        )
    if settings.get("column"):
        return named
    return [str(name) for name in table.columns if name != key and name not in named]


def table_rows(path: Path, settings: Settings, ids: Ids, every: Path) -> pd.DataFrame:
    """The wanted columns of a table for these ids, in their order; see :func:`positions_of`."""
    table = read_table(path, settings.get("missing"))
    key = id_column(table, settings.get("id"), path)
    own = None if key is None else clean_ids(table[key], path)
    order = positions_of(own, len(table), ids, every, path)
    return table[wanted_columns(table, key, settings, path)].iloc[order].reset_index(drop=True)


def positions_of(
    own: Ids | None, count: int, ids: Ids, every: Path, path: Path
) -> npt.NDArray[np.int64]:
    """Row of each of the samples ``ids`` in the file ``path``.

    ``own`` are the ids of its ``count`` rows; None: it has none, and its rows are those of the
    table ``every`` of all ids by ``position`` (-1: not in files without ids).
    """
    table = load_table(every)
    ids = ids_of_codes(table, ids)
    ignoring = [name for name in str(table["ignoring"].iloc[0]).split(",") if name]
    if own is None:
        own = table[table["position"] >= 0].sort_values("position")["id"].to_numpy(dtype=object)
        if len(own) != count:
            raise InputError(f"{path}: {count} rows for {len(own)} ids; run again to match the ids")
    return rows_of(own, ids, path, ignoring)


def rows_of(own: Ids, ids: Ids, path: Path, ignoring: Sequence[str] = ()) -> npt.NDArray[np.int64]:
    """Row of each of the samples ``ids`` among the ids of the rows of the file ``path``."""
    known = pd.Index(respelled(own, ignoring, str(path)))
    order = np.asarray(
        known.get_indexer(pd.Index(respelled(ids, ignoring, str(path)))), dtype=np.int64
    )
    if (order < 0).any():
        raise InputError(f"{path}: has no row of the id {ids[int(np.argmax(order < 0))]!r}")
    return order


def identity_codes(names: Sequence[Any]) -> npt.NDArray[np.int64]:
    """Numbers of identities in the sorted order of their names; -1 for an empty one."""
    texts = [None if pd.isna(name) else str(name) for name in names]
    number = {name: code for code, name in enumerate(sorted({t for t in texts if t is not None}))}
    return np.array([-1 if text is None else number[text] for text in texts], dtype=np.int64)

"""Joining a study's files by id: who has what, and who lacks it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError

log = logging.getLogger("latent_microscope")
Ids = npt.NDArray[np.object_]
_NAMED = 3  # ids that a message names


@dataclass(frozen=True)
class Source:
    """One file of a study.

    Attributes:
        name: What it is: embeddings, attributes, ….
        file: Its path, for messages.
        count: Its rows.
        ids: Their ids; None: its rows are taken by position.
        incomplete: Ids (without ids: row numbers) whose row has an empty cell, and its column.
    """

    name: str
    file: str
    count: int
    ids: Ids | None = None
    incomplete: dict[str, str] | None = None


def leading_ids(sources: Sequence[Source]) -> Ids:
    """Ids that files without ids take by position: those of the first file that has some.

    If none has, the rows are numbered.

    Raises:
        InputError: A file without ids has another number of rows.
    """
    leader = next((one for one in sources if one.ids is not None), sources[0])
    ids = leader.ids
    if ids is None:
        width = len(str(max(leader.count - 1, 0)))
        ids = np.array([str(row).zfill(width) for row in range(leader.count)], dtype=object)
        log.info("no file has ids: rows are numbered from 0")
    for one in sources:
        if one.ids is None and one.count != len(ids):
            raise InputError(
                f"{one.file}: {one.count} rows and no ids, and {leader.file} has {len(ids)} rows; "
                "add a column of ids, or give one row for each of these, in their order"
            )
        if one.ids is None and one is not leader:
            log.info("%s has no ids: its row i is taken for row i of %s", one.file, leader.file)
    return ids


def match(sources: Sequence[Source]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Who has what.

    Args:
        sources: All files, the one whose order the samples take first.

    Returns:
        Three tables. All ids, those of the first file in its order: ``id``, ``complete`` (every
        file has it), ``position`` (row in files without ids, or -1). The files: ``source``,
        ``file``, ``joined_by`` (id or position), ``rows``, ``matched``, ``alone`` (ids of it that
        another file lacks), ``lacking`` (ids that it lacks, or whose row has an empty cell). The
        ids that some file lacks: ``id``, ``lacks`` (sources, and columns of empty cells).

    Raises:
        InputError: As :func:`leading_ids`.
    """
    leading = leading_ids(sources)
    own = {one.name: leading if one.ids is None else one.ids for one in sources}
    every = pd.Index(
        list(dict.fromkeys(name for ids in own.values() for name in ids)), dtype=object
    )
    has = {name: np.asarray(every.isin(list(ids))) for name, ids in own.items()}
    lacks = np.full(len(every), "", dtype=object)
    for one in sources:
        lacks[~has[one.name]] += f", {one.name}"
        for row, column in (one.incomplete or {}).items():
            where = leading[int(row)] if one.ids is None else row
            lacks[every.get_loc(where)] += f", {one.name}: {column}"
    complete = lacks == ""
    files = pd.DataFrame(
        [
            {
                "source": one.name,
                "file": one.file,
                "joined_by": "position" if one.ids is None else "id",
                "rows": one.count,
                "matched": int((has[one.name] & complete).sum()),
                "alone": int((has[one.name] & ~complete).sum()),
                "lacking": int((~has[one.name]).sum() + len(one.incomplete or {})),
            }
            for one in sources
        ]
    ).astype({"source": "str", "file": "str", "joined_by": "str"})
    ids = pd.DataFrame(
        {
            "id": pd.Series(every, dtype="str"),
            "complete": complete,
            "position": pd.Index(leading).get_indexer(every).astype(np.int64),
        }
    )
    alone = pd.Series([text[2:] for text in lacks[~complete]], dtype="str")
    unmatched = pd.DataFrame({"id": ids["id"][~complete].reset_index(drop=True), "lacks": alone})
    return ids, files, unmatched


def joined_ids(
    ids: pd.DataFrame,
    files: pd.DataFrame,
    unmatched: pd.DataFrame,
    *,
    drop: bool = False,
    listed: str | None = None,
) -> Ids:
    """The ids that every file has.

    Args:
        ids: From :func:`match`.
        files: From :func:`match`.
        unmatched: From :func:`match`.
        drop: Whether those that some file lacks may be left out.
        listed: Where they are listed, for the message; None: nowhere, and none may be dropped.

    Raises:
        InputError: An id that some file lacks and is not to be dropped, or none is left.
    """
    kept = ids["id"][ids["complete"]].astype("str").to_numpy(dtype=object)
    if not len(kept):
        names = " and ".join(files["file"][files["lacking"] > 0].astype(str))
        some = ", ".join(repr(one) for one in unmatched["id"][:_NAMED])
        last = ", ".join(repr(one) for one in unmatched["id"][-_NAMED:])
        raise InputError(
            f"{names}: no id is in all files; the first are {some}, the last {last}; ids must be "
            "written alike (the endings of image files are left away)"
        )
    if len(unmatched) and not drop:
        lacking = files["lacking"].to_numpy()  # on a tie the last: tables stand after arrays
        worst = files.iloc[int(np.flatnonzero(lacking == lacking.max())[-1])]
        lacks = unmatched["lacks"].astype("str")
        mine = unmatched[lacks.str.contains(str(worst["source"]), regex=False)]
        some = ", ".join(repr(one) for one in mine["id"][:_NAMED])
        column = str(mine["lacks"].iloc[0]).partition(f"{worst['source']}: ")[2].partition(",")[0]
        what = f"has an empty cell in {column!r} for" if column else "lacks"
        where = f", all in {listed}; mend the files, or set `unmatched: drop`"
        if listed is None:
            where = "; remove them from the other files"
        raise InputError(
            f"{worst['file']}: {what} {len(mine)} of {len(ids)} ids, first {some}; "
            f"{len(unmatched)} do not match{where}"
        )
    if len(unmatched):
        log.info(
            "%d of %d ids do not match and are dropped: see %s", len(unmatched), len(ids), listed
        )
    return kept

"""Join a study's files by id: which ids each file has, and which are missing."""

import logging
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError

log = logging.getLogger("latent_microscope")
Ids = npt.NDArray[np.object_]
UNREADABLE = "an image that cannot be read"
SPELLINGS: dict[str, tuple[str, Callable[[str], str]]] = {
    "zeros": ("leading zeros", lambda text: re.sub(r"(?<!\d)0+(?=\d)", "", text)),
    "case": ("upper and lower case", str.casefold),
    "ending": ("a file's ending", lambda text: re.sub(r"(?<=[^/])\.[A-Za-z0-9]{1,5}$", "", text)),
    "folder": ("the folder", lambda text: text.rsplit("/", 1)[-1]),
    "unicode": ("the form of Unicode", lambda text: unicodedata.normalize("NFC", text)),
}
"""Differences of ids that can be ignored: what they are called, and ids without them."""
BY_POSITION = "`join: position` (option --by-position)"
NO_VOTES = "no votes"
"""Samples without votes are left out without being an error."""
_NAMED = 3  # ids that a message names


@dataclass(frozen=True)
class Source:
    """One file of a study."""

    name: str  # what it is: embeddings, attributes, …
    file: str  # its path, for messages
    count: int  # its rows
    ids: Ids | None = None  # None: its rows are taken by position
    # id (or row number) → column of an empty cell, or UNREADABLE, or NO_VOTES
    incomplete: dict[str, str] | None = None


@dataclass(frozen=True)
class Joining:
    """How files are joined.

    Attributes:
        by_position: Files without ids may stand beside files with ids, whose order they follow.
        ignoring: Differences of ids that are ignored, of :data:`SPELLINGS`.
    """

    by_position: bool = False
    ignoring: tuple[str, ...] = ()


EXACT = Joining()


def joining_of(ignoring: Sequence[str] | None, *, by_position: bool = False) -> Joining:
    """Of options of a command; an unknown difference is an :class:`InputError`."""
    unknown = next((name for name in ignoring or () if name not in SPELLINGS), None)
    if unknown is not None:
        raise InputError(f"--ignoring {unknown}: unknown; choose {', '.join(SPELLINGS)}")
    return Joining(by_position, tuple(ignoring or ()))


def respelled(ids: Ids, ignoring: Sequence[str], file: str) -> Ids:
    """Ids without these differences; two that become the same are an :class:`InputError`."""
    if not ignoring:
        return ids
    found = ids.copy()
    for name in ignoring:
        found = np.array([SPELLINGS[name][1](str(one)) for one in found], dtype=object)
    repeated = pd.Index(found).duplicated(keep=False)
    if repeated.any():
        same = ids[found == found[int(np.argmax(repeated))]]
        raise InputError(
            f"{file}: {same[0]!r} and {same[1]!r} are the same id when {', '.join(ignoring)} is "
            "ignored; give one of them, or do not ignore it"
        )
    return found


def leading_ids(sources: Sequence[Source], *, by_position: bool = False) -> Ids:
    """Ids that files without ids take by position: those of the first file that has some.

    If none has, the rows are numbered.

    Raises:
        InputError: Some files have ids and others have not, unless ``by_position``; or these have
            another number of rows.
    """
    leader = next((one for one in sources if one.ids is not None), sources[0])
    ids = leader.ids
    without = next((one for one in sources if one.ids is None), None)
    if ids is not None and without is not None and not by_position:
        raise InputError(
            f"{without.file}: has no ids, but {leader.file} has; give a file with the ids of its "
            f"rows, or {BY_POSITION} if row i belongs to row i of {leader.file}"
        )
    if ids is None:
        width = len(str(max(leader.count - 1, 0)))
        ids = np.array([str(row).zfill(width) for row in range(leader.count)], dtype=object)
        log.info("no file has ids; rows are numbered from 0")
    for one in sources:
        if one.ids is None and one.count != len(ids):
            raise InputError(
                f"{one.file}: {one.count} rows without ids, but {leader.file} has {len(ids)} rows; "
                "add a column of ids, or give one row for each of these, in their order"
            )
        if one.ids is None and one is not leader:
            log.info("%s has no ids; its row i belongs to row i of %s", one.file, leader.file)
    return ids


def match(
    sources: Sequence[Source], joining: Joining = EXACT
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Which file has which ids; the samples take the order of the first source.

    Three tables: all ids (``complete``: every file has it; ``position``: row in files without ids,
    or -1), the files, and the ids that are missing from a file or have an empty cell there.
    Samples keep the id of the first source that has them.
    """
    ignoring = joining.ignoring
    leading = leading_ids(sources, by_position=joining.by_position)
    raw = {one.name: leading if one.ids is None else one.ids for one in sources}
    own = {one.name: respelled(raw[one.name], ignoring, one.file) for one in sources}
    shown = dict(
        pair
        for name in reversed(own)
        for pair in zip(own[name].tolist(), raw[name].tolist(), strict=True)
    )
    every = pd.Index(pd.unique(np.concatenate(list(own.values()))), dtype=object)
    has = {name: np.asarray(every.isin(list(ids))) for name, ids in own.items()}
    missing_from = np.full(len(every), "", dtype=object)
    for one in sources:
        missing_from[~has[one.name]] += f", {one.name}"
        for row, column in (one.incomplete or {}).items():
            where = np.array([leading[int(row)] if one.ids is None else row], dtype=object)
            place = every.get_loc(respelled(where, ignoring, one.file)[0])
            missing_from[place] += f", {one.name}: {column}"
    complete = missing_from == ""
    rows = []
    for one in sources:
        here = has[one.name]
        missing = int((~here).sum()) + len(one.incomplete or {})
        numbers = (one.count, int((here & complete).sum()), int((here & ~complete).sum()), missing)
        rows.append((one.name, one.file, "position" if one.ids is None else "id", *numbers))
    names = ["source", "file", "joined_by", "rows", "matched", "alone", "missing"]
    files = pd.DataFrame(rows, columns=names).astype(dict.fromkeys(names[:3], "str"))
    ids = pd.DataFrame(
        {
            "id": pd.Series([shown[one] for one in every], dtype="str"),
            "complete": complete,
            "position": pd.Index(respelled(leading, ignoring, sources[0].file))
            .get_indexer(every)
            .astype(np.int64),
            "ignoring": pd.Series(",".join(ignoring), index=range(len(every)), dtype="str"),
        }
    )
    alone = pd.Series([text[2:] for text in missing_from[~complete]], dtype="str")
    unmatched = pd.DataFrame(
        {"id": ids["id"][~complete].reset_index(drop=True), "missing_from": alone}
    )
    return ids, files, unmatched


def joined_ids(
    ids: pd.DataFrame,
    files: pd.DataFrame,
    unmatched: pd.DataFrame,
    *,
    drop: bool = False,
    listed: str | None = None,
) -> Ids:
    """The ids that every file has, from the tables of :func:`match`.

    Unless ``drop``, an id that is missing from a file is an error. ``listed``: the file that lists
    these, for the message; None: there is none, and none may be dropped.
    """
    kept = ids["id"][ids["complete"]].astype("str").to_numpy(dtype=object)
    if not len(kept):
        names = " and ".join(files["file"][files["missing"] > 0].astype(str))
        first, last = _named(unmatched["id"]), _named(unmatched["id"][-_NAMED:])
        raise InputError(
            f"{names}: no id is in all files, with all its cells filled; the first are {first}, "
            f"the last {last}; spell ids the same way (without the endings of image files)"
            f"{_hint(unmatched['id'])}"
        )
    missing_from = unmatched["missing_from"].astype("str")
    without_votes = missing_from == f"votes: {NO_VOTES}"
    if without_votes.any():
        log.info("%d samples have no votes: left out, see %s", without_votes.sum(), listed)
    unmatched = unmatched[~without_votes]
    if len(unmatched) and not drop:
        missing = files["missing"].to_numpy()  # on a tie the last: tables come after arrays
        worst = files.iloc[int(np.flatnonzero(missing == missing.max())[-1])]
        missing_from = missing_from[~without_votes]
        lacked = unmatched[missing_from.str.contains(str(worst["source"]), regex=False)]
        first = str(lacked["missing_from"].iloc[0])
        column = first.partition(f"{worst['source']}: ")[2].partition(",")[0]
        what = f"has an empty cell in {column!r} for" if column else "does not contain"
        what = f"has {UNREADABLE} for" if column == UNREADABLE else what
        advice = "; remove them from the other files"
        if listed is not None:
            advice = f", all in {listed}; fix the files, or set `unmatched: drop`"
        raise InputError(
            f"{worst['file']}: {what} {len(lacked)} of {len(ids)} ids, first "
            f"{_named(lacked['id'])}; {len(unmatched)} do not match{advice}{_hint(unmatched['id'])}"
        )
    if len(unmatched) and listed:
        log.info("%d of %d ids do not match: dropped, see %s", len(unmatched), len(ids), listed)
    return kept


def _hint(unmatched: pd.Series) -> str:
    """Which difference between two ids that do not match could be ignored."""
    for name, (words, change) in SPELLINGS.items():
        plain = unmatched.astype(str).map(change)
        twice = plain.duplicated(keep=False)
        if twice.any():
            pair = unmatched[plain == plain[twice].iloc[0]].tolist()
            return (
                f"; {pair[0]!r} and {pair[1]!r} differ by {words}: `ignoring: [{name}]` (option "
                f"--ignoring {name}) joins them"
            )
    return ""


def _named(ids: pd.Series) -> str:
    return ", ".join(repr(one) for one in ids[:_NAMED])

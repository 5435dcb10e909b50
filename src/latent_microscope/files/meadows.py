"""Dissimilarities of multi-arrangements as Meadows exports them, ``.mat`` or JSON."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latent_microscope.errors import InputError
from latent_microscope.files.contents import Entry, entry_of, sliced

PAIRS = "rdmutv"
_STIMULI = "stimuli"


def of_variables(entries: Mapping[str, Entry], path: Path) -> dict[str, Entry]:
    """One row of pairs per participant and the stimuli, of variables ``rdmutv_NAME``.

    Other files' entries are returned as they are.
    """
    names = [name for name in entries if name == PAIRS or name.startswith(f"{PAIRS}_")]
    if not names:
        return dict(entries)
    rows, stimuli = [], []
    for name in names:
        own = f"{_STIMULI}{name.removeprefix(PAIRS)}"
        named = entries.get(own, entries.get(_STIMULI))
        if named is None or len(named.shape) != 1:
            raise InputError(f"{path}: {name!r} has no list {own!r}; export it again")
        rows.append(np.atleast_2d(entries[name].read()))
        stimuli.append(named.read().tolist())
    _require_same(
        [(names, pairs.shape[1:]) for names, pairs in zip(stimuli, rows, strict=True)], path
    )
    return _entries(np.concatenate(rows), stimuli[0], path)


def of_tasks(tasks: Sequence[Mapping[str, Any]], path: Path) -> dict[str, Entry]:
    """The same of the tasks of a JSON export; those without ``rdm`` are left out."""
    arranged = [task for task in tasks if isinstance(task, dict) and task.get("rdm")]
    try:
        rows = np.array([task["rdm"] for task in arranged], dtype=np.float64)
        stimuli = [[str(one["name"]) for one in task["stimuli"]] for task in arranged]
    except (ValueError, TypeError, KeyError):
        rows = np.empty(0)
    if rows.ndim != 2:
        raise InputError(f"{path}: its tasks have no `rdm` of the same stimuli; export them alone")
    _require_same(stimuli, path)
    return _entries(rows, stimuli[0], path)


def _require_same(stimuli: Sequence[Any], path: Path) -> None:
    if any(one != stimuli[0] for one in stimuli):
        raise InputError(
            f"{path}: participants or tasks have different stimuli; export one set of them"
        )


def _entries(rows: np.ndarray, stimuli: list[str], path: Path) -> dict[str, Entry]:
    ids = entry_of("id", np.array(stimuli, dtype=str), path)
    return {"id": ids, PAIRS: Entry(PAIRS, rows.shape, rows.dtype, sliced(rows))}

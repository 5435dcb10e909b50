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
        rows.append(np.atleast_2d(entries[name].read()))
        stimuli.append(entries[own if own in entries else _STIMULI].read().tolist())
    return _entries(np.concatenate(rows), stimuli, path)


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
    return _entries(rows, stimuli, path)


def _entries(rows: np.ndarray, stimuli: list[list[str]], path: Path) -> dict[str, Entry]:
    other = next((one for one in stimuli if one != stimuli[0]), None)
    if other is not None:
        raise InputError(
            f"{path}: participants or tasks have different stimuli; export one set of them"
        )
    ids = entry_of("id", np.array(stimuli[0], dtype=str), path)
    return {"id": ids, PAIRS: Entry(PAIRS, rows.shape, rows.dtype, sliced(rows))}

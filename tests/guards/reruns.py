"""The guard of re-runs: edit of the finished tiny workflow → artefacts that are made again."""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import store  # type: ignore[import-not-found]
from differences import ABSENT, Difference, compared, unexplained  # type: ignore[import-not-found]
from renames import Renames  # type: ignore[import-not-found]

FILE = store.TAKEN / "reruns.json.xz"
DUMP = Path(__file__).with_name("dump_reruns.py")
_OUTPUT = re.compile(r"^ +output: (.*)$", re.MULTILINE)  # of a group's jobs further in

Reruns = dict[str, list[str]]
"""Edit, as its test calls it → artefacts, sorted."""


def made_again(text: str) -> list[str]:
    """Artefacts of all jobs in the text of a dry run."""
    return sorted(path for line in _OUTPUT.findall(text) for path in line.split(", "))


def take(checkout: Path, python: Path) -> Reruns:
    """Of a checkout's own list of edits."""
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "reruns.json"
        folder = Path(scratch).resolve() / "project"
        subprocess.run([python, DUMP, checkout.resolve(), folder, output], check=True)
        found: Reruns = json.loads(output.read_text(encoding="utf-8"))
    return found


def save(found: Reruns, path: Path = FILE) -> None:
    """For :func:`load`."""
    store.write(path, found)


def load(path: Path = FILE) -> Reruns:
    """What :func:`save` has written."""
    found: Reruns = store.read(path)
    return found


def renamed(found: Reruns, renames: Renames) -> Reruns:
    """With new names of artefacts."""
    return {what: sorted(map(renames.path, paths)) for what, paths in found.items()}


def differences(old: Reruns, new: Reruns) -> Iterator[Difference]:
    """By edit."""
    for what in {**old, **new}:
        if what not in old or what not in new:
            sides = [ABSENT if what not in side else "an edit" for side in (old, new)]
            yield Difference("reruns", what, "edit", *sides)
            continue
        for _, was, now in compared(old[what], new[what]):
            yield Difference("reruns", what, "made again", was, now)


def unexplained_of(what: str, text: str) -> list[str]:
    """Lines of what one edit makes again that it did not, or no longer; none of a new edit.

    Args:
        what: The edit.
        text: Of the dry run after it.
    """
    renames = Renames.read()
    old = {name: paths for name, paths in renamed(load(), renames).items() if name == what}
    meant = [entry for entry in renames.exceptions if entry.names("reruns", what)]
    new = {what: made_again(text)} if old else {}
    found: list[str] = unexplained(differences(old, new), meant, "reruns")
    return found

"""The streams of random numbers: every call of ``derive`` and ``rng`` in the code of a checkout.

The names of streams are part of the numbers. Where a call stands is not part of the guard.
"""

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import store  # type: ignore[import-not-found]
from differences import Difference  # type: ignore[import-not-found]
from renames import Renames  # type: ignore[import-not-found]

FILE = store.TAKEN / "streams.json"
FUNCTIONS = {"derive", "rng"}
FOLDERS = ("src", "scripts", "workflow")
BENCHMARKS = "bench"
"""Draws nothing that is a result."""
_CALL = re.compile(r"\b(?:derive|rng)\(")


def take(checkout: Path) -> list[str]:
    """All calls, sorted; one that stands there twice is in the list twice."""
    files = [
        path
        for folder in FOLDERS
        for path in sorted((checkout / folder).rglob("*"))
        if path.suffix in (".py", ".smk") and BENCHMARKS not in path.relative_to(checkout).parts
    ]
    assert len(files) > 50, f"{checkout}: {len(files)} files of code"
    return sorted(call for path in files for call in calls(path))


def calls(path: Path) -> Iterator[str]:
    """The calls of one file, as ast writes them."""
    text = path.read_text(encoding="utf-8")
    for tree in [ast.parse(text)] if path.suffix == ".py" else _expressions(text):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func
                name = called.attr if isinstance(called, ast.Attribute) else None
                name = called.id if isinstance(called, ast.Name) else name
                if name in FUNCTIONS:
                    plain = ast.Call(ast.Name(str(name)), node.args, node.keywords)
                    yield ast.unparse(ast.fix_missing_locations(plain))


def _expressions(text: str) -> Iterator[ast.AST]:
    """The calls in a rule file, which is no Python: from the name to the bracket that ends it."""
    for match in _CALL.finditer(text):
        for end in re.finditer(r"\)", text[match.end() :]):
            try:
                yield ast.parse(text[match.start() : match.end() + end.end()], mode="eval")
            except SyntaxError:
                continue
            break


def save(found: list[str], path: Path = FILE) -> None:
    """One line a call."""
    path.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")


def load(path: Path = FILE) -> list[str]:
    """What :func:`save` has written."""
    found: list[str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def renamed(found: list[str], renames: Renames) -> list[str]:
    """Old calls with their new texts."""
    return [renames.name("streams", call) for call in found]


def differences(old: list[str], new: list[str]) -> Iterator[Difference]:
    """Calls that are there more or less often."""
    before, after = Counter(old), Counter(new)
    for call in sorted(before | after):
        if before[call] != after[call]:
            yield Difference("streams", call, "calls", before[call], after[call])

"""Differences between two takes: told in a few lines, and those that are meant left out."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from renames import Meant  # type: ignore[import-not-found]

LINES = 40
"""At most so many kinds of difference are told."""
WIDTH = 160
"""Characters told of one value."""
ABSENT = "(not there)"


@dataclass(frozen=True)
class Difference:
    """Something that is not as it was.

    Attributes:
        where: Which guard: plans, streams, reruns, crate, contents.
        what: A rule, an artefact, an edit.
        field: What of it.
        old: How it was.
        new: How it is.
        place: One of the places where it was seen.
    """

    where: str
    what: str
    field: str
    old: Any
    new: Any
    place: str = ""


def unexplained(found: Iterable[Difference], meant: Sequence[Meant], where: str) -> list[str]:
    """Lines of what is not meant, and of what is meant and no longer there.

    Args:
        found: Differences of one guard.
        meant: The exceptions of renames.yaml.
        where: The guard's name.
    """
    left, matched = [], set()
    for one in found:
        reasons = [m for m in meant if m.covers(where, one.what, one.field)]
        matched.update(reasons)
        if not reasons:
            left.append(one)
    stale = [m for m in meant if m.where == where and m not in matched]
    return [*told(left), *(f"exception matches nothing: {m.what} {m.field}" for m in stale)]


def text_of(lines: Sequence[str]) -> str:
    """For the message of an assertion."""
    return "\n".join(["differs from what taken/ holds; meant? tests/guards/renames.yaml", *lines])


def told(found: Sequence[Difference]) -> list[str]:
    """A line for each kind of difference, with the number of places and one of them."""
    kinds: dict[tuple[str, ...], list[Difference]] = defaultdict(list)
    for one in found:
        kinds[one.what, one.field, _short(one.old), _short(one.new)].append(one)
    lines = []
    for (what, field, old, new), places in kinds.items():
        seen = f" ({len(places)} times, as in {places[0].place})" if places[0].place else ""
        lines.append(f"{what}: {field}: {old} -> {new}{seen}")
    more = len(lines) - LINES
    return lines if more <= 0 else [*lines[:LINES], f"and {more} more kinds of difference"]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 40]} … {text[-37:]}"


def compared(old: Any, new: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(dotted name, old, new) of everything in which two nested values differ.

    The order of keys counts: what Snakemake or a figure gets is in another order then.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            inner = f"{name}.{key}" if name else key
            yield from compared(old.get(key, ABSENT), new.get(key, ABSENT), inner)
        if list(old) != list(new) and set(old) == set(new):
            yield f"{name} (order)", list(old), list(new)
    elif isinstance(old, list) and isinstance(new, list) and old != new:
        yield name, *_unequal(old, new)
    elif old != new or type(old) is not type(new):
        yield name, old, new


def _unequal(old: list[Any], new: list[Any]) -> tuple[Any, Any]:
    """Of two long lists only what one lacks, if they are not merely in another order."""
    gone = [item for item in old if item not in new]
    come = [item for item in new if item not in old]
    return (gone, come) if (gone or come) and len(old) + len(new) > 8 else (old, new)

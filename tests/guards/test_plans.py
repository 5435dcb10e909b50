"""Every config plans the same jobs as when they were taken: files, params, resources, captions."""

import sys
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import plans  # type: ignore[import-not-found]
import pytest
from commands import commands  # type: ignore[import-not-found]
from differences import text_of, unexplained  # type: ignore[import-not-found]
from renames import Renames  # type: ignore[import-not-found]

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = ("rules", "files", "words", "config", "params", "inputs", "outputs", "wildcards")


@pytest.fixture(scope="module")
def taken() -> plans.Plans:
    """Today's plans of all commands, half a minute with two processors."""
    return plans.take(ROOT, Path(sys.executable))


def test_every_plan_is_as_it_was(taken: plans.Plans) -> None:
    renames = Renames.read()
    old = plans.renamed(plans.load(), renames)
    found = unexplained(plans.differences(old, taken), renames.exceptions, "plans")
    assert not found, text_of(found)
    assert renames.unused(*SECTIONS, "captions") == []


def test_every_rule_with_a_script_is_in_a_plan(taken: plans.Plans) -> None:
    used = {job["rule"] for plan in taken.values() for job in plan["jobs"].values()}
    old = {job["rule"] for plan in plans.load().values() for job in plan["jobs"].values()}
    assert len(old) == 154
    assert {Renames.read().name("rules", rule) for rule in old} <= used


def test_the_guard_holds_every_command(taken: plans.Plans) -> None:
    assert list(taken) == list(commands(ROOT))
    assert all(plan["jobs"] for plan in taken.values())


def flat(files: Mapping[str, Any]) -> Iterator[str]:
    """Paths of a job's inputs or outputs, without ``ancient()``."""
    for value in files.values():
        for path in [value] if isinstance(value, str) else value:
            yield path.removeprefix("ancient(").removesuffix(")")


def waits(jobs: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Group and key of each job in a group, and of each other one of it that it waits for."""
    made_by = {path: key for key, job in jobs.items() for path in flat(job["output"])}
    needs = {
        key: {made_by[path] for path in flat(job["input"]) if path in made_by}
        for key, job in jobs.items()
    }
    behind: dict[str, set[str]] = {}
    for key in TopologicalSorter(needs).static_order():
        behind[key] = needs[key].union(*(behind[other] for other in needs[key]))
        group = jobs[key]["group"]
        yield from ((group, key, o) for o in behind[key] if group and jobs[o]["group"] == group)


def test_no_step_of_a_group_waits_for_another_one_of_it(taken: plans.Plans) -> None:
    """Else two of its jobs could wait for each other, and memory by inputs would be forgotten."""
    for name, plan in taken.items():
        assert list(waits(plan["jobs"])) == [], name
    assert sum(bool(job["group"]) for job in taken["default"]["jobs"].values()) > 50
    chain = {
        key: {"group": group, "input": {"x": before}, "output": {"y": key}}
        for key, group, before in (("a", "g", []), ("b", None, ["a"]), ("c", "g", ["ancient(b)"]))
    }
    assert list(waits(chain)) == [("g", "c", "a")]


def test_a_take_survives_its_file(taken: plans.Plans, tmp_path: Path) -> None:
    plans.save(taken, tmp_path / "plans")
    assert plans.load(tmp_path / "plans") == taken

"""Every config plans the same jobs as at commit a749c3d: files, params, resources, captions."""

import sys
from pathlib import Path

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
    assert len(old) == 140
    assert {Renames.read().name("rules", rule) for rule in old} <= used


def test_the_guard_holds_every_command(taken: plans.Plans) -> None:
    assert list(taken) == list(commands(ROOT))
    assert all(plan["jobs"] for plan in taken.values())


def test_a_take_survives_its_file(taken: plans.Plans, tmp_path: Path) -> None:
    plans.save(taken, tmp_path / "plans")
    assert plans.load(tmp_path / "plans") == taken

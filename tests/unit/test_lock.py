"""The lock: one set of pins for Linux (x86-64, aarch64) and macOS, Python 3.11 to 3.13."""

import re
import shlex
import tomllib

import pytest
from locked import (  # type: ignore[import-not-found]
    LOCK,
    PLATFORMS,
    PYTHONS,
    ROOT,
    entries,
    environment,
    installed,
)
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EVERYWHERE = {"torch", "torchvision", "snakemake", "numpy", "scipy", "hatchling", "pytest"}
GPU = re.compile(r"nvidia-.*|cuda-.*|triton")
WHERE = [(platform, python) for platform in PLATFORMS for python in PYTHONS]


def direct() -> list[Requirement]:
    """What pyproject.toml asks for, with all extras, but the project itself."""
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    found = [Requirement(line) for lines in lists for line in lines]
    return [one for one in found if canonicalize_name(one.name) != PROJECT["name"]]


def test_it_pins_one_version_a_line_and_names_no_place() -> None:
    assert len(entries()) > 150
    for entry in entries():
        assert [spec.operator for spec in entry.specifier] == ["=="], entry
        assert entry.url is None
        assert not any(spec.version.endswith("*") for spec in entry.specifier), entry
    text = LOCK.read_text(encoding="utf-8")
    assert not re.search(r"://|index|file:|/home|/root|--", text)


@pytest.mark.parametrize(("platform", "python"), WHERE)
def test_each_package_is_there_once_on(platform: str, python: str) -> None:
    names = [name for name, _ in installed(platform, python)]
    assert sorted(set(names)) == sorted(names)
    assert set(names) >= EVERYWHERE
    gpu = {name for name in names if GPU.fullmatch(name)}
    assert (len(gpu) > 10) == platform.startswith("linux")


@pytest.mark.parametrize(("platform", "python"), WHERE)
def test_it_fulfils_what_is_asked_for_on(platform: str, python: str) -> None:
    pins = dict(installed(platform, python))
    where = environment(platform, python)
    asked = [one for one in direct() if not one.marker or one.marker.evaluate(where)]
    assert len(asked) > 40
    for one in asked:
        version = pins.get(canonicalize_name(one.name))
        assert version is not None, one
        assert one.specifier.contains(version, prereleases=True), (one, version)


def test_numbers_come_from_the_same_versions_everywhere() -> None:
    """Only packages for one system differ."""
    sets = [set(installed(platform, python)) for platform, python in WHERE]
    differing = {name for pins in sets for name, _ in pins ^ sets[0]}
    assert differing <= {"appnope"} | {name for name, _ in sets[0] if GPU.fullmatch(name)}


def test_the_build_backend_is_pinned_since_it_is_not_fetched_apart() -> None:
    system = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]
    pins = dict(installed())
    for requirement in map(Requirement, [*system["requires"], "editables"]):
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)])


def test_its_header_names_the_target_that_makes_it() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "#    make lock\n" in LOCK.read_text(encoding="utf-8")
    recipe = re.search(r"^lock:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert recipe is not None
    words = shlex.split(recipe[1].replace("\\\n", " ").replace("$", ""))
    assert {"--universal", "--all-extras", "pyproject.toml", "envs/requirements.lock"} <= set(words)

"""The environments: conda files and the pip lock hold the same pins; the lock holds all we use."""

import ast
import re
import sys
from pathlib import Path

import pytest
import yaml

from latent_microscope import project
from latent_microscope.provenance.codehash import LIBRARY, dependencies

ROOT = Path(__file__).parents[2]
ENVS = sorted((ROOT / "envs").glob("*.yaml"))
PIP_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}
MODULES = {"PIL": "pillow", "sklearn": "scikit-learn", "umap": "umap-learn", "yaml": "pyyaml"}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lines: list[str]) -> dict[str, str]:
    """Name → version, empty where there is no pin."""
    bare = [line.split("#")[0].strip() for line in lines]
    split = [line.partition("==") for line in bare if line]
    return {canonical(name): version for name, _, version in split}


def conda(path: Path) -> dict[str, str]:
    content = yaml.safe_load(path.read_text())
    split = [line.partition("=") for line in content["dependencies"]]
    return {PIP_NAMES.get(name, canonical(name)): version for name, _, version in split}


LOCK = pins((ROOT / "envs/requirements.lock").read_text().splitlines())
WANTED = pins((ROOT / "envs/requirements.in").read_text().splitlines())


def test_the_lock_pins_everything_once() -> None:
    lines = (ROOT / "envs/requirements.lock").read_text().splitlines()
    entries = [line for line in lines if line and not line.startswith("#")]
    assert len(entries) == len(LOCK) > 50
    assert all(re.fullmatch(r"[\w.-]+==[\w.+!]+", entry) for entry in entries)


def test_the_lock_holds_every_direct_requirement() -> None:
    assert set(WANTED) <= set(LOCK)
    assert {name: LOCK[name] for name, version in WANTED.items() if version} == {
        name: version for name, version in WANTED.items() if version
    }


@pytest.mark.parametrize("path", ENVS, ids=lambda path: path.stem)
def test_conda_pins_are_those_of_the_lock(path: Path) -> None:
    found = conda(path)
    assert found.pop("python") == "3.11"
    assert len(found) > 3
    assert {name: LOCK.get(name) for name in found} == found


def test_there_is_an_environment_a_kind_of_step() -> None:
    wanted = {"analysis", "clustering", "figures", "notebook", "report", "torch"}
    assert {path.stem for path in ENVS} == wanted


def rules() -> dict[str, str]:
    """Script → environment, of every rule that has both."""
    found = {}
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for rule in re.split(r"^\s*rule ", path.read_text(), flags=re.MULTILINE)[1:]:
            script = re.search(r"scripts/\w+/(\w+)\.py", rule)
            environment = re.search(r"envs/(\w+)\.yaml", rule)
            if script and environment:
                found[script[1]] = environment[1]
    return found


def third_party(path: Path) -> set[str]:
    """Distributions that a file imports when it is imported (not those within functions)."""
    names = set()
    queue: list[ast.stmt] = list(ast.parse(path.read_bytes()).body)
    while queue:
        node = queue.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.If | ast.Try) and "TYPE_CHECKING" not in ast.unparse(node)[:40]:
            queue += [*node.body, *node.orelse]
    names -= set(sys.stdlib_module_names) | {"latent_microscope"}
    return {canonical(MODULES.get(name, name)) for name in names}


@pytest.mark.parametrize(("script", "environment"), sorted(rules().items()))
def test_an_environment_has_what_its_scripts_import(script: str, environment: str) -> None:
    path = project.script(script)
    files = [LIBRARY.joinpath(*m.split(".")[1:]) for m in dependencies(path)]
    files = [f / "__init__.py" if f.is_dir() else f.with_suffix(".py") for f in files]
    plumbing = [
        LIBRARY / f"{name}.py"
        for name in ("step", "io/artefacts", "provenance/sidecars", "progress")
    ]
    needed = set().union(*(third_party(f) for f in [path, *files, *plumbing]))
    assert needed - set(conda(ROOT / "envs" / f"{environment}.yaml")) == set()

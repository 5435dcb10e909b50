"""The environments: conda files and the pip lock hold the same pins."""

import ast
import re
import sys
from pathlib import Path

import locked  # type: ignore[import-not-found]
import pytest
import yaml

from latent_microscope import project
from latent_microscope.provenance.codehash import LIBRARY, CodeHasher

ROOT = Path(__file__).parents[2]
ENVS = sorted((ROOT / "envs").glob("*.yaml"))
PIP_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}
MODULES = {"PIL": "pillow", "sklearn": "scikit-learn", "umap": "umap-learn", "yaml": "pyyaml"}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def conda(path: Path) -> dict[str, str]:
    content = yaml.safe_load(path.read_text())
    split = [line.partition("=") for line in content["dependencies"]]
    return {PIP_NAMES.get(name, canonical(name)): version for name, _, version in split}


LOCK = dict(locked.installed())


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
    files = CodeHasher().reach(path)
    plumbing = [
        LIBRARY / f"{name}.py"
        for name in ("step", "io/artefacts", "provenance/sidecars", "progress")
    ]
    needed = set().union(*(third_party(f) for f in [path, *files, *plumbing]))
    assert needed - set(conda(ROOT / "envs" / f"{environment}.yaml")) == set()

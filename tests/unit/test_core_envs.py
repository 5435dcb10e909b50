"""The environments: conda files and the pip lock hold the same pins."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import locked  # type: ignore[import-not-found]
import pytest
import yaml

from latent_microscope import project
from latent_microscope.provenance.codehash import LIBRARY, CodeHasher

ROOT = Path(__file__).parents[2]
ENVS = sorted((ROOT / "envs").glob("*.yaml"))
PIP_NAMES = {"pytorch": "torch", "pytorch-gpu": "torch", "matplotlib-base": "matplotlib"}
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
    wanted = {"analysis", "clustering", "figures", "notebook", "report", "torch", "torch-cuda"}
    assert {path.stem for path in ENVS} == wanted
    anywhere, cuda = (conda(ROOT / f"envs/{name}.yaml") for name in ("torch", "torch-cuda"))
    assert anywhere == cuda


def rules(folder: Path, *config: str) -> list[dict[str, Any]]:
    """The rules that run a script, as Snakemake itself reads them."""
    dump = ROOT / "tests/workflow/dump_rules.py"
    done = subprocess.run(
        [sys.executable, dump, ROOT / "Snakefile", *config],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [rule for rule in json.loads(done.stdout) if rule["script"]]


def pairs(found: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """(script, environment) of rules."""
    return {(Path(rule["script"]).stem, Path(rule["conda"]).stem) for rule in found}


def test_an_image_and_cuda_builds_are_the_configs_choice(tmp_path: Path) -> None:
    plain = rules(tmp_path)
    assert {rule["container"] for rule in plain} == {None}
    chosen = rules(tmp_path, "container=docker://example.org/lm:1", "torch_environment=torch-cuda")
    assert {rule["container"] for rule in chosen} == {"docker://example.org/lm:1"}
    swapped = {(name, env.replace("torch", "torch-cuda")) for name, env in pairs(plain)}
    assert pairs(chosen) == swapped
    assert ("train_vae", "torch-cuda") in swapped


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


def test_an_environment_has_what_its_scripts_import(tmp_path: Path) -> None:
    plumbing = [
        LIBRARY / f"{name}.py"
        for name in ("step", "io/artefacts", "provenance/sidecars", "progress")
    ]
    missing, found = {}, pairs(rules(tmp_path))
    assert len(found) > 50
    for script, environment in found:
        files = [path := project.script(script), *CodeHasher().reach(path), *plumbing]
        needed = set().union(*map(third_party, files))
        missing[script, environment] = needed - set(conda(ROOT / "envs" / f"{environment}.yaml"))
    assert {pair: names for pair, names in missing.items() if names} == {}

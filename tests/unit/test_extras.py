"""Extras: each part of the project finds what it imports in the extra that brings it."""

import ast
import sys
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from latent_microscope.provenance.codehash import LIBRARY, CodeHasher

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
DISTRIBUTIONS = {
    "PIL": "pillow",
    "open_clip": "open-clip-torch",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
    "yaml": "pyyaml",
}
# Asked for without an import: what others import, call or read.
NOT_IMPORTED = {
    "bokeh", "ipykernel", "jinja2", "psutil", "pygments", "six", "snakemake-executor-plugin-slurm",
    "tensorboard", "typer",
}  # fmt: skip
HASHER = CodeHasher()
# A choice of the user, who has installed it.
OURS = {"latent_microscope", "snakemake_logger_plugin_microscope"}
OPTIONAL = {"rsatoolbox", "efficientnet-lite-pytorch", "pillow-heif"}


def extra(*names: str) -> set[str]:
    """What an installation with these extras brings, of what is asked for directly."""
    found: set[str] = {
        canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]
    }
    for name in names:
        for requirement in map(Requirement, EXTRAS[name]):
            if canonicalize_name(requirement.name) == PROJECT["name"]:
                found |= extra(*requirement.extras)
            else:
                found.add(canonicalize_name(requirement.name))
    return found


@cache
def imported(path: Path) -> set[str]:
    """Distributions that a file imports anywhere, but for those that only types need."""
    names: set[str] = set()
    queue: list[ast.AST] = [ast.parse(path.read_bytes())]
    while queue:
        node = queue.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
        elif not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            queue += ast.iter_child_nodes(node)
    names -= set(sys.stdlib_module_names) | OURS
    return {canonicalize_name(DISTRIBUTIONS.get(name, name)) for name in names}


def needed(files: Iterable[Path]) -> set[str]:
    """Distributions that files and the modules of the library behind them import."""
    reached = {path for file in files for path in HASHER.reach(file)}
    return set().union(*map(imported, reached)) - OPTIONAL


def sources(pattern: str) -> list[Path]:
    found = sorted(LIBRARY.glob(pattern))
    assert found, pattern
    return found


SCRIPTS = [p for p in sorted((ROOT / "scripts").glob("*/*.py")) if p.parent.name != "maintain"]
STEPS = {path.stem: path for path in SCRIPTS}
TRAINING = {name for name, path in STEPS.items() if "torch" in needed([path])}
STUDY = {"evaluate_scenario"}  # detection against PyOD's, which trains no network


@pytest.mark.parametrize("package", ["forensics", "similarity", "neighbours", "statistics"])
def test_scores_and_comparisons_need_no_extra(package: str) -> None:
    files = [path for path in sources(f"{package}/**/*.py") if path.stem != "baselines"]
    assert needed(files) - extra() == set()


def test_a_run_without_training_needs_only_workflow() -> None:
    assert len(STEPS) > len(TRAINING) + 50
    others = [path for name, path in STEPS.items() if name not in TRAINING | STUDY]
    assert needed(others) - extra("workflow") == set()
    rest = ["config", "custom", "data", "explorer", "io", "planning", "plots", "provenance"]
    files = [path for folder in rest for path in sources(f"{folder}/**/*.py")]
    files += [path for path in sources("*.py") if path.stem != "cli"]
    # `extract` runs networks; torch is imported when it is called.
    files += [p for p in sources("commands/*.py") if p.stem not in ("extract", "networks")]
    files += sorted((ROOT / "src/snakemake_logger_plugin_microscope").glob("*.py"))
    assert needed(files) - extra("workflow") == set()
    assert {"torch", "torchvision", "tensorboard", "pyod"} & extra("workflow") == set()


def test_trainings_and_networks_need_train_and_models() -> None:
    assert {"train_vae", "train_philnet", "extract_features"} <= TRAINING
    files = [STEPS[name] for name in TRAINING | STUDY]
    assert needed(files) - extra("workflow", "models") == set()
    assert needed(sources("training/*.py")) - extra("train") == set()


def test_dev_brings_all_that_is_imported_and_all_that_is_asked_for_is_used() -> None:
    beside = [p for name in ("scripts", "benchmarks", "tests") for p in (ROOT / name).rglob("*.py")]
    ours = {canonicalize_name(path.stem) for path in beside} | {"benchmarks", "tests"}
    plugin = sorted((ROOT / "src/snakemake_logger_plugin_microscope").glob("*.py"))
    used = set().union(*map(imported, [*sources("**/*.py"), *plugin, *beside])) - ours
    assert used - OPTIONAL - extra("dev") == set()
    assert extra("workflow", "models") - used <= NOT_IMPORTED

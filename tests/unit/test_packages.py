"""Packages of the library import each other in one direction; planning needs no numpy, no torch."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[2] / "src/latent_microscope"
TOP = "latent_microscope"


def package(module: str) -> str:
    """The package right below ours that a module is in; a module beside them is its own."""
    return [*module.split("."), ""][1]


def imported(path: Path) -> Iterator[str]:
    """Dotted names of ours that a file imports, also within functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == TOP:
            for alias in node.names:
                parts = str(node.module).split(".")
                inner = LIBRARY.joinpath(*parts[1:], alias.name)
                is_module = inner.is_dir() or inner.with_suffix(".py").is_file()
                yield ".".join([*parts, alias.name]) if is_module else str(node.module)


def graph(library: Path = LIBRARY) -> dict[str, set[str]]:
    """Package → packages that it imports."""
    found: dict[str, set[str]] = {}
    for path in library.rglob("*.py"):
        parts = path.relative_to(library).with_suffix("").parts
        if parts[0] != "_project":
            own = parts[0]
            found.setdefault(own, set()).update(map(package, imported(path)))
            found[own] -= {own, ""}
    return found


def test_no_package_imports_one_that_imports_it() -> None:
    packages = graph()
    assert {"forensics", "similarity", "neighbours", "training", "models"} <= packages.keys()
    order = list(TopologicalSorter(packages).static_order())
    assert order.index("neighbours") < order.index("forensics") < order.index("tables")


def test_a_circle_would_be_found() -> None:
    with pytest.raises(CycleError):
        TopologicalSorter(graph() | {"neighbours": {"tables"}}).prepare()


@pytest.mark.parametrize("heavy", ["numpy", "pandas", "torch", "scipy"])
def test_planning_starts_without(heavy: str) -> None:
    code = (
        "import sys\n"
        "import latent_microscope.config.resolve, latent_microscope.data.manifest\n"
        "import latent_microscope.planning.environment, latent_microscope.planning.pages\n"
        "import latent_microscope.planning.requirements, latent_microscope.project\n"
        "import latent_microscope.provenance.codehash, latent_microscope.cli\n"
        "from latent_microscope import registry\n"
        "assert all(len(getattr(registry, group)()) > 9 for group in ('figures', 'tables'))\n"
        "assert len(registry.model_types()) > 9 and registry.scores()\n"
        f"assert {heavy!r} not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_step_finds_its_declaration_without_plugins_or_the_config() -> None:
    """A step looks up its declaration before it can begin."""
    code = (
        "import sys\n"
        "from latent_microscope import registry\n"
        "assert registry.find('scores', 'stability').title == 'stability'\n"
        "ours = [name for name in sys.modules if name.startswith('latent_microscope.')]\n"
        "assert not {'importlib.metadata', 'yaml', 'jsonschema', 'pydantic'} & sys.modules.keys()\n"
        "assert len(ours) <= 5, ours\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

"""What describes the project to others says the same everywhere."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from latent_microscope import __version__

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
PYTHONS = ["3.11", "3.12", "3.13"]
SECTIONS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def parsed(name: str) -> dict[str, Any]:
    content = yaml.safe_load(text(name))
    assert isinstance(content, dict)
    return content


CITATION = parsed("CITATION.cff")


def test_the_version_has_one_source() -> None:
    assert "version" not in PROJECT
    assert PROJECT["dynamic"] == ["version"]
    source = text(PYPROJECT["tool"]["hatch"]["version"]["path"])
    assert f'__version__ = "{__version__}"\n' in source
    assert CITATION["version"] == __version__


def test_the_citation_names_the_same_project() -> None:
    title, _, subtitle = CITATION["title"].partition(": ")
    assert canonicalize_name(title.replace(" ", "-")) == PROJECT["name"]
    assert subtitle.lower() == PROJECT["description"].lower()
    assert CITATION["license"] == PROJECT["license"]
    assert CITATION["authors"] == PROJECT["authors"]
    assert CITATION.get("repository-code") == PROJECT.get("urls", {}).get("Repository")
    assert text(PROJECT["license-files"][0]).startswith(f"{PROJECT['license']} License")


def test_the_changelog_has_this_version_and_what_is_to_come() -> None:
    headings = re.findall(r"^## (.+)$", text("CHANGELOG.md"), re.MULTILINE)
    released = f"[{__version__}] - {CITATION['date-released']}"
    assert headings[0] == "[Unreleased]" or headings[0] == released
    assert released in headings
    assert all(re.fullmatch(r"\[[\d.]+\] - \d{4}-\d\d-\d\d", line) for line in headings[1:])
    kinds = re.findall(r"^### (.+)$", text("CHANGELOG.md"), re.MULTILINE)
    assert kinds
    assert set(kinds) <= SECTIONS


def test_pythons_are_the_same_everywhere() -> None:
    allowed = SpecifierSet(PROJECT["requires-python"])
    assert [f"3.{i}" for i in range(20) if f"3.{i}.1" in allowed] == PYTHONS
    prefix = "Programming Language :: Python :: "
    named = [line.removeprefix(prefix) for line in PROJECT["classifiers"] if prefix in line]
    assert [name for name in named if "Only" not in name] == PYTHONS
    jobs = parsed(".github/workflows/test.yml")["jobs"]
    assert jobs["linux"]["strategy"]["matrix"]["python"] == PYTHONS
    tried = re.search(r"^PYTHONS = (.+)$", text("Makefile"), re.MULTILINE)
    assert tried is not None
    assert tried[1].split()[:-1] == [f"python{python}" for python in PYTHONS]
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{PYTHONS[0].replace('.', '')}"
    assert PYPROJECT["tool"]["mypy"]["python_version"] == PYTHONS[0]


def test_the_workflow_of_github_runs_what_ci_runs() -> None:
    jobs = parsed(".github/workflows/test.yml")["jobs"]
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert ".ci/run" in commands
    targets = set(re.findall(r"^([.\w-]+(?: [\w-]+)*):", text("Makefile"), re.MULTILINE))
    made = [command.split()[1] for command in commands if command.startswith("make ")]
    assert made
    assert set(made) <= {name for line in targets for name in line.split()}
    extras = re.findall(r"\.\[([\w,]+)\]", "\n".join(commands))
    assert extras
    assert set(",".join(extras).split(",")) <= set(PROJECT["optional-dependencies"])


def test_the_catalog_shows_it_as_its_standard_wants() -> None:
    """Keys as the catalog describes them; the files that it looks for."""
    usage = parsed(".snakemake-workflow-catalog.yml")["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment"}
    assert set(usage["mandatory-flags"]) == {"desc", "flags"}
    deployment = usage["software-stack-deployment"]
    assert set(deployment) == {"conda", "apptainer", "apptainer+conda", "report"}
    assert all(isinstance(value, bool) for value in deployment.values())
    assert (ROOT / "config/README.md").is_file()
    assert (ROOT / "workflow/Snakefile").is_file()
    assert all(word in text("README.md").lower() for word in ("snakemake", "workflow"))
    rules = [path.read_text(encoding="utf-8") for path in (ROOT / "workflow/rules").glob("*.smk")]
    assert rules
    assert deployment["conda"] == any(re.search(r"envs/|conda:", rule) for rule in rules)


def test_hooks_take_the_tools_of_the_lock() -> None:
    (repository,) = parsed(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    hooks = {hook["id"]: hook["entry"].split() for hook in repository["hooks"]}
    assert {"ruff", "ruff-format", "snakefmt", "mypy", "end-of-file-fixer"} <= set(hooks)
    assert all(entry[0].startswith(".venv/bin/") for entry in hooks.values())
    assert hooks["snakefmt"][2] == str(PYPROJECT["tool"]["ruff"]["line-length"])
    pytest.importorskip("pre_commit", reason="the extra dev brings pre-commit")
    tools = Path(sys.executable).parent
    assert [
        entry[0] for entry in hooks.values() if not (tools / Path(entry[0]).name).exists()
    ] == []
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-config", ROOT / ".pre-commit-config.yaml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout

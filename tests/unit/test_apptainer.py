"""The recipe of the image, as far as that can be seen without building it."""

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import locked  # type: ignore[import-not-found]
import pytest

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "envs/apptainer.def"
SECTIONS = {"files", "post", "environment", "test", "runscript", "labels", "help"}
LIBRARY = {"torch": "torch", "snakemake": "snakemake"}


def parsed() -> tuple[dict[str, str], dict[str, list[str]]]:
    """Header by key, and the lines of each section, without comments."""
    header: dict[str, str] = {}
    sections: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for line in RECIPE.read_text(encoding="utf-8").splitlines():
        if line.startswith("%"):
            name = line[1:].strip()
            assert name not in sections, f"%{name} stands in it twice"
            lines = sections.setdefault(name, [])
        elif not line.strip() or line.lstrip().startswith("#"):
            continue
        elif lines is None:
            key, colon, value = line.partition(":")
            assert colon, line
            header[key.strip().lower()] = value.strip()
        else:
            lines.append(line.strip())
    return header, sections


HEADER, PARTS = parsed()


def test_it_has_the_sections_of_the_format() -> None:
    assert set(PARTS) == SECTIONS
    assert HEADER.keys() == {"bootstrap", "from"}
    assert HEADER["bootstrap"] == "docker"


def test_its_python_is_the_one_of_everything_else() -> None:
    """The first that is looked for, the oldest that is allowed, that of the conda files."""
    found = re.fullmatch(r"python:(\d+\.\d+)-slim-\w+", HEADER["from"])
    assert found is not None
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    pythons = re.search(r"^PYTHONS = (.+)$", makefile, re.MULTILINE)
    assert pythons is not None
    assert pythons[1].split()[0] == f"python{found[1]}"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"].split(",")[0] == f">={found[1]}"
    assert f"python={found[1]}\n" in (ROOT / "envs/torch.yaml").read_text(encoding="utf-8")


def test_it_installs_the_lock_and_nothing_else_by_pip() -> None:
    """So its pins are those of the lock; each file that it copies is there."""
    copied = dict(line.split() for line in PARTS["files"])
    assert copied == {"envs/requirements.lock": "/opt/requirements.lock"}
    assert all((ROOT / source).is_file() for source in copied)
    installs = [shlex.split(line) for line in PARTS["post"] if line.startswith("pip ")]
    assert installs == [
        ["pip", "install", "--no-cache-dir", "--requirement", copied["envs/requirements.lock"]]
    ]
    assert not re.search(r"==|@|git\+", "\n".join(PARTS["post"]))


@pytest.mark.parametrize("section", ["post", "environment", "test", "runscript"])
def test_its_scripts_are_valid_shell(section: str) -> None:
    script = "\n".join(PARTS[section])
    done = subprocess.run(["sh", "-n"], input=script, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    if section == "post":
        assert PARTS[section][0] == "set -eu"  # a failed step must not make an image


def test_its_own_test_passes_here_with_the_pins_of_the_lock() -> None:
    done = subprocess.run(
        ["sh", "-eu"], input="\n".join(PARTS["test"]), text=True, capture_output=True, check=True
    )
    pins = dict(locked.installed())
    found = done.stdout.split()
    assert [version.partition("+")[0] for version in found] == [
        pins[name].partition("+")[0] for name in LIBRARY
    ]


def test_the_command_of_its_help_is_one_that_the_project_knows() -> None:
    command = shlex.split(" ".join(PARTS["help"]))
    assert command[:4] == ["apptainer", "exec", "--nv", "latent-microscope.sif"]
    assert command[4] == "snakemake"
    assert (ROOT / command[-1]).is_file()
    assert " ".join(command[:5]) in (ROOT / "docs/cluster.md").read_text(encoding="utf-8")

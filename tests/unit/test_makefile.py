"""`make .venv` finds a Python that can, and says in one line when there is none."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("python3.11", "python3.12", "python3.13", "python3")
# Stands for a Python: says whether it can (-c), makes an environment (-m venv), notes the rest.
CAN = """#!/bin/sh
case "$1 $2" in
    "-c "*) exit 0 ;;
    "-m venv")
        shift 2; if [ "$1" = --clear ]; then shift; fi
        mkdir -p "$1/bin"; cp "$0" "$1/bin/python"; echo "venv $(basename "$0")" >> calls ;;
    "-m pip") if [ "$3" = install ]; then shift 2; echo "pip $*" >> calls; fi ;;
esac
"""
CANNOT = "#!/bin/sh\necho 'No module named ensurepip' >&2\nexit 1\n"

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    (tmp_path / "envs").mkdir()
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("envs/requirements.lock", "pyproject.toml", "calls"):
        (tmp_path / name).touch()
    return tmp_path


def pythons(project: Path, *able: str) -> None:
    """Put Pythons before those of the machine; only the named ones can make environments."""
    for name in NAMES:
        path = project / "bin" / name
        path.write_text(CAN if name in able else CANNOT)
        path.chmod(0o755)


def make(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = f"{project / 'bin'}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    kept.pop("PYTHON", None)
    return subprocess.run(
        ["make", ".venv", *arguments],
        cwd=project, env=kept | {"PATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def calls(project: Path) -> list[str]:
    return (project / "calls").read_text().splitlines()


@pytest.mark.parametrize("first", range(len(NAMES)))
def test_the_first_python_that_can_makes_it(first: int, project: Path) -> None:
    pythons(project, *NAMES[first:])
    done = make(project)
    assert (done.returncode, done.stderr) == (0, "")
    made, lock, ours = calls(project)
    assert made == f"venv {NAMES[first]}"
    assert "--requirement envs/requirements.lock" in lock
    assert {"--no-deps", "--no-build-isolation", "--editable"} <= set(ours.split())


def test_one_line_says_what_is_missing(project: Path) -> None:
    pythons(project)
    done = make(project)
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if not line.startswith("make: ")]
    assert len(said) == 1
    assert "3.11" in said[0]
    assert "PYTHON=" in said[0]
    assert calls(project) == []


def test_a_python_may_be_named_and_must_be_able(project: Path) -> None:
    pythons(project, "python3.11", "python3.13")
    assert make(project, "PYTHON=python3.12").returncode != 0
    assert calls(project) == []
    assert make(project, "PYTHON=python3.13").returncode == 0
    assert calls(project)[0] == "venv python3.13"


def test_it_is_made_once_and_brought_up_to_date_when_the_project_changes(project: Path) -> None:
    pythons(project, "python3.11")
    assert make(project).returncode == 0
    assert len(calls(project)) == 3
    assert make(project).returncode == 0
    assert len(calls(project)) == 3
    later = (project / ".venv").stat().st_mtime + 10
    os.utime(project / "pyproject.toml", (later, later))
    assert make(project).returncode == 0
    assert [call.split()[0] for call in calls(project)[3:]] == ["pip", "pip"]


def test_a_release_first_makes_what_its_tests_read(project: Path) -> None:
    """The tests of the finished demo skip without it, as in a fresh clone."""
    pythons(project, "python3.11")
    assert make(project).returncode == 0
    lines = make(project, "--dry-run", "release").stdout.splitlines()
    wanted = ("verify results/published --current", " demo ", " pytest --", " -m slow ", "mkdocs")
    places = [next(i for i, line in enumerate(lines) if word in line) for word in wanted]
    assert places == sorted(places)

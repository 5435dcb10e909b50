"""The wheel: library and workflow, nothing else; the same from the source archive."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from shutil import copy2, copytree, ignore_patterns

import pytest

from latent_microscope import __version__

pytest.importorskip("hatchling", reason="hatchling builds the wheel; see the extra dev")
pytest.importorskip("pip", reason="pip installs the wheel")

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("config", "envs", "notebooks", "profiles", "scripts", "src", "workflow")
FILES = (
    ".gitignore", "CITATION.cff", "LICENSE", "README.md", "Snakefile", "hatch_build.py",
    "pyproject.toml",
)  # fmt: skip
LIBRARY = "latent_microscope"
INFO = f"{LIBRARY}-{__version__}.dist-info"


def run(*command: str | Path, cwd: Path) -> str:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, env=clean, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def built(project: Path, folder: Path) -> Path:
    run(
        "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation",
        "--wheel-dir", folder, project, cwd=folder.parent,
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    return wheel


def content(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.startswith(f"{INFO}/")}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is built, with what lies about in a folder where work is done."""
    folder = tmp_path_factory.mktemp("wheel") / "clone"
    left = ignore_patterns("__pycache__", "*.pyc", "*.meta.json", "*.nbi", "*.nbc")
    for name in FOLDERS:
        copytree(ROOT / name, folder / name, ignore=left)
    for name in FILES:
        copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def expected(clone: Path) -> set[str]:
    """Path in the wheel of each file of the clone that belongs into it."""
    found = {f"{LIBRARY}/_project/Snakefile"}
    for top in FOLDERS:
        to = "" if top == "src" else f"{LIBRARY}/_project/{top}/"
        files = [path for path in (clone / top).rglob("*") if path.is_file()]
        assert files, top
        found |= {to + path.relative_to(clone / top).as_posix() for path in files}
    return found


@pytest.fixture(scope="module")
def wheel(clone: Path, expected: set[str]) -> Path:
    for litter in (
        "src/latent_microscope/__pycache__/step.cpython-311.pyc",
        "scripts/data/__pycache__/pack_faces.cpython-311.pyc",
        "config/faces.yaml.meta.json",
        "results/demo/scores.parquet",
        "data/celeba.zip",
        ".snakemake/log/1.log",
        "tests/unit/test_other.py",
    ):
        path = clone / litter
        assert path.relative_to(clone).as_posix() not in expected
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return built(clone, clone.parent / "wheels")


def test_it_holds_every_file_of_the_project_and_no_other(wheel: Path, expected: set[str]) -> None:
    found = content(wheel)
    assert expected - found == set()
    assert found - expected == set()
    project = f"{LIBRARY}/_project"
    assert {
        f"{LIBRARY}/py.typed", f"{LIBRARY}/forensics/__init__.py", f"{project}/workflow/Snakefile",
        f"{project}/config/config.yaml", f"{project}/profiles/slurm/config.yaml",
    } <= found  # fmt: skip


def test_the_source_archive_makes_the_same_wheel(clone: Path, wheel: Path, tmp_path: Path) -> None:
    run("-m", "hatchling", "build", "--target", "sdist", "--directory", tmp_path, cwd=clone)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        names = packed.getnames()
        packed.extractall(tmp_path, filter="data")
    unpacked = tmp_path / archive.name.removesuffix(".tar.gz")
    assert not any("__pycache__" in name or "/results/" in name for name in names)
    assert content(built(unpacked, tmp_path / "wheels")) == content(wheel)


def test_installed_it_finds_its_own_files(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    run(
        "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile",
        "--target", site, wheel, cwd=tmp_path,
    )  # fmt: skip
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "from importlib.metadata import version\n"
        "from latent_microscope import __version__, project\n"
        "print(project.root(), __version__, version('latent-microscope'), sep='\\n')"
    )
    root, own, of_metadata = run("-c", code, cwd=tmp_path).splitlines()
    assert Path(root) == site / LIBRARY / "_project"
    assert own == of_metadata == __version__


def test_an_editable_install_only_points_to_the_sources(clone: Path, tmp_path: Path) -> None:
    pytest.importorskip("editables", reason="hatchling wants it for editable installs")
    site = tmp_path / "site"
    run(
        "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation",
        "--target", site, "--editable", clone, cwd=tmp_path,
    )  # fmt: skip
    assert not (site / LIBRARY).exists()
    (pointer,) = site.glob("*.pth")
    assert Path(pointer.read_text().strip()) == clone / "src"

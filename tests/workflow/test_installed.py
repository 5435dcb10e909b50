"""From a wheel in any folder: the clone's bytes, nothing made again elsewhere; and as a module."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import runs  # type: ignore[import-not-found]
from snakemake_project import (  # type: ignore[import-not-found]
    ROOT,
    TINY,
    Project,
    clean_environment,
    planned,
)

from latent_microscope.planning.pages import LAST_RUN

pytestmark = pytest.mark.workflow

TARGETS = [
    "results/tiny-objects/rsa/euclidean-ceiling.parquet",
    "results/tiny-objects/data/votes.parquet",
    "results/tiny-faces/data/images.npy",
]
WORKFLOW = f'''
import os

before = dict(os.environ)

module microscope:
    snakefile:
        "{ROOT}/workflow/Snakefile"
    config:
        {{**config, "run": ["tiny-objects"]}}

use rule * from microscope as microscope_*

assert dict(os.environ) == before

rule ours:
    default_target: True
    input:
        "{TARGETS[0]}",
'''
"""Another workflow, with a rule of its own, that takes in this one."""


def command(folder: Path, library: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The console command of an installed package, as its entry point calls it."""
    return subprocess.run(
        [sys.executable, "-m", "latent_microscope.cli", *words],
        cwd=folder,
        env=clean_environment() | {"PYTHONPATH": str(library)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built without a network by the environment's own build tools, and installed."""
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run([*pip, *build], check=True)
    (built,) = folder.glob("*.whl")
    target = ["--target", str(folder / "site")]
    subprocess.run([*pip, "install", "--no-deps", *target, str(built)], check=True)
    return folder / "site"


def test_a_wheel_makes_the_clones_bytes_and_one_elsewhere_makes_nothing_again(
    site: Path, finished: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / TINY.name).write_bytes(TINY.read_bytes())
    first = Path(shutil.copytree(site, tmp_path / "first"))
    run = ["run", TINY.name, "--cores", "2", "--"]
    done = command(folder, first, *run, *TARGETS)
    assert done.returncode == 0, done.stdout
    clone, ours = runs.digests(finished.folder), runs.digests(folder)
    assert set(TARGETS) <= set(ours) <= set(clone)
    assert [name for name in ours if ours[name] != clone[name]] == []
    sidecars = "".join(p.read_text() for p in folder.rglob("*.meta.json"))
    assert str(tmp_path) not in sidecars
    second = first.rename(tmp_path / "second")
    again = command(folder, second, *run, *TARGETS, "--dry-run", "--quiet", "rules")
    assert again.returncode == 0, again.stdout
    assert not planned(again.stdout)
    last = folder / LAST_RUN
    last.write_text('["another"]', encoding="utf-8")
    idle = command(folder, second, *run, *TARGETS)
    assert "Nothing to be done" in idle.stdout
    assert set(json.loads(last.read_text(encoding="utf-8"))) == {"tiny-faces", "tiny-objects"}


def test_an_installed_package_in_the_way_of_a_clone_is_refused(
    site: Path, finished: Project, tmp_path: Path
) -> None:
    """The planner reads the clone, a job would import the installed package: another code."""
    package = Path(shutil.copytree(site, tmp_path / "package"))
    edited = package / "latent_microscope/synthetic/objects_demo.py"
    edited.write_text(edited.read_text(encoding="utf-8") + "\nEDITED = 1\n", encoding="utf-8")
    folder = tmp_path / "study"
    folder.mkdir()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "data/demo-objects/test.parquet"),
            *("--cores", "1", "--snakefile", str(finished.folder / "Snakefile")),
        ],
        cwd=folder,
        env=clean_environment() | {"PYTHONPATH": str(package)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert str(package / "latent_microscope") in done.stdout
    assert not (folder / "data/demo-objects/test.parquet").exists()


def test_another_workflow_takes_it_in_as_a_module(finished: Project, tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(WORKFLOW, encoding="utf-8")
    environment = clean_environment() | {"PYTHONPATH": os.fspath(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", str(TINY)],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "microscope_noise_ceiling" in done.stdout
    clone, ours = runs.digests(finished.folder), runs.digests(tmp_path)
    assert TARGETS[0] in ours
    assert [name for name in ours if ours[name] != clone[name]] == []

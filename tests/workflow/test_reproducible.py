"""The same config gives the same bytes: another folder, one core instead of two."""

import hashlib
from pathlib import Path

import pytest
from snakemake_project import Project, copy_project, tiny  # type: ignore[import-not-found]

pytestmark = pytest.mark.workflow

RUN = "results/tiny-faces/vae/whole/seed0"
TARGETS = [
    f"{RUN}/abi.parquet",
    f"{RUN}/figures/clusters.png",
    f"{RUN}/figures/vae-samples.png",
    "results/tiny-objects/figures/confusions.png",
    "results/tiny-objects/rsa/euclidean-ceiling.parquet",
    "results/tiny-objects/rdms/euclidean/philnet-features-seed0.npy",
]
"""Every kind of step and of artefact; the rest of the tiny workflow would only take longer."""
KINDS = {".npy", ".parquet", ".pt", ".png", ".pdf", ".zip", ".txt"}


def digests(project: Project) -> dict[str, str]:
    """Content of every artefact; logs, sidecars, checkpoints and event files are no artefacts."""
    return {
        path.relative_to(project.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for top in ("data", "results")
        for path in Path(project.folder, top).rglob("*")
        if path.suffix in KINDS and not any(part.startswith(".") for part in path.parts)
    }


def test_two_runs_make_the_same_bytes(finished: Project, tmp_path: Path) -> None:
    second = copy_project(tmp_path / "second")
    done = second.snakemake(*tiny("--cores", "1", targets=TARGETS))
    assert done.returncode == 0, done.stdout
    first, again = digests(finished), digests(second)
    assert {Path(name).suffix for name in again} == KINDS
    assert set(again) <= set(first)
    assert [name for name in again if again[name] != first[name]] == []

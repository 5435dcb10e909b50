"""One finished run of tests/workflow/tiny.yaml, made once and copied by each process."""

import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from snakemake_project import SECRETS, Project, copy_project, tiny  # type: ignore[import-not-found]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Project:
    """A copy of the project with the tiny workflow done. Who edits it puts it back."""
    own = tmp_path_factory.getbasetemp()
    shared = (own if worker_id == "master" else own.parent) / "finished"
    with FileLock(f"{shared}.lock"):
        if not shared.exists():
            project = copy_project(shared.with_name("unfinished"))
            done = project.snakemake(*tiny("--cores", "2"), environment=SECRETS)
            assert done.returncode == 0, done.stdout
            project.folder.rename(shared)
    folder = Path(shutil.copytree(shared, own / "own-finished", symlinks=True))
    return Project(folder)

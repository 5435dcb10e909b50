"""One finished run of tests/workflow/tiny.yaml, made once and shared by the tests that need it."""

import sys
from pathlib import Path

import pytest
from snakemake_project import SECRETS, Project, copy_project, tiny  # type: ignore[import-not-found]

sys.path.append(str(Path(__file__).resolve().parents[1] / "guards"))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the project with the tiny workflow done. Who edits it puts it back."""
    project = copy_project(tmp_path_factory.mktemp("finished"))
    done = project.snakemake(*tiny("--cores", "2"), environment=SECRETS)
    assert done.returncode == 0, done.stdout
    return project

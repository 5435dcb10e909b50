"""Fixtures of the tests of steps."""

from pathlib import Path

import pytest
from alignment_study import Study, made_study  # type: ignore[import-not-found]
from scored_run import Run, made_run  # type: ignore[import-not-found]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made_run(tmp_path_factory.mktemp("run"))


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return made_study(tmp_path / "study")

"""Fixtures of the tests of steps."""

import pytest
from scored_run import Run, made_run  # type: ignore[import-not-found]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made_run(tmp_path_factory.mktemp("run"))

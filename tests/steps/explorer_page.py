"""The explorer in a real Chromium: what its test modules share."""

from pathlib import Path
from typing import Any

import pytest
from explorer_study import write  # type: ignore[import-not-found]
from tests.browser import SLOW, Watched, browser

from make_explorer import main

__all__ = ["PANELS", "SLOW", "Watched", "arguments", "browser", "file"]
PANELS = ("image", "filter", "gallery", "table", "compare", "lists")


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return write(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def file(arguments: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("page") / "explorer.html"
    main(explorer=made, **{**arguments, "thumbnail": 8})
    return made

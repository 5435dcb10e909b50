"""Long modules first, so that no process is left alone with one at the end."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent
FIRST = (
    *("workflow/slurm", "workflow/test_strangers", "workflow/test_faults", "workflow/test_reruns"),
    *("workflow/test_own", "workflow", "guards", "fuzz"),
)


def place(path: Path) -> int:
    """Rank of a test's file: those of the first entry come first, unnamed ones last."""
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
    return next((i for i, start in enumerate(FIRST) if name.startswith(start)), len(FIRST))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With --no-loadscope-reorder this is the order in which modules start."""
    items.sort(key=lambda item: place(item.path))

"""Fixtures of the unit tests."""

from collections.abc import Callable, Iterator

import pytest

from latent_microscope import registry


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Let the registry find declarations of an invented plugin, as in ``install(models=[…])``."""

    def installed(**groups: list[registry.Declared]) -> None:
        monkeypatch.setattr(registry, "_plugins", lambda group: (tuple(groups.get(group, ())), {}))
        registry.model_type.cache_clear()

    yield installed
    monkeypatch.undo()
    registry.model_type.cache_clear()

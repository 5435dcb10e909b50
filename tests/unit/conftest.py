"""Fixtures of the unit tests."""

from collections.abc import Callable, Iterator

import pytest

from latent_microscope import registry
from latent_microscope.config.schema import config_schema


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Let the registry find declarations of a made-up plugin, as in ``install(models=[…])``."""

    def forget() -> None:
        registry.model_type.cache_clear()
        config_schema.cache_clear()

    def installed(**groups: list[registry.Declared]) -> None:
        monkeypatch.setattr(registry, "_plugins", lambda group: (tuple(groups.get(group, ())), {}))
        forget()

    yield installed
    monkeypatch.undo()
    forget()

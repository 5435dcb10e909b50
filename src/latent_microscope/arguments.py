"""Types that mark the files of a step's function; all its other arguments are params."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from latent_microscope.errors import InputError

In = Annotated[Path, "input"]
Out = Annotated[Path, "output"]
Asset = Annotated[Path, "asset"]
"""A file or folder of the project, relative to its root, read beside the inputs."""


def load(function: str) -> Callable[..., Any]:
    """The function that ``module:function`` names; :class:`InputError` if it cannot be imported."""
    module, _, name = function.partition(":")
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever loading another package raises
        raise InputError(f"declared function {function}: {error!r}") from error
    return found

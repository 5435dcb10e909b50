"""Packages that studies need: checked before anything runs, not by the step that needs them."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from latent_microscope import registry
from latent_microscope.errors import InputError

MODULES = {"train": ("torch", "tensorboard", "pyod"), "models": ("torch", "torchvision")}
PIP_NAMES = {"open_clip": "open_clip_torch"}


def extra_for(study: Mapping[str, Any]) -> str | None:
    """The extra that a study of a resolved config needs beside ``workflow``, if any."""
    models = study.get("models", {}).values()
    extras = {registry.model_type(model["type"]).extra for model in models} - {""}
    if "models" in extras:
        return "models"
    return "train" if extras or "vae" in study else None


def require_installed(studies: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that what the studies run on can be imported; :class:`InputError` says what cannot."""
    for name, study in studies.items():
        extra = extra_for(study)
        types = {model["type"] for model in study.get("models", {}).values()}
        wanted = [*MODULES.get(extra or "", ())]
        wanted += [m for t in sorted(types) for m in registry.model_type(t).packages]
        missing = [PIP_NAMES.get(m, m) for m in dict.fromkeys(wanted) if find_spec(m) is None]
        if missing:
            raise InputError(
                f"study {name} runs networks, but {', '.join(missing)} is not installed; "
                f'pip install "latent-microscope[{extra}]"'
            )

"""The classifier that a config names."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from latent_microscope.errors import InputError
from latent_microscope.models.philnet import PhilNet, build_philnet
from latent_microscope.models.resnet import ResNet50, build_resnet50


def build_classifier(settings: Mapping[str, Any], *, seed: int = 0) -> PhilNet | ResNet50:
    """Build a network with ``features``, ``classify`` and ``forward``.

    Args:
        settings: ``kind`` (``philnet``, ``random`` = an untrained PhilNet, ``resnet50``) and the
            keys of that network (PhilNet's, or ``input_size``, ``interpolation``, ``classes``).
        seed: Derived seed of the initial weights.

    Raises:
        InputError: An unknown kind or value.
    """
    kind = settings.get("kind", "philnet")
    if kind in ("philnet", "random"):
        return build_philnet(settings, seed=seed)
    if kind == "resnet50":
        keys = ("input_size", "interpolation", "classes")
        return build_resnet50(**{k: settings[k] for k in keys if k in settings}, seed=seed)
    raise InputError(f"kind: {kind!r} is unknown; use philnet, random or resnet50")


def weights_holder(model: PhilNet | ResNet50) -> nn.Module:
    """The module whose names a weights file has (torchvision's own for a ResNet-50)."""
    return model.net if isinstance(model, ResNet50) else model

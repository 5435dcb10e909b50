"""The classifier that a config names."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from latent_microscope.errors import InputError
from latent_microscope.models.efficientnet import EfficientNetLite, build_efficientnet_lite
from latent_microscope.models.philnet import PhilNet, build_philnet
from latent_microscope.models.resnet import ResNet50, build_resnet50

Classifier = PhilNet | ResNet50 | EfficientNetLite


def build_classifier(settings: Mapping[str, Any], *, seed: int = 0) -> Classifier:
    """Build a network with ``features``, ``classify`` and ``forward``.

    Args:
        settings: ``kind`` (``philnet``, ``random`` = an untrained PhilNet, ``resnet50``,
            ``efficientnet_lite``) and the keys of that network (PhilNet's, or ``input_size``,
            ``interpolation``, ``classes`` of a ResNet-50, or ``number`` of an EfficientNet-Lite).
        seed: Derived seed of the initial weights.

    Raises:
        InputError: An unknown kind or value, or an optional package is missing.
    """
    kind = settings.get("kind", "philnet")
    if kind in ("philnet", "random"):
        return build_philnet(settings, seed=seed)
    if kind == "resnet50":
        keys = ("input_size", "interpolation", "classes")
        return build_resnet50(**{k: settings[k] for k in keys if k in settings}, seed=seed)
    if kind == "efficientnet_lite":
        return build_efficientnet_lite(number=settings.get("number", 0), seed=seed)
    raise InputError(
        f"kind: {kind!r} is unknown; use philnet, random, resnet50 or efficientnet_lite"
    )


def weights_holder(model: Classifier) -> nn.Module:
    """The module whose names a weights file has (those of the package that the network is from)."""
    return model if isinstance(model, PhilNet) else model.net

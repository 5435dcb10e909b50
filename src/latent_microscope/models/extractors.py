"""The function from images to features of a network that settings name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from latent_microscope.errors import InputError
from latent_microscope.models.base import load_checked
from latent_microscope.models.classifiers import build_classifier, weights_holder
from latent_microscope.models.features import Extractor
from latent_microscope.models.pixels import to_range
from latent_microscope.models.vaes import build_vae
from latent_microscope.models.weights import load_weights


def build_extractor(
    settings: Mapping[str, Any],
    image_shape: tuple[int, int, int],
    weights: Path | None,
) -> tuple[Extractor, nn.Module]:
    """Build a network with its weights.

    Args:
        settings: ``kind`` (philnet, random, resnet50, efficientnet_lite, vae, pixels) and the keys
            of that network; vae: ``arch``, ``latent``, ``channels``, ``input_range``.
        image_shape: (height, width, channels).
        weights: ``.pt`` state dict; not for pixels.

    Returns:
        The function (penultimate features and logits, or latent means) and the network, whose
        device and mode are the caller's to set.

    Raises:
        InputError: No weights, weights of another network, or an unknown kind.
    """
    kind = settings["kind"]
    if kind == "pixels":
        return lambda unit: (unit.permute(0, 2, 3, 1).flatten(1), None), nn.Identity()
    if weights is None:
        raise InputError(f"weights: the kind {kind!r} needs a weights file")
    state = load_weights(weights)
    if kind == "vae":
        vae = build_vae(settings["arch"], settings, image_shape=image_shape)
        load_checked(vae, state, weights)
        signed = settings.get("input_range", "unit")
        return lambda unit: (vae.encode(to_range(unit, signed))[0], None), vae
    model = build_classifier(settings)
    load_checked(weights_holder(model), state, weights)
    model = model.to(memory_format=torch.channels_last)

    def extract(unit: Tensor) -> tuple[Tensor, Tensor | None]:
        found = model.features(unit)
        return found, model.classify(found)

    return extract, model

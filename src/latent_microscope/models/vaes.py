"""The VAE that a config names."""

from collections.abc import Mapping
from typing import Any

from latent_microscope.errors import InputError
from latent_microscope.models.base import VAE, seeded_init
from latent_microscope.models.cifarvae import CifarVAE
from latent_microscope.models.eyevae import ConvEyeVAE, EyeVAE


def build_vae(
    arch: str,
    settings: Mapping[str, Any],
    *,
    image_shape: tuple[int, int, int] | None = None,
    seed: int = 0,
) -> VAE:
    """Build a VAE with default torch initialisation.

    Args:
        arch: ``dense``, ``convolutional`` or ``cifar``.
        settings: May hold ``latent``, ``dropout`` (dense) and ``channels`` (cifar); other keys are
            left to the training.
        image_shape: (height, width, channels) of the images it is for; sets the size of the dense
            one and is checked for the others.
        seed: Derived seed of the initial weights.

    Raises:
        InputError: An unknown architecture, or images that it cannot take.
    """
    options: dict[str, Any] = {"latent": settings["latent"]} if "latent" in settings else {}
    model: VAE
    with seeded_init(seed):
        if arch == "dense":
            if "dropout" in settings:
                options["dropout"] = settings["dropout"]
            if image_shape is not None:
                options |= {"height": image_shape[0], "width": image_shape[1]}
            model = EyeVAE(**options)
        elif arch == "convolutional":
            model = ConvEyeVAE(**options)
        elif arch == "cifar":
            if "channels" in settings:
                options["channels"] = tuple(settings["channels"])
            model = CifarVAE(**options)
        else:
            raise InputError(f"arch: {arch!r} is unknown; use dense, convolutional or cifar")
    channels, height, width = model.image_shape
    if image_shape is not None and tuple(image_shape) != (height, width, channels):
        raise InputError(
            f"arch {arch!r} takes images of {height}×{width}×{channels}, these are "
            f"{'×'.join(map(str, image_shape))}; resize them or choose another arch"
        )
    return model

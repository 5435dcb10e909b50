"""Variational autoencoders, and the one that a config names."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from latent_microscope.errors import InputError
from latent_microscope.models.weights import seeded_init


class VAE(nn.Module):
    """A VAE with a diagonal Gaussian posterior and a sigmoid decoder; subclasses make its layers.

    It has ``latent`` dimensions and takes images of ``image_shape`` (channels, height, width).
    """

    encoder: nn.Module
    fc_mu: nn.Module
    fc_logvar: nn.Module
    decoder: nn.Module

    def __init__(self, latent: int, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.latent, self.image_shape = latent, image_shape

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior mean and log variance, float32 (n, latent), of images (n, C, H, W)."""
        hidden = self.encoder(images).flatten(1)
        return self.fc_mu(hidden).float(), self.fc_logvar(hidden).float()

    def decode(self, codes: Tensor) -> Tensor:
        """Images in [0, 1], float32 (n, C, H, W), of codes (n, latent)."""
        raise NotImplementedError

    def forward(self, images: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruction, mean and log variance; ``noise`` is standard normal (n, latent)."""
        mean, logvar = self.encode(images)
        return self.decode(mean + torch.exp(0.5 * logvar) * noise), mean, logvar


class EyeVAE(VAE):
    """Dense VAE of the preprint's synthetic eyes: pixels–1024–512–256–latent, mirrored decoder.

    ``dropout`` follows the first two layers of the encoder and, mirrored, precedes the last two of
    the decoder.
    """

    def __init__(
        self, latent: int = 128, height: int = 32, width: int = 64, *, dropout: float = 0.2
    ) -> None:
        super().__init__(latent, (3, height, width))
        pixels = 3 * height * width
        self.encoder = nn.Sequential(
            nn.Flatten(),
            *(nn.Linear(pixels, 1024), nn.ReLU(), nn.Dropout(dropout)),
            *(nn.Linear(1024, 512), nn.ReLU(), nn.Dropout(dropout)),
            *(nn.Linear(512, 256), nn.ReLU()),
        )
        self.fc_mu = nn.Linear(256, latent)
        self.fc_logvar = nn.Linear(256, latent)
        self.decoder = nn.Sequential(
            *(nn.Linear(latent, 256), nn.ReLU()),
            *(nn.Linear(256, 512), nn.ReLU(), nn.Dropout(dropout)),
            *(nn.Linear(512, 1024), nn.ReLU(), nn.Dropout(dropout)),
            nn.Linear(1024, pixels),
        )

    def decode(self, codes: Tensor) -> Tensor:
        """See :meth:`VAE.decode`."""
        return torch.sigmoid(self.decoder(codes).float()).unflatten(1, self.image_shape)


class _ConvolutionalVAE(VAE):
    decoder_input: nn.Module
    inner: tuple[int, int, int]  # channels, height and width of the smallest feature map

    def decode(self, codes: Tensor) -> Tensor:
        """See :meth:`VAE.decode`."""
        hidden = self.decoder_input(codes).unflatten(1, self.inner)
        return torch.sigmoid(self.decoder(hidden).float())


class ConvEyeVAE(_ConvolutionalVAE):
    """Convolutional VAE of 64×64 images: 3–32–64–128–256, kernels 4×4, stride 2, padding 1.

    Parameter names and shapes are those of the published weights (Hugging Face
    ``hussamalafandi/VAE-CelebA``), which load unchanged.
    """

    def __init__(self, latent: int = 200) -> None:
        super().__init__(latent, (3, 64, 64))
        self.inner = (256, 4, 4)
        widths = [3, 32, 64, 128, 256]
        down: list[nn.Module] = []
        for outer, inner in pairwise(widths):
            down += [nn.Conv2d(outer, inner, 4, 2, 1), nn.ReLU()]
        self.encoder = nn.Sequential(*down)
        self.fc_mu = nn.Linear(4096, latent)
        self.fc_logvar = nn.Linear(4096, latent)
        self.decoder_input = nn.Linear(latent, 4096)
        up: list[nn.Module] = []
        for inner, outer in pairwise(reversed(widths)):
            up += [nn.ConvTranspose2d(inner, outer, 4, 2, 1), nn.ReLU()]
        self.decoder = nn.Sequential(*up[:-1])


class CifarVAE(_ConvolutionalVAE):
    """VAE of the alignment study: 32×32 images, kernels 4×4, stride 2, padding 1, mirrored decoder.

    ``channels`` are the filters of the encoder's layers, each of which halves the image.
    """

    def __init__(self, latent: int = 256, channels: Sequence[int] = (32, 64, 128)) -> None:
        super().__init__(latent, (3, 32, 32))
        widths = [3, *channels]
        side = 32 >> len(channels)
        self.inner = (widths[-1], side, side)
        size = widths[-1] * side * side
        down: list[nn.Module] = []
        up: list[nn.Module] = []
        for outer, inner in pairwise(widths):
            down += [nn.Conv2d(outer, inner, 4, 2, 1), nn.ReLU()]
            up = [nn.ReLU(), nn.ConvTranspose2d(inner, outer, 4, 2, 1), *up]
        self.encoder = nn.Sequential(*down)
        self.fc_mu = nn.Linear(size, latent)
        self.fc_logvar = nn.Linear(size, latent)
        self.decoder_input = nn.Linear(latent, size)
        self.decoder = nn.Sequential(*up)


def kl_terms(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL divergence to the standard normal by sample and dimension, nats (n, latent)."""
    return 0.5 * (mean.square() + logvar.exp() - 1.0 - logvar)


def build_vae(
    arch: str,
    settings: Mapping[str, Any],
    *,
    image_shape: tuple[int, ...] | None = None,
    seed: int = 0,
) -> VAE:
    """A VAE with default torch initialisation from a derived seed.

    ``arch`` is ``dense``, ``convolutional`` or ``cifar``. ``settings`` may hold ``latent``,
    ``dropout`` (dense) and ``channels`` (cifar); other keys are ignored. ``image_shape`` (height,
    width, channels) sets the size of the dense one and is checked for the others.
    """
    kinds = {"dense": EyeVAE, "convolutional": ConvEyeVAE, "cifar": CifarVAE}
    if arch not in kinds:
        raise InputError(f"arch: {arch!r} is unknown; use {', '.join(kinds)}")
    own_keys = {"dense": ("latent", "dropout"), "cifar": ("latent", "channels")}
    keys = own_keys.get(arch, ("latent",))
    options: dict[str, Any] = {key: settings[key] for key in keys if key in settings}
    if arch == "dense" and image_shape is not None:
        options |= {"height": image_shape[0], "width": image_shape[1]}
    with seeded_init(seed):
        model: VAE = kinds[arch](**options)
    channels, height, width = model.image_shape
    if image_shape is not None and tuple(image_shape) != (height, width, channels):
        raise InputError(
            f"arch {arch!r} takes images of {height}×{width}×{channels}, these are "
            f"{'×'.join(map(str, image_shape))}; resize them or choose another arch"
        )
    return model

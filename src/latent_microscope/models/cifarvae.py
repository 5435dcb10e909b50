"""The VAE of the alignment study: 32×32 images, transposed-convolution decoder."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from latent_microscope.models.base import VAE


class CifarVAE(VAE):
    """Convolutional VAE: kernels 4×4, stride 2, padding 1, ReLU; mirrored decoder.

    Args:
        latent: Dimensions of the latent space.
        channels: Filters of the encoder's layers, each halving the image.
    """

    def __init__(self, latent: int = 256, channels: Sequence[int] = (32, 64, 128)) -> None:
        super().__init__()
        self.latent, self.image_shape = latent, (3, 32, 32)
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

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`VAE.encode`."""
        hidden = self.encoder(images).flatten(1)
        return self.fc_mu(hidden).float(), self.fc_logvar(hidden).float()

    def decode(self, codes: Tensor) -> Tensor:
        """See :meth:`VAE.decode`."""
        hidden = self.decoder_input(codes).unflatten(1, self.inner)
        return torch.sigmoid(self.decoder(hidden).float())

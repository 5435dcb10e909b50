"""The two VAEs of the preprint: dense for the synthetic eyes, convolutional for the faces."""

import torch
from torch import Tensor, nn

from latent_microscope.models.base import VAE


class EyeVAE(VAE):
    """Dense VAE: pixels–1024–512–256–latent, ReLU, mirrored decoder.

    Args:
        latent: Dimensions of the latent space.
        height: Image height in pixels.
        width: Image width in pixels.
        dropout: After the first two layers of the encoder and, mirrored, before the last layer
            and the one before it in the decoder.
    """

    def __init__(
        self, latent: int = 128, height: int = 32, width: int = 64, *, dropout: float = 0.2
    ) -> None:
        super().__init__()
        self.latent, self.image_shape = latent, (3, height, width)
        pixels = 3 * height * width
        self.encoder = nn.Sequential(
            nn.Flatten(),
            nn.Linear(pixels, 1024),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(1024, 512),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(512, 256),
            nn.ReLU(),
        )
        self.fc_mu = nn.Linear(256, latent)
        self.fc_logvar = nn.Linear(256, latent)
        self.decoder = nn.Sequential(
            nn.Linear(latent, 256),
            nn.ReLU(),
            nn.Linear(256, 512),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(512, 1024),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(1024, pixels),
        )

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`VAE.encode`."""
        hidden = self.encoder(images)
        return self.fc_mu(hidden).float(), self.fc_logvar(hidden).float()

    def decode(self, codes: Tensor) -> Tensor:
        """See :meth:`VAE.decode`."""
        return torch.sigmoid(self.decoder(codes).float()).unflatten(1, self.image_shape)


class ConvEyeVAE(VAE):
    """Convolutional VAE of 64×64 images: 3–32–64–128–256, kernels 4×4, stride 2, padding 1.

    Parameter names and shapes are those of the published weights (Hugging Face
    ``hussamalafandi/VAE-CelebA``), which load unchanged.

    Args:
        latent: Dimensions of the latent space.
    """

    def __init__(self, latent: int = 200) -> None:
        super().__init__()
        self.latent, self.image_shape = latent, (3, 64, 64)
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 32, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(64, 128, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(128, 256, 4, 2, 1),
            nn.ReLU(),
        )
        self.fc_mu = nn.Linear(4096, latent)
        self.fc_logvar = nn.Linear(4096, latent)
        self.decoder_input = nn.Linear(latent, 4096)
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(256, 128, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(128, 64, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(64, 32, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 3, 4, 2, 1),
        )

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`VAE.encode`."""
        hidden = self.encoder(images).flatten(1)
        return self.fc_mu(hidden).float(), self.fc_logvar(hidden).float()

    def decode(self, codes: Tensor) -> Tensor:
        """See :meth:`VAE.decode`."""
        hidden = self.decoder_input(codes).unflatten(1, (256, 4, 4))
        return torch.sigmoid(self.decoder(hidden).float())

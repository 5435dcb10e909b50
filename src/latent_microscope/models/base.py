"""What all networks share: seeded initialisation, the VAE interface, loading checked weights."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from latent_microscope.errors import InputError


@contextmanager
def seeded_init(seed: int) -> Iterator[None]:
    """Build layers from ``seed`` alone; torch's global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


class VAE(nn.Module):
    """A variational autoencoder with a diagonal Gaussian posterior and a sigmoid decoder.

    Attributes:
        latent: Dimensions of the latent space.
        image_shape: (channels, height, width) of its images.
    """

    latent: int
    image_shape: tuple[int, int, int]

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior mean and log variance, float32 (n, latent), of images (n, C, H, W)."""
        raise NotImplementedError

    def decode(self, codes: Tensor) -> Tensor:
        """Images in [0, 1], float32 (n, C, H, W), of codes (n, latent)."""
        raise NotImplementedError

    def forward(self, images: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruction, mean and log variance; ``noise`` is standard normal (n, latent)."""
        mean, logvar = self.encode(images)
        return self.decode(mean + torch.exp(0.5 * logvar) * noise), mean, logvar


def kl_terms(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL divergence to the standard normal by sample and dimension, nats (n, latent)."""
    return 0.5 * (mean.square() + logvar.exp() - 1.0 - logvar)


def load_checked(model: nn.Module, state: Mapping[str, Tensor], path: Path | str) -> None:
    """Load a state dict whose names and shapes must be those of ``model``.

    Raises:
        InputError: Names the first tensor that is missing, too many, misshapen or not finite.
    """
    expected = model.state_dict()
    # Weights of old torch versions lack the batch counters, which evaluation does not use.
    state = {n: t for n, t in expected.items() if n.endswith("num_batches_tracked")} | dict(state)
    for name, tensor in expected.items():
        if name not in state:
            raise InputError(
                f"{path}: lacks the tensor {name!r} of {type(model).__name__}; "
                "give weights of this architecture"
            )
        if state[name].shape != tensor.shape:
            raise InputError(
                f"{path}: the tensor {name!r} has the shape {tuple(state[name].shape)}, "
                f"{type(model).__name__} needs {tuple(tensor.shape)}; "
                "check the latent size and the widths in the config"
            )
        if state[name].is_floating_point() and not bool(torch.isfinite(state[name]).all()):
            raise InputError(f"{path}: the tensor {name!r} holds NaN or infinity; get it again")
    for name in state:
        if name not in expected:
            raise InputError(
                f"{path}: the tensor {name!r} does not belong to {type(model).__name__}; "
                "give weights of this architecture"
            )
    model.load_state_dict(state)

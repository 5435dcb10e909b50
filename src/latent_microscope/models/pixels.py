"""Between stored images (uint8, NHWC) and network tensors (float, NCHW)."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from latent_microscope.io.pages import release


def to_unit(images: Tensor) -> Tensor:
    """Images uint8 (n, H, W, C) → float32 (n, C, H, W) in [0, 1], channels-last in memory."""
    return images.permute(0, 3, 1, 2).float().div_(255.0)


def to_range(unit: Tensor, input_range: str) -> Tensor:
    """[0, 1] → what a network takes: itself (``unit``) or [−1, 1] (``signed``)."""
    return unit if input_range == "unit" else unit * 2.0 - 1.0


def to_uint8(unit: Tensor) -> np.ndarray:
    """Images (n, C, H, W) in [0, 1] → uint8 (n, H, W, C), rounded."""
    scaled = unit.detach().clamp(0.0, 1.0).mul(255.0).round()
    return np.ascontiguousarray(scaled.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy())


def image_batches(images: np.ndarray, size: int) -> Iterator[tuple[slice, Tensor]]:
    """Consecutive rows as uint8 tensors; pages of a memory-mapped array are released again."""
    for start in range(0, len(images), size):
        rows = slice(start, min(start + size, len(images)))
        yield rows, torch.from_numpy(np.array(images[rows]))
        release(images)

"""Thumbnails on sheets: a few hundred small images in one picture, decoded when first looked at."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from latent_microscope.errors import InputError
from latent_microscope.io.pages import release

COLUMNS = 16
ON_A_SHEET = COLUMNS * COLUMNS


@dataclass(frozen=True)
class Sheets:
    """Sheets of thumbnails in row order, left to right and top to bottom.

    Attributes:
        width: Of a thumbnail, pixels.
        height: Of a thumbnail, pixels.
        files: WebP files of up to :data:`ON_A_SHEET` thumbnails.
    """

    width: int
    height: int
    files: list[bytes]


def sheets(images: np.ndarray, size: int, quality: int) -> Sheets:
    """Reduce images and lay them on sheets.

    Args:
        images: uint8 (n, H, W, 1 or 3), may be memory-mapped.
        size: Longer side of a thumbnail in pixels; smaller images are kept as they are.
        quality: Of WebP, 1 to 100.

    Raises:
        InputError: Not an array of images.
    """
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or images.dtype != np.uint8:
        raise InputError(
            f"images are {images.dtype} of the shape {images.shape}; uint8 (n, height, width, "
            "1 or 3) is needed"
        )
    high, wide = images.shape[1:3]
    scale = min(1.0, size / max(high, wide))
    height, width = max(1, round(high * scale)), max(1, round(wide * scale))
    files = [_sheet(block, width, height, quality) for block in _blocks(images)]
    return Sheets(width, height, files)


def _blocks(images: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(images), ON_A_SHEET):
        yield np.asarray(images[start : start + ON_A_SHEET])
        release(images)


def _sheet(block: np.ndarray, width: int, height: int, quality: int) -> bytes:
    rows = -(-len(block) // COLUMNS)
    sheet = Image.new("RGB", (min(len(block), COLUMNS) * width, rows * height))
    for place, pixels in enumerate(block):
        image = Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)
        if image.size != (width, height):
            image = image.resize((width, height), Image.Resampling.LANCZOS)
        sheet.paste(image, (place % COLUMNS * width, place // COLUMNS * height))
    stream = io.BytesIO()
    sheet.save(stream, "WEBP", quality=quality, method=4)
    return stream.getvalue()

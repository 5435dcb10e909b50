"""Thumbnails on sheets: a few hundred small images in one file, decoded when first shown."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from latent_microscope.errors import InputError
from latent_microscope.io.pages import release

COLUMNS = 16
ON_A_SHEET = COLUMNS * COLUMNS


@dataclass(frozen=True)
class Sheets:
    """Sheets of thumbnails in row order, left to right and top to bottom."""

    width: int  # of a thumbnail, pixels
    height: int
    files: list[bytes]  # WebP, up to ON_A_SHEET thumbnails each


def sheets(images: np.ndarray, size: int, quality: int) -> Sheets:
    """Thumbnails of uint8 images (n, H, W, 1 or 3), their longer side at most ``size`` pixels."""
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or images.dtype != np.uint8:
        raise InputError(
            f"images are {images.dtype} of shape {images.shape}; expected uint8 (n, height, width, "
            "1 or 3)"
        )
    high, wide = images.shape[1:3]
    scale = min(1.0, size / max(high, wide))
    height, width = max(1, round(high * scale)), max(1, round(wide * scale))
    files = []
    for start in range(0, len(images), ON_A_SHEET):
        block = np.asarray(images[start : start + ON_A_SHEET])
        files.append(_sheet(block, width, height, quality))
        release(images)
    return Sheets(width, height, files)


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

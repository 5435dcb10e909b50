"""Images on sheets: a few hundred thumbnails in one file, decoded when first shown."""

import io
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from PIL import Image

from latent_microscope.errors import InputError
from latent_microscope.io.pages import release

COLUMNS = 16
ON_A_SHEET = COLUMNS * COLUMNS
FULL_COLUMNS = 4
FULL_BYTES = 24_000_000
"""Images of more than a thumbnail's size are in the page, too, up to so many bytes of them."""


@dataclass(frozen=True)
class Sheets:
    """Sheets of images in row order, left to right and top to bottom."""

    name: str
    width: int  # of an image, pixels
    height: int
    columns: int
    files: list[bytes]  # WebP, up to columns² images each

    def payload(self) -> dict[str, Any]:
        """As the page reads it."""
        size = {"width": self.width, "height": self.height}
        return {"name": self.name, **size, "columns": self.columns, "onSheet": self.columns**2}


def full_sheets(images: np.ndarray, quality: int) -> Sheets | None:
    """The images (n, H, W, 1 or 3) at their own size; None if that takes over FULL_BYTES."""
    return sheets(
        images, max(images.shape[1:3]), quality, name="full", columns=FULL_COLUMNS, most=FULL_BYTES
    )


@overload
def sheets(images: np.ndarray, size: int, quality: int) -> Sheets: ...
@overload
def sheets(
    images: np.ndarray, size: int, quality: int, *, name: str, columns: int, most: int
) -> Sheets | None: ...
def sheets(
    images: np.ndarray,
    size: int,
    quality: int,
    *,
    name: str = "sheet",
    columns: int = COLUMNS,
    most: int | None = None,
) -> Sheets | None:
    """uint8 images (n, H, W, 1 or 3), their longer side at most ``size`` pixels.

    None: they take more than ``most`` bytes.
    """
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or images.dtype != np.uint8:
        raise InputError(
            f"images are {images.dtype} of shape {images.shape}; expected uint8 (n, height, width, "
            "1 or 3)"
        )
    high, wide = images.shape[1:3]
    scale = min(1.0, size / max(high, wide))
    height, width = max(1, round(high * scale)), max(1, round(wide * scale))
    files: list[bytes] = []
    for start in range(0, len(images), columns**2):
        block = np.asarray(images[start : start + columns**2])
        files.append(_sheet(block, width, height, columns, quality))
        release(images)
        if most is not None and sum(map(len, files)) > most:
            return None
    return Sheets(name, width, height, columns, files)


def _sheet(block: np.ndarray, width: int, height: int, columns: int, quality: int) -> bytes:
    rows = -(-len(block) // columns)
    sheet = Image.new("RGB", (min(len(block), columns) * width, rows * height))
    for place, pixels in enumerate(block):
        image = Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)
        if image.size != (width, height):
            image = image.resize((width, height), Image.Resampling.LANCZOS)
        sheet.paste(image, (place % columns * width, place // columns * height))
    stream = io.BytesIO()
    sheet.save(stream, "WEBP", quality=quality, method=4)
    return stream.getvalue()

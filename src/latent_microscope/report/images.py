"""Figures small enough to be mailed: large PNGs as JPEG, none wider than a page needs."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

_AS_THEY_ARE = 60_000  # bytes
_WIDEST = 1300  # pixels
_QUALITY = 85


@dataclass(frozen=True)
class Small:
    """An image in memory.

    Attributes:
        content: Its file's bytes.
        kind: MIME type.
        width: Pixels.
        height: Pixels.
    """

    content: bytes
    kind: str
    width: int
    height: int

    @property
    def uri(self) -> str:
        """As an address that holds the image itself."""
        return f"data:{self.kind};base64,{base64.b64encode(self.content).decode('ascii')}"


def small(path: Path) -> Small:
    """A figure for a page: as it is if that is small, else as a JPEG."""
    content = path.read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        size = image.size
        if len(content) <= _AS_THEY_ARE:
            return Small(content, "image/png", *size)
        plain = _on_white(image)
    if plain.width > _WIDEST:
        height = round(plain.height * _WIDEST / plain.width)
        plain = plain.resize((_WIDEST, height), Image.Resampling.BICUBIC, reducing_gap=2.0)
    stream = io.BytesIO()
    plain.save(stream, "JPEG", quality=_QUALITY, subsampling=0)
    made = stream.getvalue()
    if len(made) < len(content):
        return Small(made, "image/jpeg", *plain.size)
    return Small(content, "image/png", *size)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255):
        ground = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(ground, image).convert("RGB")
    return image.convert("RGB")

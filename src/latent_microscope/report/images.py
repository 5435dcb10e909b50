"""Figures small enough to be mailed: large PNGs as JPEG, none wider than a page needs."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

_KEPT = 60_000  # bytes, up to which a PNG is kept as it is
_WIDEST = 1300  # pixels
_QUALITY = 85


@dataclass(frozen=True)
class Small:
    """An image in memory: bytes of its file, MIME type, size in pixels."""

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
        as_it_is = Small(content, "image/png", *image.size)
        if len(content) <= _KEPT:
            return as_it_is
        plain = image.convert("RGB")
        if image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255):
            white = Image.new("RGBA", image.size, "white")
            plain = Image.alpha_composite(white, image).convert("RGB")
    if plain.width > _WIDEST:
        height = round(plain.height * _WIDEST / plain.width)
        plain = plain.resize((_WIDEST, height), Image.Resampling.BICUBIC, reducing_gap=2.0)
    stream = io.BytesIO()
    plain.save(stream, "JPEG", quality=_QUALITY, subsampling=0)
    made = Small(stream.getvalue(), "image/jpeg", *plain.size)
    return made if len(made.content) < len(content) else as_it_is

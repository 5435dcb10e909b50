"""One encoded image of unknown origin to 8-bit RGB, as a viewer shows it."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError, features

from latent_microscope.errors import InputError

MAX_PIXELS = 16_000_000
BACKGROUND = "white"
"""Behind transparent pixels."""
_BY_FORMAT = {
    "JPEG": ("jpg", "jpeg", "jpe", "jfif"),
    "PNG": ("png",),
    "BMP": ("bmp", "dib"),
    "GIF": ("gif",),
    "TIFF": ("tif", "tiff"),
    "WEBP": ("webp",),
    "AVIF": ("avif", "avifs"),
    "HEIF": ("heic", "heif", "hif"),
}
_DRAFTS = (2, 4, 8)  # how many times smaller libjpeg can decode an image
_MODES_16 = ("I;16", "I;16L", "I;16B", "I;16N")


def _readable() -> dict[str, tuple[str, ...]]:
    """Formats that this installation reads; HEIF with the package ``pillow-heif``."""
    formats = dict(_BY_FORMAT)
    if not features.check("avif"):
        del formats["AVIF"]
    if find_spec("pillow_heif") is None:
        del formats["HEIF"]
    else:
        from pillow_heif import register_heif_opener  # noqa: PLC0415 - optional

        register_heif_opener()
    return formats


FORMATS = _readable()
ENDINGS = tuple(f".{ending}" for endings in FORMATS.values() for ending in endings)
"""Endings of image files that can be read."""
UNREADABLE_ENDINGS = (
    *(f".{e}" for name, endings in _BY_FORMAT.items() if name not in FORMATS for e in endings),
    *(".svg", ".psd", ".jp2", ".j2k", ".jxl", ".exr", ".hdr", ".ico", ".tga", ".xcf", ".eps"),
    *(".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf"),
)
"""Endings of image files that cannot be read."""


def decode_image(
    data: bytes, name: str, max_pixels: int = MAX_PIXELS, notes: list[str] | None = None
) -> Image.Image:
    """Decode one image to RGB.

    EXIF orientation is applied, 16-bit pixels are scaled to 8 bits, transparent pixels lie on
    :data:`BACKGROUND`, of several frames the first is read, and a JPEG of more than ``max_pixels``
    is decoded at 1/2, 1/4 or 1/8 of its size; what was done is appended to ``notes``.

    Raises:
        InputError: Damaged, of pixels without a range, or larger than ``max_pixels``.
    """
    done: list[str] = [] if notes is None else notes
    with _naming(name):
        image = _opened(data, name, max_pixels, done)
        if getattr(image, "n_frames", 1) > 1:
            done.append("of several frames: the first is read")
        if image.getexif().get(0x0112, 1) != 1:
            done.append("with an EXIF orientation: turned")
            image = ImageOps.exif_transpose(image)
        return as_rgb(image, done)


def check_image(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height; raises what :func:`decode_image` would, sooner for a JPEG (at 1/8)."""
    with _naming(name):
        image = _opened(data, name, max_pixels, [])
        size = image.size
        image.draft(image.mode, (image.width // _DRAFTS[-1], image.height // _DRAFTS[-1]))
        image.load()
        return size


def _opened(data: bytes, name: str, max_pixels: int, notes: list[str]) -> Image.Image:
    image: Image.Image = Image.open(io.BytesIO(data), formats=list(FORMATS))
    _limit(image, name, max_pixels, notes)
    if image.mode in ("I", "F"):
        raise InputError(
            f"image {name}: 32-bit pixels, whose range is not known; save it with 8 or 16 bits"
        )
    return image


@contextmanager
def _naming(name: str) -> Iterator[None]:
    try:
        yield
    except Image.DecompressionBombError as error:
        raise InputError(f"image {name}: {error}: refused") from error
    except InputError:
        raise
    except Exception as error:  # of many kinds in a damaged file
        reason = str(error) or type(error).__name__
        if isinstance(error, UnidentifiedImageError):
            reason = f"not one of {', '.join(FORMATS)}"
        raise InputError(
            f"image {name}: cannot be decoded ({reason}); replace or remove it"
        ) from error


def _limit(image: Image.Image, name: str, max_pixels: int, notes: list[str]) -> None:
    """Make a JPEG decode at a size below the limit; an image that stays above is refused."""
    width, height = image.size
    scale = next((s for s in _DRAFTS if -(-width // s) * -(-height // s) <= max_pixels), None)
    if width * height > max_pixels and image.format in ("JPEG", "MPO") and scale:
        image.draft(image.mode, (width // scale, height // scale))
        notes.append(f"of more than {max_pixels:,} pixels: decoded at a lower resolution")
    if image.width * image.height > max_pixels:
        raise InputError(
            f"image {name}: {width} x {height} pixels, more than {max_pixels}: refused; make it "
            "smaller, or raise `max_pixels` of the images"
        )


def as_rgb(image: Image.Image, notes: list[str]) -> Image.Image:
    """An image of up to 16 bits as RGB; what was done is appended to ``notes``."""
    if image.mode in _MODES_16:
        notes.append("of 16 bits: scaled to 8 bits")
        image = Image.fromarray((np.asarray(image, dtype=np.uint16) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if np.asarray(image.getchannel("A")).min() < 255:
            notes.append(f"with transparency: on a {BACKGROUND} background")
        image = Image.alpha_composite(Image.new("RGBA", image.size, BACKGROUND), image)
    elif image.mode == "CMYK":
        notes.append("of CMYK colours: converted to RGB")
    return image.convert("RGB")

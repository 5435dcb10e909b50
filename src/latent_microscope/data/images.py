"""Decoding many small images: safely, in order, on a few threads, with bounded memory."""

import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from latent_microscope.errors import InputError

MAX_PIXELS = 16_000_000
_FORMATS = ("JPEG", "PNG", "BMP")
_THREADS = 2
_CHUNK = 512

T = TypeVar("T")
U = TypeVar("U")


def decode_image(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode one JPEG, PNG or BMP to RGB; one of more than ``max_pixels`` is not decompressed.

    Raises:
        InputError: Not an image, cut short, damaged or too large; the message gives ``name``.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
        if image.width * image.height > max_pixels:
            raise InputError(
                f"image {name}: {image.width} x {image.height} pixels, more than {max_pixels}: "
                "refused"
            )
        return image.convert("RGB")
    except Image.DecompressionBombError as error:
        raise InputError(f"image {name}: {error}: refused") from error
    except (OSError, SyntaxError, ValueError, EOFError, zlib.error) as error:
        reason = str(error) or type(error).__name__
        if isinstance(error, UnidentifiedImageError):
            reason = f"not one of {', '.join(_FORMATS)}"
        raise InputError(
            f"image {name}: cannot be decoded ({reason}); replace or remove it"
        ) from error


def resize_and_crop(image: Image.Image, size: int) -> np.ndarray:
    """Resize the shorter side to ``size`` and cut the centre square, uint8 (size, size, 3).

    The same pixels as torchvision's ``Resize(size)`` (bilinear, which antialiases on PIL images)
    followed by ``CenterCrop(size)``.

    Raises:
        InputError: An image so thin that it would exceed the largest size.
    """
    width, height = image.size
    if max(width, height) * size > MAX_PIXELS / size * min(width, height):
        raise InputError(f"{width} x {height} pixels are too thin to cut a square from: refused")
    if width <= height:
        width, height = size, int(size * height / width)
    else:
        width, height = int(size * width / height), size
    if (width, height) != image.size:
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - size) / 2.0), round((height - size) / 2.0)
    return np.asarray(image.crop((left, top, left + size, top + size)))


def flat_pixels(images: np.ndarray) -> npt.NDArray[np.float32]:
    """uint8 (n, H, W, C) as float32 (n, H·W·C) in [0, 1]."""
    return np.divide(images.reshape(len(images), -1), np.float32(255), dtype=np.float32)


def map_in_order(function: Callable[[T], U], items: Iterable[T]) -> Iterator[U]:
    """``map`` on two threads: results in the order of ``items``, at most 512 in memory.

    Image codecs release the interpreter lock. The number of threads changes no result.
    """
    source = iter(items)
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        while chunk := list(islice(source, _CHUNK)):
            yield from pool.map(function, chunk)

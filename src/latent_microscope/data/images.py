"""Many images: from Parquet, in order, with bounded memory; cut to squares."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from latent_microscope.data.decoding import MAX_PIXELS
from latent_microscope.errors import InputError

_THREADS = 2
_CHUNK = 512
_ROWS = 50
MAX_ROWS = 10_000_000
INPUT = "pixels"
"""Name of what a network sees, among its layers."""

Encoded = tuple[str, Callable[[], bytes]]
"""Name of an encoded image for messages, and what reads its content."""
T = TypeVar("T")
U = TypeVar("U")


def resize_and_crop(image: Image.Image, size: int) -> np.ndarray:
    """Resize the shorter side to ``size`` and cut the centre square, uint8 (size, size, 3).

    The same pixels as torchvision's ``Resize(size)`` (bilinear, which antialiases on PIL images)
    followed by ``CenterCrop(size)``. An image too thin for that is an :class:`InputError`.
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


@contextmanager
def reading_parquet(path: Path) -> Iterator[None]:
    """Name a Parquet file that is missing or damaged."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError) as error:
        raise InputError(
            f"{path}: not a whole Parquet file ({error}); recreate it or download it again"
        ) from error


def parquet_schema(path: Path) -> tuple[pa.Schema, int]:
    """Schema, with unique names, and number of rows."""
    with reading_parquet(path), pq.ParquetFile(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    if len(set(schema.names)) != len(schema.names):
        raise InputError(f"{path}: two columns have the same name: {schema.names}")
    if not 0 <= rows <= MAX_ROWS:
        raise InputError(f"{path}: claims {rows} rows: refused")
    return schema, rows


def has_image_struct(kind: pa.DataType) -> bool:
    """Whether cells are structs with ``bytes``, as Hugging Face stores images."""
    return pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0


def _content(value: object, row: str, folder: Path, max_bytes: float) -> bytes:
    """Bytes of a cell; of a struct also the file whose path (absolute, or from the table's)."""
    name = value.get("path") if isinstance(value, dict) else None
    data = value.get("bytes") if isinstance(value, dict) else value
    if data is None and isinstance(name, str):
        try:
            data = (folder / name).read_bytes()
        except OSError as error:
            raise InputError(f"{row}: {name!r} cannot be read ({error.strerror})") from None
    if not isinstance(data, bytes):
        raise InputError(f"{row} has no image bytes")
    if len(data) > max_bytes:
        raise InputError(f"{row} takes {len(data)} bytes: refused")
    return data


def parquet_images(
    path: Path, column: str, rows: npt.NDArray[np.int64], max_bytes: float = np.inf
) -> Iterator[Encoded]:
    """The encoded images of ascending rows of a Parquet file."""
    start = 0
    with reading_parquet(path), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_ROWS, columns=[column]):
            cells = batch.column(0)
            for row in rows[(rows >= start) & (rows < start + len(cells))]:
                name = f"{path} row {row}"
                value = cells[int(row - start)].as_py()
                yield name, partial(_content, value, name, path.parent, max_bytes)
            start += len(cells)

"""A user's images: a folder, a zip, a Parquet file or an array."""

import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from latent_microscope.custom.tables import ID_NAMES, clean_ids
from latent_microscope.data.archives import open_zip, read_zip_member, zip_members
from latent_microscope.data.images import (
    decode_image,
    has_image_struct,
    map_in_order,
    parquet_images,
    parquet_schema,
    reading_parquet,
    resize_and_crop,
)
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp")
IMAGE_COLUMNS = ("image", "img", "png", "jpg", "picture", "photo")
_LONGEST = 16
Ids = npt.NDArray[np.object_]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pictures:
    """Images that are read one after the other: encoded files, or decoded ones in an array."""

    path: Path
    count: int
    names: list[str] | None = None  # paths below ``path``, with ``/`` and ending
    ids: Ids | None = None
    encoded: Callable[[Rows], Iterator[tuple[str, bytes]]] | None = None  # name, content
    pixels: np.ndarray | None = None

    def rows(self, wanted: Rows, size: int) -> Iterator[np.ndarray]:
        """uint8 RGB (size, size, 3) of each wanted row, in ascending order: the centre square."""
        if self.encoded is not None:
            return map_in_order(
                lambda item: _fitted(decode_image(item[1], item[0]), size, item[0]),
                self.encoded(wanted),
            )
        assert self.pixels is not None
        decoded = ((Image.fromarray(np.asarray(self.pixels[r]).squeeze()), r) for r in wanted)
        return (_fitted(image, size, str(row)) for image, row in decoded)

    def first_sides(self, count: int) -> list[int]:
        """Shorter side of the first images."""
        if self.pixels is not None:
            return [min(self.pixels.shape[1:3])]
        assert self.encoded is not None
        first = np.arange(min(count, self.count))
        return [min(decode_image(data, name).size) for name, data in self.encoded(first)]


def _fitted(image: Image.Image, size: int, name: str) -> np.ndarray:
    """Resized and cropped to RGB; resizing very long images would need huge memory."""
    if max(image.size) > _LONGEST * min(image.size):
        raise InputError(
            f"image {name}: {image.width} x {image.height} pixels, more than {_LONGEST} times as "
            "long as wide: refused; crop or remove it"
        )
    return resize_and_crop(image.convert("RGB"), size)


@contextmanager
def open_pictures(
    path: Path, *, ids: str = "path", id_name: str | None = None, column: str | None = None
) -> Iterator[Pictures]:
    """Open a folder, a ``.zip``, a ``.parquet`` or an ``.npy`` (n, H, W[, 3]) of uint8 images.

    Ids of a folder or a zip are the ``path`` (below it, without the ending) or ``name`` (of the
    file alone); a Parquet file has them in the column ``id_name``, and images in ``column``.
    """
    if path.is_dir():
        files = [p for p in path.rglob("*") if p.is_file() and _is_image(p.relative_to(path).parts)]
        found = {p.relative_to(path).as_posix(): p.read_bytes for p in files}
        yield _files(path, found, ids)
    elif path.suffix.lower() == ".zip":
        with open_zip(path) as archive:
            infos = [i for i in zip_members(archive) if _is_image(PurePosixPath(i.filename).parts)]
            members = _below(infos).items()
            yield _files(path, {n: partial(read_zip_member, archive, i) for n, i in members}, ids)
    elif path.suffix.lower() == ".parquet":
        yield _table(path, id_name, column)
    elif path.suffix.lower() == ".npy":
        yield _array(path)
    else:
        raise InputError(f"{path}: no such folder of images, .zip, .parquet or .npy")


def _is_image(parts: Sequence[str]) -> bool:
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return parts[-1].lower().endswith(ENDINGS) and not hidden


def _below(infos: Sequence[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Members by path, without a single top folder."""
    top = {info.filename.partition("/")[0] for info in infos}
    nested = len(top) == 1 and all("/" in info.filename for info in infos)
    return {info.filename.partition("/")[2] if nested else info.filename: info for info in infos}


def _files(path: Path, found: dict[str, Callable[[], bytes]], ids: str) -> Pictures:
    if not found:
        raise InputError(f"{path}: contains no image ({', '.join(ENDINGS)})")
    names = sorted(found)
    chosen = names if ids == "path" else [PurePosixPath(name).name for name in names]

    def encoded(rows: Rows) -> Iterator[tuple[str, bytes]]:
        return ((f"{path}/{names[row]}", found[names[row]]()) for row in rows)

    return Pictures(path, len(names), names, clean_ids(chosen, path), encoded)


def _array(path: Path) -> Pictures:
    pixels = load_npy(path, mmap=True)
    shaped = pixels.ndim == 3 or (pixels.ndim == 4 and pixels.shape[3] in (1, 3))
    if pixels.dtype != np.uint8 or not shaped:
        raise InputError(
            f"{path}: {pixels.dtype} of shape {pixels.shape}; images must be uint8 of shape "
            "(n, height, width) or (n, height, width, 3)"
        )
    return Pictures(path, len(pixels), pixels=pixels)


def _table(path: Path, id_name: str | None, column: str | None) -> Pictures:
    schema, count = parquet_schema(path)
    name = _image_column(schema, column, path)
    by_lower = {field.lower(): field for field in reversed(schema.names) if field != name}
    key = id_name or next((by_lower[one] for one in ID_NAMES if one in by_lower), None)
    ids = None
    if key is not None:
        if key not in schema.names:
            raise InputError(f"{path}: has no column {key!r}; it has {schema.names}")
        with reading_parquet(path):
            column_of_ids = pq.read_table(path, columns=[key])[key].to_pandas()
        ids = clean_ids(column_of_ids, path)
    return Pictures(path, count, None, ids, partial(parquet_images, path, name))


def _image_column(schema: pa.Schema, named: str | None, path: Path) -> str:
    """Name of the column with encoded images: bytes, or a struct with ``bytes`` (Hugging Face)."""
    suits = [field.name for field in schema if _holds_bytes(field.type)]
    if named is not None:
        if named not in suits:
            raise InputError(f"{path}: no column {named!r} of image bytes; such are {suits}")
        return named
    usual = [name for name in suits if name.lower() in IMAGE_COLUMNS]
    if len(suits) != 1 and len(usual) != 1:
        raise InputError(f"{path}: set `column` to the column with the images; such are {suits}")
    return (usual if len(usual) == 1 else suits)[0]


def _holds_bytes(kind: pa.DataType) -> bool:
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    return binary or has_image_struct(kind)


def identities_by_path(names: Sequence[str], pattern: str | None, path: Path) -> list[str]:
    """Folder of each image below ``path``, or what the one group of ``pattern`` matches."""
    if pattern is None:
        folders = [PurePosixPath(name).parent.as_posix() for name in names]
        if "." in folders:
            raise InputError(
                f"{path}: the image {names[folders.index('.')]!r} is in no folder, but folders are "
                "the identities; move it into one, or give a `pattern`"
            )
        return folders
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(f"the pattern {pattern!r} is no regular expression ({error})") from None
    if compiled.groups != 1:
        raise InputError(
            f"the pattern {pattern!r} has {compiled.groups} groups; put just the identity in "
            "parentheses"
        )
    identities = []
    for name in names:
        match = compiled.search(name)
        if match is None:
            raise InputError(f"{path}: the pattern {pattern!r} does not match the image {name!r}")
        identities.append(str(match[1]))
    return identities

"""A user's images: a folder, a zip, a Parquet file or an array."""

import logging
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image

from latent_microscope.custom.arrays import find_ids
from latent_microscope.custom.joining import UNREADABLE
from latent_microscope.custom.tables import clean_ids, column_list
from latent_microscope.data.archives import open_zip, read_zip_member, zip_members
from latent_microscope.data.decoding import (
    ENDINGS,
    MAX_PIXELS,
    UNREADABLE_ENDINGS,
    as_rgb,
    check_image,
    decode_image,
)
from latent_microscope.data.images import (
    Encoded,
    has_image_struct,
    map_in_order,
    parquet_images,
    parquet_schema,
    resize_and_crop,
)
from latent_microscope.errors import InputError
from latent_microscope.files.contents import Entry, open_contents
from latent_microscope.io.artefacts import load_npy

log = logging.getLogger("latent_microscope")
IMAGE_COLUMNS = ("image", "img", "png", "jpg", "picture", "photo")
_CHANNELS = (1, 3, 4)
_LONGEST = 16
_NAMED = 3  # problems that a message names
Ids = npt.NDArray[np.object_]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pictures:
    """Images that are read one after the other: encoded files, or decoded ones in an array."""

    path: Path
    count: int
    names: list[str] | None = None  # paths below ``path``, with ``/`` and ending
    ids: Ids | None = None
    encoded: Callable[[Rows], Iterator[Encoded]] | None = None
    pixels: np.ndarray | None = None
    unreadable: tuple[str, ...] = ()  # ids of images of formats that cannot be read
    max_pixels: int = MAX_PIXELS
    left_out: tuple[str, ...] = ()  # other columns of the file

    def rows(self, wanted: Rows, size: int) -> Iterator[np.ndarray]:
        """uint8 RGB (size, size, 3) of each wanted row, in ascending order: the centre square."""
        if self.encoded is not None:
            notes: list[str] = []
            yield from map_in_order(
                lambda item: _fitted(
                    decode_image(item[1](), item[0], self.max_pixels, notes), size, item[0]
                ),
                self.encoded(wanted),
            )
            for note, count in Counter(notes).items():
                log.info("%s: %d images %s", self.path, count, note)
            return
        assert self.pixels is not None
        for row in wanted:
            yield _fitted(_image(np.asarray(self.pixels[row])), size, f"{row} of {self.path}")

    @property
    def every_id(self) -> Ids | None:
        """Ids, with those of ``unreadable`` at the end."""
        if self.ids is None or not self.unreadable:
            return self.ids
        return np.concatenate([self.ids, np.array(self.unreadable, dtype=object)])

    def sides(self, count: int | None = None) -> list[int | InputError]:
        """Shorter side of the first images, or what is wrong with one; None: of all."""
        if self.pixels is not None:
            return [min(self.pixels.shape[1:3])] * self.count
        assert self.encoded is not None
        first = np.arange(self.count if count is None else min(count, self.count))
        return list(map_in_order(self._side, self.encoded(first)))

    def _side(self, item: Encoded) -> int | InputError:
        name, content = item
        try:
            size = check_image(content(), name, self.max_pixels)
            _require_square_inside(size, name)
            return min(size)
        except InputError as error:
            return error

    def unusable(self) -> dict[str, str]:
        """:data:`UNREADABLE` by id (or row) of the images that cannot be read or decoded."""
        sides = enumerate(self.sides())
        problems = {row: str(one) for row, one in sides if isinstance(one, InputError)}
        if problems:
            first = "; ".join(list(problems.values())[:_NAMED])
            log.warning("%d of %d images cannot be read: %s", len(problems), self.count, first)
        ids = [str(row if self.ids is None else self.ids[row]) for row in problems]
        return dict.fromkeys([*ids, *self.unreadable], UNREADABLE)


def _require_square_inside(size: tuple[int, int], name: str) -> None:
    """Resizing very long images would need huge memory."""
    if max(size) > _LONGEST * min(size):
        raise InputError(
            f"image {name}: {size[0]} x {size[1]} pixels, more than {_LONGEST} times as long as "
            "wide: refused; crop or remove it"
        )


def _fitted(image: Image.Image, size: int, name: str) -> np.ndarray:
    """Resized and cropped to RGB."""
    _require_square_inside(image.size, name)
    return resize_and_crop(image, size)


@contextmanager
def open_pictures(
    path: Path,
    *,
    ids: str = "path",
    id_name: str | None = None,
    column: str | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Iterator[Pictures]:
    """Open a folder, a ``.zip``, or a file with a column or array of images.

    Ids of a folder or a zip are the ``path`` (below it, without the ending) or ``name`` (of the
    file alone); a file has them in the column or array ``id_name``, and the images in ``column``:
    encoded ones in Parquet, pixels in other formats. Images of more than ``max_pixels`` are refused
    when they are read.
    """
    if path.is_dir():
        files = {p.relative_to(path).as_posix(): p.read_bytes for p in _below(path)}
        yield _files(path, files, ids, max_pixels)
    elif path.suffix.lower() == ".zip":
        with open_zip(path) as archive:
            members = _without_top(zip_members(archive)).items()
            files = {name: partial(read_zip_member, archive, info) for name, info in members}
            yield _files(path, files, ids, max_pixels)
    elif path.suffix.lower() == ".parquet":
        yield _table(path, id_name, column, max_pixels)
    else:
        yield _arrays(path, id_name, column)


def _below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _without_top(infos: Sequence[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Members by path, without a single top folder."""
    infos = [info for info in infos if not _is_hidden(info.filename)]
    top = {info.filename.partition("/")[0] for info in infos}
    nested = len(top) == 1 and all("/" in info.filename for info in infos)
    return {info.filename.partition("/")[2] if nested else info.filename: info for info in infos}


def _is_hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part in ("__MACOSX", "Thumbs.db") for part in parts)


def _files(
    path: Path, files: Mapping[str, Callable[[], bytes]], ids: str, max_pixels: int
) -> Pictures:
    shown = sorted(name for name in files if not _is_hidden(name))
    names = [name for name in shown if name.lower().endswith(ENDINGS)]
    unreadable = [name for name in shown if name.lower().endswith(UNREADABLE_ENDINGS)]
    if not names:
        raise InputError(f"{path}: contains no image ({', '.join(ENDINGS)})")
    others = Counter(PurePosixPath(name).suffix for name in set(shown) - {*names, *unreadable})
    if others:
        kinds = ", ".join(
            f"{count} {ending or 'without ending'}" for ending, count in sorted(others.items())
        )
        log.info("%s: left out files that are no images: %s", path, kinds)

    def chosen(names: list[str]) -> Ids:
        shown = names if ids == "path" else [PurePosixPath(name).name for name in names]
        return clean_ids(shown, path)

    def encoded(rows: Rows) -> Iterator[Encoded]:
        return ((f"{path}/{names[row]}", files[names[row]]) for row in rows)

    own = chosen(names)
    left = [one for one in chosen(unreadable) if one not in set(own)] if unreadable else []
    return Pictures(
        path, len(names), names, own, encoded, unreadable=tuple(left), max_pixels=max_pixels
    )


def _arrays(path: Path, id_name: str | None, column: str | None) -> Pictures:
    if path.suffix.lower() == ".npy":
        pixels = _pixels(path, load_npy(path, mmap=True))
        return Pictures(path, len(pixels), pixels=pixels)
    contents = open_contents(path)
    name = column or only_images(contents.entries)
    if name is None or name not in contents.entries:
        has = column_list(contents.entries)
        raise InputError(f"{path}: set `column` to the array with the images; it has {has}")
    pixels = _pixels(path, contents.entries[name].read())
    key, ids = find_ids(contents, len(pixels), id_name, {name})
    others = [other for other in contents.entries if other not in (name, key)]
    return Pictures(path, len(pixels), ids=ids, pixels=pixels, left_out=tuple(others))


def only_images(entries: Mapping[str, Entry]) -> str | None:
    """Name of the one array that can only be images: (n, height, width), with or without colours.

    Of fractions it needs the colours: (n, m, m) could be dissimilarities of observers.
    """
    names = [
        name
        for name, one in entries.items()
        if len(one.shape) == 4 or (len(one.shape) == 3 and one.dtype in (np.uint8, np.uint16))
    ]
    return names[0] if len(names) == 1 else None


def _pixels(path: Path, pixels: np.ndarray) -> np.ndarray:
    """An array of images with its colours last."""
    shape = pixels.shape
    if pixels.ndim == 4 and shape[3] not in _CHANNELS and shape[1] in _CHANNELS:
        pixels = pixels.transpose(0, 2, 3, 1)  # as PyTorch orders them
    known = pixels.ndim == 3 or (pixels.ndim == 4 and pixels.shape[3] in _CHANNELS)
    if not known or not pixels.size or not _has_range(pixels):
        raise InputError(
            f"{path}: {pixels.dtype} of shape {shape}; images must be of shape (n, height, width) "
            "or with 1, 3 or 4 channels after or before these, and of 8 bits, 16 bits or from 0 "
            "to 1"
        )
    return pixels


def _has_range(pixels: np.ndarray) -> bool:
    """Whether black and white of an array are known."""
    if pixels.dtype.kind == "f":
        return all(one.min() >= 0.0 and one.max() <= 1.0 for one in pixels)
    return pixels.dtype in (np.uint8, np.uint16, np.bool_)


def _image(pixels: np.ndarray) -> Image.Image:
    """One image of an array as 8-bit RGB, as decoded files are."""
    if pixels.dtype == np.uint16:
        pixels = pixels >> 8
    elif pixels.dtype != np.uint8:
        pixels = np.rint(np.float64(255) * pixels)
    return as_rgb(Image.fromarray(pixels.squeeze().astype(np.uint8)), [])


def _table(path: Path, id_name: str | None, column: str | None, max_pixels: int) -> Pictures:
    schema, count = parquet_schema(path)
    name = _image_column(schema, column, path)
    if id_name is not None and id_name not in schema.names:
        raise InputError(f"{path}: has no column {id_name!r}; it has {schema.names}")
    key, ids = find_ids(open_contents(path), count, id_name, {name})
    others = tuple(other for other in schema.names if other not in (name, key))
    encoded = partial(parquet_images, path, name)
    return Pictures(path, count, None, ids, encoded, max_pixels=max_pixels, left_out=others)


def has_images(path: Path) -> bool:
    """Whether a Parquet file has a column of encoded images."""
    schema, _ = parquet_schema(path)
    return any(_holds_bytes(field.type) for field in schema)


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

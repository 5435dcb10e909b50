"""Images of unknown origin: a folder, a zip, a Parquet file or an array."""

import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from latent_microscope.custom.tables import ID_NAMES, clean_ids
from latent_microscope.data.archives import open_zip, read_zip_member, zip_members
from latent_microscope.data.images import decode_image, map_in_order, resize_and_crop
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp")
IMAGE_COLUMNS = ("image", "img", "png", "jpg", "picture", "photo")
_ROWS = 500
_LONGEST = 16
Ids = npt.NDArray[np.object_]


@dataclass
class Pictures:
    """Images that are read one after the other.

    Attributes:
        path: Where they are.
        count: How many.
        names: Path of each below ``path``, with ``/`` and ending; None when they have none.
        ids: An id each; None when they have none.
    """

    path: Path
    count: int
    names: list[str] | None
    ids: Ids | None

    def rows(self, wanted: npt.NDArray[np.int64], size: int) -> Iterator[np.ndarray]:
        """uint8 (size, size, 3) of each wanted row, in ascending order.

        The shorter side is resized to ``size`` and the centre square cut; grey becomes RGB.

        Raises:
            InputError: An image cannot be read; the message names it.
        """
        raise NotImplementedError


@dataclass
class _Encoded(Pictures):
    """Encoded files in a folder or a zip."""

    members: Sequence[Path | zipfile.ZipInfo] = ()
    archive: zipfile.ZipFile | None = None

    def rows(self, wanted: npt.NDArray[np.int64], size: int) -> Iterator[np.ndarray]:
        assert self.names is not None
        items = ((f"{self.path}/{self.names[row]}", self._read(row)) for row in wanted)
        return _decoded(items, size)

    def _read(self, row: int) -> bytes:
        member = self.members[row]
        if isinstance(member, Path):
            return member.read_bytes()
        assert self.archive is not None
        return read_zip_member(self.archive, member)


@dataclass
class _Table(Pictures):
    """Encoded images in a column of a Parquet file."""

    column: str = ""

    def rows(self, wanted: npt.NDArray[np.int64], size: int) -> Iterator[np.ndarray]:
        chosen = np.zeros(self.count, dtype=bool)
        chosen[wanted] = True
        return _decoded(self._read(chosen), size)

    def _read(self, chosen: npt.NDArray[np.bool_]) -> Iterator[tuple[str, bytes]]:
        start = 0
        for cells in _cells(self.path, self.column):
            for offset, cell in enumerate(cells):
                if chosen[start + offset]:
                    value = cell.as_py()
                    data = value.get("bytes") if isinstance(value, dict) else value
                    if not isinstance(data, bytes):
                        raise InputError(f"{self.path}: row {start + offset} holds no image bytes")
                    yield f"{self.path} row {start + offset}", data
            start += len(cells)


@dataclass
class _Array(Pictures):
    """Decoded images in one array."""

    pixels: np.ndarray | None = None

    def rows(self, wanted: npt.NDArray[np.int64], size: int) -> Iterator[np.ndarray]:
        assert self.pixels is not None
        for row in wanted:
            yield _fitted(Image.fromarray(np.asarray(self.pixels[row]).squeeze()), size, str(row))


def _fitted(image: Image.Image, size: int, name: str) -> np.ndarray:
    """Resized and cropped to RGB; very long images would need absurd memory on the way."""
    if max(image.size) > _LONGEST * min(image.size):
        raise InputError(
            f"image {name}: {image.width} x {image.height} pixels, more than {_LONGEST} times as "
            "long as wide: refused; cut it, or remove it"
        )
    return resize_and_crop(image.convert("RGB"), size)


def _decoded(items: Iterable[tuple[str, bytes]], size: int) -> Iterator[np.ndarray]:
    return map_in_order(lambda item: _fitted(decode_image(item[1], item[0]), size, item[0]), items)


@contextmanager
def open_pictures(
    path: Path, *, ids: str = "path", id_name: str | None = None, column: str | None = None
) -> Iterator[Pictures]:
    """Open a folder, a ``.zip``, a ``.parquet`` or an ``.npy`` (n, H, W[, 3]) of uint8 images.

    Args:
        path: Where they are.
        ids: Of a folder or a zip: ``path`` (below it, without the ending) or ``name`` (of the
            file alone).
        id_name: Of a Parquet file: its column of ids.
        column: Of a Parquet file: its column of images.

    Raises:
        InputError: Missing, damaged, without any image, or two images of one id.
    """
    if path.is_dir():
        files = [p for p in path.rglob("*") if p.is_file() and _is_image(p.relative_to(path).parts)]
        found = {p.relative_to(path).as_posix(): p for p in files}
        yield _encoded(path, found, ids, None)
    elif path.suffix.lower() == ".zip":
        with open_zip(path) as archive:
            infos = [i for i in zip_members(archive) if _is_image(PurePosixPath(i.filename).parts)]
            yield _encoded(path, _below(infos), ids, archive)
    elif path.suffix.lower() == ".parquet":
        yield _table(path, id_name, column)
    elif path.suffix.lower() == ".npy":
        pixels = load_npy(path, mmap=True)
        grey = pixels.ndim == 3
        if pixels.dtype != np.uint8 or not (
            grey or (pixels.ndim == 4 and pixels.shape[3] in (1, 3))
        ):
            raise InputError(
                f"{path}: {pixels.dtype} of shape {pixels.shape}; images must be uint8 of shape "
                "(n, height, width) or (n, height, width, 3)"
            )
        yield _Array(path, len(pixels), None, None, pixels)
    else:
        raise InputError(f"{path}: no such folder of images, .zip, .parquet or .npy")


def _is_image(parts: Sequence[str]) -> bool:
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return parts[-1].lower().endswith(ENDINGS) and not hidden


def _below(infos: Sequence[zipfile.ZipInfo]) -> dict[str, Path | zipfile.ZipInfo]:
    """Members by path, without one folder that holds all of them."""
    first = {info.filename.partition("/")[0] for info in infos}
    deep = all("/" in info.filename for info in infos)
    if len(first) == 1 and deep:
        return {info.filename.partition("/")[2]: info for info in infos}
    return {info.filename: info for info in infos}


def _encoded(
    path: Path,
    found: dict[str, Path | zipfile.ZipInfo] | dict[str, Path],
    ids: str,
    archive: zipfile.ZipFile | None,
) -> Pictures:
    if not found:
        raise InputError(f"{path}: holds no image ({', '.join(ENDINGS)})")
    names = sorted(found)
    chosen = names if ids == "path" else [PurePosixPath(name).name for name in names]
    return _Encoded(
        path, len(names), names, clean_ids(chosen, path), [found[n] for n in names], archive
    )


def _table(path: Path, id_name: str | None, column: str | None) -> Pictures:
    try:
        schema = pq.read_schema(path)
        count = pq.read_metadata(path).num_rows
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a whole Parquet file ({error})") from None
    twice = [field for field in schema.names if schema.names.count(field) > 1]
    if twice:
        raise InputError(f"{path}: has {schema.names.count(twice[0])} columns {twice[0]!r}")
    name = image_column(schema, column, path)
    by_lower = {field.lower(): field for field in reversed(schema.names) if field != name}
    key = id_name or next((by_lower[one] for one in ID_NAMES if one in by_lower), None)
    ids = None
    if key is not None:
        if key not in schema.names:
            raise InputError(f"{path}: has no column {key!r}; it has {schema.names}")
        ids = clean_ids(pq.read_table(path, columns=[key])[key].to_pandas(), path)
    return _Table(path, count, None, ids, name)


def image_column(schema: pa.Schema, named: str | None, path: Path) -> str:
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
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _cells(path: Path, column: str) -> Iterator[pa.Array]:
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_ROWS, columns=[column]):
                yield batch.column(0)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: damaged ({error})") from None


def identities_by_path(names: Sequence[str], pattern: str | None, path: Path) -> list[str]:
    """Who is on each image, from its path.

    Args:
        names: Paths of the images.
        pattern: A regular expression with one group, found in the path; None: the folder.
        path: Where the images are.

    Raises:
        InputError: An image in no folder, or whose path the pattern does not fit.
    """
    if pattern is None:
        folders = [PurePosixPath(name).parent.as_posix() for name in names]
        alone = [name for name, folder in zip(names, folders, strict=True) if folder == "."]
        if alone:
            raise InputError(
                f"{path}: the image {alone[0]!r} is in no folder, and folders are to be the "
                "identities; move it into one, or give a `pattern`"
            )
        return folders
    compiled = _compiled(pattern)
    found = [compiled.search(name) for name in names]
    for name, one in zip(names, found, strict=True):
        if one is None:
            raise InputError(f"{path}: the pattern {pattern!r} does not fit the image {name!r}")
    return [str(one[1]) for one in found if one]


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(f"the pattern {pattern!r} is no regular expression ({error})") from None
    if compiled.groups != 1:
        raise InputError(
            f"the pattern {pattern!r} has {compiled.groups} groups; put just the identity in "
            "parentheses"
        )
    return compiled


def first_sizes(found: Pictures, count: int) -> list[tuple[int, int]]:
    """Width and height of the first images, from their headers.

    Raises:
        InputError: One of them is no image.
    """
    sizes = []
    for row in range(min(count, found.count)):
        if isinstance(found, _Encoded):
            assert found.names is not None
            name, data = f"{found.path}/{found.names[row]}", found._read(row)
            sizes.append(decode_image(data, name).size)
    if isinstance(found, _Table):
        chosen = np.arange(found.count) < count
        sizes = [decode_image(data, name).size for name, data in found._read(chosen)]
    return sizes

"""Faces in the layout of CelebA: images, ±1 attributes and identities, joined by file name."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from latent_microscope.data.archives import (
    MAX_MEMBER_BYTES,
    open_zip,
    read_zip_member,
    zip_members,
)
from latent_microscope.data.decoding import decode_image
from latent_microscope.data.images import map_in_order, resize_and_crop
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import require_unique
from latent_microscope.messages import naming

_ENDINGS = (".jpg", ".jpeg", ".png")
ATTRIBUTE_FILES = ("list_attr_celeba.csv", "list_attr_celeba.txt")
Reader = Callable[[], bytes]


@dataclass
class FaceArchive:
    """An open zip, or a folder: the face images by file name and the attribute file inside."""

    path: Path
    images: dict[str, Reader]  # by file name (no folder), sorted
    attributes: tuple[str, Reader] | None

    @property
    def names(self) -> list[str]:
        """File names of the images."""
        return list(self.images)

    def attribute_bytes(self) -> tuple[str, bytes]:
        """Name and content of the attribute file inside."""
        if self.attributes is None:
            raise InputError(
                f"{self.path}: has no {ATTRIBUTE_FILES[0]}; give the attribute file separately"
            )
        name, read = self.attributes
        return name, read()


@contextmanager
def open_faces(path: Path) -> Iterator[FaceArchive]:
    """Open a zip or an extracted folder of faces; two images of one name are an InputError."""
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink())
        yield _index(path, ((p.name, partial(_read_file, p)) for p in files))
        return
    with open_zip(path) as archive:
        members = ((i.filename, partial(read_zip_member, archive, i)) for i in zip_members(archive))
        yield _index(path, ((PurePosixPath(name).name, read) for name, read in members))


def _read_file(path: Path) -> bytes:
    if path.stat().st_size > MAX_MEMBER_BYTES:
        raise InputError(f"{path}: {path.stat().st_size} bytes: refused")
    return path.read_bytes()


def _index(path: Path, members: Iterable[tuple[str, Reader]]) -> FaceArchive:
    images: dict[str, Reader] = {}
    names: dict[str, str] = {}
    attributes = None
    for name, read in members:
        if name in ATTRIBUTE_FILES:
            attributes = (name, read)
        elif name.lower().endswith(_ENDINGS) and not name.startswith("."):
            other = names.setdefault(face_id(name), name)
            if name in images or other != name:
                raise InputError(
                    f"{path}: the images {other!r} and {name!r} have the same id {face_id(name)!r}"
                )
            images[name] = read
    if not images:
        raise InputError(f"{path}: has no image ({', '.join(_ENDINGS)})")
    return FaceArchive(path, dict(sorted(images.items())), attributes)


def face_id(name: str) -> str:
    """The id of an image: its file name without the ending."""
    return PurePosixPath(name).stem


def packed_faces(
    archive: FaceArchive, names: Sequence[str], size: int = 64
) -> Iterator[np.ndarray]:
    """Decode, resize and crop images, in the order of ``names``: uint8 (size, size, 3) each."""

    def pack(name: str) -> np.ndarray:
        with naming(archive.path), naming(f"image {name}"):
            return resize_and_crop(decode_image(archive.images[name](), name), size)

    return map_in_order(pack, names)


@dataclass
class Faces:
    """What a reader of faces returns: all in the order of ``ids``."""

    ids: list[str]
    people: np.ndarray  # int64 (n,), number of the person; -1: unknown
    attributes: pd.DataFrame  # id and one 0/1 column per attribute
    images: Iterator[np.ndarray]  # uint8 (size, size, 3) each


@contextmanager
def read_celeba(
    archive: Path,
    identities: Path | None,
    *,
    size: int,
    subset: int | None,
    attribute_file: Path | None = None,
) -> Iterator[Faces]:
    """Faces in Kaggle's layout of CelebA.

    Args:
        archive: .zip, or the extracted folder.
        identities: .txt, image name and number of the person on each line.
        size: Side of the images, pixels: shorter side to it, centre square, RGB.
        subset: The first so many images by name; None: all.
        attribute_file: list_attr_celeba.csv, if it is not in the archive.
    """
    with open_faces(archive) as faces, naming(attribute_file or archive):
        if attribute_file is None:
            name, content = faces.attribute_bytes()
        else:
            name, content = attribute_file.name, attribute_file.read_bytes()
        table = join_attributes(parse_attributes(name, content), faces.names, name)
        if subset is not None and subset < 1:
            raise InputError(f"subset {subset}: must be at least 1")
        names = faces.names[:subset]
        people = np.full(len(names), -1, dtype=np.int64)
        if identities is not None:
            people = join_identities(parse_identities(identities), names, str(identities))
        ids, images = [face_id(n) for n in names], packed_faces(faces, names, size)
        yield Faces(ids, people, table.head(len(names)), images)


def parse_attributes(name: str, data: bytes) -> pd.DataFrame:
    """Column ``name`` (image file name) and one uint8 0/1 column per attribute, in its order.

    Of Kaggle's CSV, or the CelebA site's ``.txt`` (count, header, rows); values other than -1 and 1
    are an :class:`InputError`.
    """
    names, columns, values = _cells(name, data)
    if len(set(columns)) != len(columns):
        raise InputError(f"{name}: an attribute occurs in its header twice")
    if {"id", "name"} & set(columns):
        raise InputError(f"{name}: an attribute is called 'id' or 'name'; rename it")
    require_unique(pd.Series(names, dtype=object), name)
    numbers = pd.DataFrame(values, columns=columns).apply(pd.to_numeric, errors="coerce")
    valid = numbers.isin([-1, 1]).to_numpy()
    if not valid.all():
        row, column = np.argwhere(~valid)[0]
        raise InputError(
            f"{name}: image {names[row]!r}, attribute {columns[column]!r}: "
            f"{values[row][column]!r} is neither -1 nor 1"
        )
    table = (numbers == 1).astype(np.uint8)
    table.insert(0, "name", names)
    return table


def _cells(name: str, data: bytes) -> tuple[list[str], list[str], list[list[str]]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not a text file ({error})") from error
    lines = [line for line in text.splitlines() if line.strip()]
    if name.endswith(".txt"):
        columns, *rows = [line.split() for line in lines[1:]] or [[]]
    else:
        header, *rows = [[c.strip() for c in line.split(",")] for line in lines] or [[]]
        columns = header[1:]
    if not columns or not rows:
        raise InputError(f"{name}: has no attributes or no rows")
    for row in rows:
        if len(row) != len(columns) + 1:
            raise InputError(
                f"{name}: image {row[0]!r} has {len(row) - 1} values for {len(columns)} attributes"
            )
    return [row[0] for row in rows], columns, [row[1:] for row in rows]


def join_attributes(table: pd.DataFrame, names: list[str], where: str) -> pd.DataFrame:
    """``id`` and the attributes, one row per image in the order of ``names``."""
    rows = table["name"].tolist()
    for some, others, text in ((names, rows, "no row in it"), (rows, names, "no image")):
        known = set(others)
        missing = [name for name in some if name not in known]
        if missing:
            raise InputError(
                f"{where}: {len(missing)} of {len(some)} have {text}, first {missing[0]!r}; images "
                "and attributes must be of the same release"
            )
    joined = table.set_index("name").loc[names].reset_index(drop=True)
    joined.insert(0, "id", [face_id(name) for name in names])
    return joined


def parse_identities(path: Path) -> dict[str, int]:
    """Read ``identity_CelebA.txt``: image file name and number of the person on each line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file ({error})") from error
    pairs: list[tuple[str, int]] = []
    for number, line in enumerate(lines, start=1):
        parts = line.split()
        if not parts:
            continue
        if len(parts) != 2 or not re.fullmatch("[0-9]{1,18}", parts[1]):
            raise InputError(f"{path}: line {number} is not a file name and a number: {line!r}")
        pairs.append((parts[0], int(parts[1])))
    require_unique(pd.Series([name for name, _ in pairs], dtype=object), path)
    return dict(pairs)


def join_identities(identities: dict[str, int], names: list[str], where: str) -> np.ndarray:
    """The person on each image, int64 (n,); -1 where the file does not say."""
    people = np.array([identities.get(name, -1) for name in names], dtype=np.int64)
    if len(people) and (people < 0).all():
        raise InputError(f"{where}: has none of the images, such as {names[0]!r}")
    return people


def count_archive(path: Path) -> dict[str, int]:
    """How many images, attributes and attribute rows an archive holds, without decoding."""
    with open_faces(path) as archive:
        facts = {"images": len(archive.names)}
        try:
            name, data = archive.attribute_bytes()
        except InputError:
            return facts
        rows, columns, _ = _cells(name, data)
        return facts | {"attributes": len(columns), "attribute_rows": len(rows)}

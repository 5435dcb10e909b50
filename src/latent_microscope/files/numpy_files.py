"""``.npy`` and ``.npz``, without unpickling."""

import math
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from latent_microscope.data.archives import DAMAGED, open_zip, require_moderate
from latent_microscope.errors import InputError
from latent_microscope.files.contents import Contents, Entry, called, entry_of, spans, unusable
from latent_microscope.io.artefacts import load_npy

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def open_file(path: Path) -> Contents:
    """Arrays of an ``.npz``, the one of an ``.npy``, or the fields of a structured one."""
    if path.suffix.lower() == ".npz":
        require_moderate(path)
        with open_zip(path) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            entries = [_member(path, archive, info) for info in members]
        if not entries:
            raise InputError(f"{path}: contains no array; save them with numpy.savez")
        return Contents(path, {one.name: one for one in entries})
    with path.open("rb") as handle:
        shape, dtype = _header(handle, path, "")
    if dtype.hasobject:
        return Contents(path, {"": _objects("", shape, path)})
    array = load_npy(path, mmap=True)
    if dtype.names:
        fields = {name: entry_of(name, array[name], path) for name in dtype.names}
        return Contents(path, fields)
    entry = entry_of("", array, path)
    if isinstance(array, np.memmap) and array.flags.c_contiguous and not entry.is_text:
        entry = replace(entry, blocks=_read_blocks(path, array))
    return Contents(path, {"": entry})


def _read_blocks(path: Path, array: np.memmap) -> Callable[[], Iterator[np.ndarray]]:
    """Blocks of rows that are read: a map of the whole file would count as memory."""
    offset, shape, dtype = array.offset, array.shape, array.dtype
    width = math.prod(shape[1:])

    def blocks() -> Iterator[np.ndarray]:
        with path.open("rb") as handle:
            handle.seek(offset)
            for start, stop in spans(shape, dtype.itemsize):
                values = np.fromfile(handle, dtype, (stop - start) * width)
                if values.size != (stop - start) * width:
                    raise InputError(f"{path}: is cut short; recreate it")
                yield values.reshape(stop - start, *shape[1:])

    return blocks


def _header(handle: object, path: Path, name: str) -> tuple[tuple[int, ...], np.dtype]:
    try:
        version = npy.read_magic(handle)  # type: ignore[arg-type]
        reader = _HEADERS.get(version, npy.read_array_header_2_0)
        shape, _, dtype = reader(handle)  # type: ignore[arg-type]
    except Exception as error:  # a header is parsed as a Python literal: any error may come of it
        where = f"{path}: {name!r} is" if name else f"{path}:"
        raise InputError(f"{where} not a readable .npy array ({error}); recreate it") from error
    return shape, dtype


def _objects(name: str, shape: tuple[int, ...], path: Path) -> Entry:
    advice = "which only unpickling could read; save texts by np.asarray(ids, dtype=str)"
    return unusable(name, shape, f"{path}: {called(name)} contains Python objects, {advice}")


def _member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Entry:
    name = info.filename.removesuffix(".npy")
    try:
        with archive.open(info) as handle:
            shape, dtype = _header(handle, path, name)
    except DAMAGED as error:
        raise InputError(f"{path}: {name!r} is damaged ({error}); recreate it") from error
    if math.prod(shape) * dtype.itemsize > info.file_size:
        raise InputError(f"{path}: {name!r} is cut short; recreate it")
    if dtype.hasobject:
        return _objects(name, shape, path)

    def blocks() -> Iterator[np.ndarray]:
        try:
            with np.load(path, allow_pickle=False) as arrays:
                whole = entry_of(name, arrays[name], path)
        except Exception as error:  # of zipfile, zlib and numpy
            raise InputError(f"{path}: {name!r} is damaged ({error}); recreate it") from error
        yield from whole.blocks()

    # Texts and dates become objects; what an array of one row becomes, so do all.
    kind = entry_of(name, np.empty((0, *shape[1:]) if shape else (), dtype), path)
    if kind.unusable:
        return unusable(name, shape, kind.unusable)
    return Entry(name, shape, kind.dtype, blocks)

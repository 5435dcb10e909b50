"""HDF5: plain files, AnnData (``.h5ad``) and MATLAB 7.3; no links to other files are followed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy import sparse

from latent_microscope.errors import InputError
from latent_microscope.files.contents import Contents, Entry, called, spans, unusable

_TOO_MANY = 100_000  # objects
_NULLABLE = ("nullable-integer", "nullable-boolean", "nullable-string-array")
_SPARSE = {"csr_matrix": sparse.csr_matrix, "csc_matrix": sparse.csc_matrix}


def open_file(path: Path) -> Contents:
    """Data sets by their path in the file; of AnnData also sparse matrices and columns of groups.

    Raises:
        InputError: Also for external links, external storage and virtual data sets.
    """
    with _opened(path) as file:
        entries: dict[str, Entry] = {}
        matlab = any("MATLAB_class" in one.attrs for one in _members(file, path))
        _walk(file, path, entries, matlab=matlab)
    if not entries:
        raise InputError(f"{path}: contains no array")
    return Contents(path, entries)


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    try:
        with h5py.File(path, "r") as file:
            yield file
    except InputError:
        raise
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, UnicodeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: not a readable HDF5 file ({reason}); recreate it") from error


def _members(group: h5py.Group, path: Path) -> Iterator[Any]:
    for name in group:
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise InputError(f"{path}: {name!r} is a link to another file: refused; copy it in")
        if isinstance(link, h5py.HardLink):
            yield group[name]


def _walk(
    group: h5py.Group, path: Path, entries: dict[str, Entry], *, matlab: bool, depth: int = 0
) -> None:
    for one in _members(group, path):
        name = one.name.lstrip("/")
        if name.startswith("#") or depth > 20:
            continue
        if len(entries) > _TOO_MANY:
            raise InputError(f"{path}: contains more than {_TOO_MANY} arrays: refused")
        if isinstance(one, h5py.Dataset):
            entries[name] = _matlab(one, path) if matlab else _data_set(one, path)
        elif isinstance(one, h5py.Group):
            encoding = str(one.attrs.get("encoding-type", ""))
            if encoding in _SPARSE:
                entries[name] = _sparse(one, encoding, path)
            elif encoding == "categorical":
                entries[name] = _categorical(one, path)
            elif encoding in _NULLABLE:
                entries[name] = _nullable(one, path)
            else:
                index = str(one.attrs.get("_index", ""))
                _walk(one, path, entries, matlab=matlab, depth=depth + 1)
                if encoding == "dataframe" and f"{name}/{index}" in entries:
                    entries[f"{name}/_index"] = entries.pop(f"{name}/{index}")


def _require_inside(data: h5py.Dataset, path: Path) -> None:
    if data.is_virtual or data.external:
        raise InputError(f"{path}: {data.name!r} is stored in other files: refused; copy it in")


def _read(
    path: Path, name: str, read: Callable[[h5py.Dataset], Iterator[np.ndarray]]
) -> Callable[[], Iterator[np.ndarray]]:
    def blocks() -> Iterator[np.ndarray]:
        with _opened(path) as file:
            yield from read(file[name])

    return blocks


def _data_set(data: h5py.Dataset, path: Path) -> Entry:
    _require_inside(data, path)
    name, shape, dtype = data.name.lstrip("/"), data.shape or (), data.dtype
    if not shape:
        return unusable(name, (), f"{path}: {called(name)} is a single value")
    if h5py.check_string_dtype(dtype) is not None:

        def texts(one: h5py.Dataset) -> Iterator[np.ndarray]:
            yield np.asarray(one.asstr(errors="replace")[:], dtype=object)

        return Entry(name, shape, np.dtype(object), _read(path, name, texts))
    numbers = h5py.check_enum_dtype(dtype) is None or dtype.kind in "iub"
    if not numbers or dtype.kind not in "fiub":
        return unusable(name, shape, f"{path}: {called(name)} has no numbers and no texts")

    def rows(one: h5py.Dataset) -> Iterator[np.ndarray]:
        for start, stop in spans(one.shape, one.dtype.itemsize):
            yield one[start:stop]

    return Entry(name, shape, np.dtype(dtype.type), _read(path, name, rows))


def _sparse(group: h5py.Group, encoding: str, path: Path) -> Entry:
    name = group.name.lstrip("/")
    for part in ("data", "indices", "indptr"):
        _require_inside(group[part], path)
    shape = tuple(int(side) for side in group.attrs["shape"])
    limits = (len(group["data"]), len(group["indices"]))
    if len(shape) != 2 or limits[0] != limits[1]:
        raise InputError(f"{path}: {name!r} is not a whole sparse matrix; recreate it")

    def rows(one: h5py.Group) -> Iterator[np.ndarray]:
        parts = tuple(one[part][:] for part in ("data", "indices", "indptr"))
        major, minor = shape if encoding == "csr_matrix" else shape[::-1]
        if not _points_inside(parts[1], parts[2], major, minor):
            raise InputError(
                f"{path}: {name!r} is not a whole sparse matrix: an index points outside of it; "
                "recreate it"
            )
        stored = _SPARSE[encoding](parts, shape=shape)
        whole = sparse.csr_matrix(stored)
        for start, stop in spans(shape, whole.dtype.itemsize):
            yield whole[start:stop].toarray()

    return Entry(name, shape, group["data"].dtype, _read(path, name, rows))


def _points_inside(indices: np.ndarray, starts: np.ndarray, major: int, minor: int) -> bool:
    """Whether a sparse matrix is one: scipy writes to where an index says, even to other memory."""
    if {indices.dtype.kind, starts.dtype.kind} - {*"iu"} or starts.shape != (major + 1,):
        return False
    ends = starts.astype(np.int64)
    ordered = ends[0] == 0 and bool((np.diff(ends) >= 0).all()) and ends[-1] <= len(indices)
    return ordered and (not len(indices) or 0 <= indices.min() <= indices.max() < minor)


def _categorical(group: h5py.Group, path: Path) -> Entry:
    name = group.name.lstrip("/")
    for part in ("codes", "categories"):
        _require_inside(group[part], path)

    def texts(one: h5py.Group) -> Iterator[np.ndarray]:
        categories = one["categories"]
        is_text = h5py.check_string_dtype(categories.dtype) is not None
        values = categories.asstr(errors="replace")[:] if is_text else categories[:].astype(str)
        codes = one["codes"][:]
        yield np.array([*values, None], dtype=object)[codes]  # code -1: none

    return Entry(name, group["codes"].shape, np.dtype(object), _read(path, name, texts))


def _nullable(group: h5py.Group, path: Path) -> Entry:
    """A column of values, of which those that are masked only hold a place."""
    name, parts = group.name.lstrip("/"), [group["values"], group["mask"]]
    if not all(isinstance(one, h5py.Dataset) and one.shape == parts[0].shape for one in parts):
        raise InputError(f"{path}: {name!r} is not a whole column; recreate it")
    for one in parts:
        _require_inside(one, path)
    values = _data_set(parts[0], path)
    if values.unusable:
        return unusable(name, values.shape, values.unusable)
    numbers = values.dtype if not parts[1][:].any() else np.dtype(np.float64)
    dtype = values.dtype if values.is_text else numbers

    def cells(one: h5py.Group) -> Iterator[np.ndarray]:
        found, masked = values.read(dtype), one["mask"][:].astype(bool)
        if masked.any():
            found[masked] = None if values.is_text else np.nan
        yield found

    return Entry(name, values.shape, dtype, _read(path, name, cells))


def _matlab(data: h5py.Dataset, path: Path) -> Entry:
    """A variable of MATLAB, which stores columns first; a char matrix or cell array of texts."""
    _require_inside(data, path)
    name, kind = data.name.lstrip("/"), data.attrs.get("MATLAB_class", b"")
    shape = data.shape[::-1]
    if h5py.check_ref_dtype(data.dtype) is not None:
        return _matlab_texts(name, int(np.prod(shape)), path, _cells)
    if "MATLAB_empty" in data.attrs or data.dtype.kind not in "fiub" or not shape:
        return unusable(name, shape, f"{path}: {called(name)} is no matrix and no cell of texts")
    if kind == b"char":
        return _matlab_texts(name, shape[0], path, _lines)
    if len(shape) == 2 and min(shape) == 1:  # a vector

        def vector(one: h5py.Dataset) -> Iterator[np.ndarray]:
            yield one[:].ravel()

        return Entry(name, (max(shape),), data.dtype, _read(path, name, vector))

    def rows(one: h5py.Dataset) -> Iterator[np.ndarray]:
        for start, stop in spans(shape, one.dtype.itemsize):
            yield one[..., start:stop].T

    return Entry(name, shape, data.dtype, _read(path, name, rows))


def _matlab_texts(
    name: str, count: int, path: Path, texts: Callable[[h5py.Dataset], list[str | None]]
) -> Entry:
    def blocks(one: h5py.Dataset) -> Iterator[np.ndarray]:
        yield np.array(texts(one), dtype=object)

    return Entry(name, (count,), np.dtype(object), _read(path, name, blocks))


def _cells(data: h5py.Dataset) -> list[str | None]:
    return [_characters(data.file[ref]) for ref in data[:].ravel()]


def _lines(data: h5py.Dataset) -> list[str | None]:
    return ["".join(map(chr, line)).rstrip() for line in data[:].T]


def _characters(data: Any) -> str | None:
    if not isinstance(data, h5py.Dataset) or data.dtype.kind != "u":
        return None
    return "" if "MATLAB_empty" in data.attrs else "".join(map(chr, data[:].ravel()))

"""Reading and writing the workflow's files: atomic, without pickle, the same bytes every time."""

import csv
import errno
import io
import json
import math
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from latent_microscope.errors import InputError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class NoSpaceError(OSError):
    """The disk is full; ``filename`` is the artefact that was being written."""


class _Stream:
    """A file that numpy writes to in plain calls: its fast path forgets why a write failed."""

    def __init__(self, handle: io.BufferedWriter) -> None:
        self.write = handle.write


@contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Yield a temporary name beside ``path``; rename it to ``path`` if the body succeeds.

    A reader sees the old file or the whole new one, even after a kill or a power cut (the content
    is flushed to the disk before the rename). A full disk is a :class:`NoSpaceError`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    try:
        yield temporary
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if error.errno in NO_SPACE and not isinstance(error, NoSpaceError):
            raise NoSpaceError(error.errno, os.strerror(error.errno), str(path)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(path: Path) -> None:
    """Delete temporary files that a killed process left beside ``path``."""
    ours = re.compile(rf"\.tmp-\d+-{re.escape(path.name)}")
    for leftover in path.parent.glob(".tmp-*"):
        if ours.fullmatch(leftover.name):  # not of another file with a longer name
            leftover.unlink(missing_ok=True)


def save_npy(path: Path, array: np.ndarray) -> None:
    """Write one array as ``.npy`` (C order; object arrays are refused)."""
    with atomic(path) as temporary, temporary.open("wb") as handle:
        np.save(_Stream(handle), np.ascontiguousarray(array), allow_pickle=False)


@contextmanager
def writing_npy(path: Path, shape: Sequence[int], dtype: Any) -> Iterator[np.memmap]:
    """A memory-mapped ``.npy`` to fill piece by piece; it is renamed when the body succeeds."""
    with atomic(path) as temporary:
        array = np.lib.format.open_memmap(
            temporary, mode="w+", dtype=np.dtype(dtype), shape=tuple(int(s) for s in shape)
        )
        if hasattr(os, "posix_fallocate"):  # a full disk fails here, not later as a bus error
            with temporary.open("r+b") as handle:
                os.posix_fallocate(handle.fileno(), 0, os.path.getsize(temporary))
        yield array
        array.flush()
        del array


def load_npy(path: Path, *, mmap: bool = False) -> np.ndarray:
    """Read one ``.npy``, or map it read-only; :class:`InputError` if it is not a plain array."""
    try:
        if mmap:
            _require_sizes(path)
        array = np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except Exception as error:  # a header is parsed as a Python literal: any error may come of it
        raise InputError(f"{path}: not a readable .npy array ({error}); recreate it") from error
    if not isinstance(array, np.ndarray):  # np.load opens .npz, too
        raise InputError(f"{path}: an .npz archive, not an .npy; save a single array")
    return array


def _require_sizes(path: Path) -> None:
    """Raise ValueError for a shape that the file cannot have.

    Mapped, a negative size of items without bytes ends the process, and sizes overflow.
    """
    with path.open("rb") as handle:
        if handle.read(6) != np.lib.format.MAGIC_PREFIX:
            return
        handle.seek(0)
        first = np.lib.format.read_magic(handle) == (1, 0)
        header = np.lib.format.read_array_header_1_0, np.lib.format.read_array_header_2_0
        shape, _, dtype = header[0 if first else 1](handle)
        there = path.stat().st_size - handle.tell()
    if any(size < 0 for size in shape):
        raise ValueError(f"its shape is {shape}")
    wanted = math.prod(shape) * dtype.itemsize
    if wanted > there:
        raise ValueError(f"it is cut short: {there} of {wanted} bytes")


def save_npz(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays by name as ``.npz`` (object arrays are refused)."""
    with atomic(path) as temporary, temporary.open("wb") as handle:
        np.savez(handle, allow_pickle=False, **arrays)  # type: ignore[arg-type]


def load_npz(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of one ``.npz``; :class:`InputError` if it is not an archive of them."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except Exception as error:
        raise InputError(f"{path}: not a readable .npz archive ({error})") from error


def require_finite(array: np.ndarray, path: Path | str, ids: Sequence[Any] | None = None) -> None:
    """Raise :class:`InputError` naming the first row (and id) with a NaN or an infinity.

    A whole array or whole columns of them are named as such.
    """
    finite = np.isfinite(array)
    good = finite.all(axis=tuple(range(1, array.ndim)))
    if good.all():
        return
    if not finite.any():
        raise InputError(f"{path}: all numbers are NaN or infinite; write the file again")
    empty = np.flatnonzero(~finite.any(axis=0)) if array.ndim == 2 else np.arange(0)
    if empty.size:
        more = f", as are {len(empty) - 1} more" if len(empty) > 1 else ""
        raise InputError(
            f"{path}: column {empty[0]} is NaN or infinite in all rows{more}; leave it out"
        )
    row, others = int(np.argmin(good)), int((~good).sum()) - 1
    name = f" (id {ids[row]})" if ids is not None else ""
    more = f", as do {others} more" if others else ""
    raise InputError(f"{path}: row {row}{name} contains NaN or infinity{more}; remove or fix it")


def save_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet (zstd), without an index."""
    with atomic(path) as temporary:
        table.reset_index(drop=True).to_parquet(
            temporary, engine="pyarrow", compression="zstd", index=False
        )


def load_table(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a Parquet table; :class:`InputError` if it is none, or a column is missing."""
    try:
        table = pd.read_parquet(path, engine="pyarrow")
        for name, dtype in table.dtypes.items():  # pandas reads what is no UTF-8
            if dtype == "str":
                pa.array(table[name]).validate(full=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except Exception as error:  # pyarrow's are of many kinds, and pandas trusts its own metadata
        raise InputError(f"{path}: not a readable Parquet file ({error}); recreate it") from error
    missing = [c for c in columns or [] if c not in table.columns]
    if missing:
        raise InputError(f"{path}: no column {missing[0]!r}; it has {list(table.columns)}")
    return table[columns] if columns else table


def save_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV with 6 significant digits."""
    save_text(path, table.to_csv(index=False, float_format="%.6g", quoting=csv.QUOTE_MINIMAL))


def save_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def save_json(path: Path, content: Any) -> None:
    """Write sorted, indented JSON."""
    save_text(path, json.dumps(content, indent=1, sort_keys=True, default=str) + "\n")


def load_json(path: Path) -> Any:
    """Read JSON; :class:`InputError` when the file is missing or not JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON ({error})") from error


def save_bytes(path: Path, content: bytes | io.BytesIO) -> None:
    """Write bytes from memory."""
    with atomic(path) as temporary:
        temporary.write_bytes(content if isinstance(content, bytes) else content.getvalue())


def require_unique(ids: "pd.Series[Any]", where: Path | str) -> None:
    """Raise :class:`InputError` naming the first repeated id."""
    repeated = ids[ids.duplicated()]
    if len(repeated):
        raise InputError(f"{where}: id {repeated.iloc[0]!r} occurs more than once")


def join_by_id(left: pd.DataFrame, right: pd.DataFrame, *, names: tuple[str, str]) -> pd.DataFrame:
    """Join two tables on their column ``id``, one row each, in the order of ``left``.

    :class:`InputError` names an id that is repeated or missing in one of them.
    """
    tables = ((left, names[0]), (right, names[1]))
    for table, name in tables:
        if "id" not in table.columns:
            raise InputError(f"{name}: no column 'id'; it has {list(table.columns)}")
        require_unique(table["id"], name)
    for (here, name), (there, other) in (tables, tables[::-1]):
        alone = here["id"][~here["id"].isin(there["id"])]
        if len(alone):
            raise InputError(
                f"{name}: {len(alone)} ids have no match in {other}, first {alone.iloc[0]!r}; "
                "both must describe the same images"
            )
    return left.merge(right, on="id", how="left", validate="one_to_one")

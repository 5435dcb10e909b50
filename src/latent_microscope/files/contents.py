"""What a file contains: arrays and columns by name, whatever its format."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError

BLOCK_BYTES = 2**24
"""Of rows that are read at a time."""
_OPENERS = {
    **dict.fromkeys((".npy", ".npz"), "numpy_files"),
    **dict.fromkeys((".parquet", ".feather", ".arrow"), "arrow_files"),
    **dict.fromkeys((".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json"), "text_files"),
    **dict.fromkeys((".h5", ".hdf5", ".h5ad"), "hdf5_files"),
    ".mat": "matlab_files",
    **dict.fromkeys((".pt", ".pth", ".safetensors"), "torch_files"),
}
ENDINGS = tuple(_OPENERS)
_ADVICE = {
    **dict.fromkeys((".pkl", ".pickle", ".joblib"), "pickles can run code; save arrays by np.save"),
    **dict.fromkeys((".rds", ".rdata", ".rda"), "write it in R by write.csv or write_parquet"),
    **dict.fromkeys((".xlsx", ".xls", ".ods", ".sav", ".dta"), "save it as CSV"),
}
ID_NAMES = ("id", "ids", "image_id", "image", "filename", "file_name", "file", "name", "path")
"""Columns that are taken for the ids where the config names none, the first that is there."""
_UNUSABLE = "no numbers and no texts"


@dataclass(frozen=True)
class Entry:
    """An array or column of a file.

    Attributes:
        name: Its name in the file; "" where the file has only this one.
        shape: Its shape, rows first.
        dtype: Of its numbers; ``object`` for texts (str, or None where there is none).
        blocks: Consecutive blocks of rows, each with the rest of the shape.
        unusable: Why it cannot be read, "" if it can.
        spelt: Its cells as the file has them, where numbers say less ("1.10"); None: as numbers.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    blocks: Callable[[], Iterator[np.ndarray]]
    unusable: str = ""
    spelt: Callable[[], np.ndarray] | None = None

    @property
    def is_text(self) -> bool:
        """Whether it holds texts."""
        return self.dtype == object

    def read(self, dtype: npt.DTypeLike | None = None) -> np.ndarray:
        """The whole array."""
        return self.take(None, dtype)

    def as_ids(self) -> np.ndarray:
        """The whole array, as it is spelt in the file."""
        return self.read() if self.spelt is None else self.spelt()

    def take(
        self, rows: npt.NDArray[np.int64] | None, dtype: npt.DTypeLike | None = None
    ) -> np.ndarray:
        """These rows, in this order (None: all), with no second copy of the array in memory."""
        if self.unusable:
            raise InputError(self.unusable)
        kind = self.dtype if dtype is None else np.dtype(dtype)
        count = self.shape[0] if rows is None else len(rows)
        found = np.empty((count, *self.shape[1:]), dtype=kind)
        order = None if rows is None else np.argsort(rows, kind="stable")
        start = 0
        with np.errstate(over="ignore", invalid="ignore"):
            for block in self.blocks():
                stop = start + len(block)
                if rows is None or order is None:
                    found[start:stop] = block
                else:
                    low, high = np.searchsorted(rows, (start, stop), sorter=order)
                    found[order[low:high]] = block[rows[order[low:high]] - start]
                start = stop
        return found


@dataclass(frozen=True)
class Contents:
    """Entries of a file by name, in its order.

    Attributes:
        path: The file.
        entries: What it contains.
        joined: Makes one matrix of columns, which a table keeps by row; None: by reading each.
        notes: What was decided while reading, for the user.
    """

    path: Path
    entries: Mapping[str, Entry]
    joined: Callable[[Sequence[str]], Entry] | None = None
    notes: tuple[str, ...] = ()

    def matrix_of(self, names: Sequence[str]) -> Entry:
        """Columns side by side, (rows, columns)."""
        if self.joined is not None:
            return self.joined(names)
        columns = [self.entries[name] for name in names]
        kind = np.result_type(*(one.dtype for one in columns))
        shape = (columns[0].shape[0], len(columns))
        return Entry("", shape, kind, lambda: iter([np.stack([c.read() for c in columns], 1)]))


def open_contents(path: Path) -> Contents:
    """What a file contains, by its ending.

    Raises:
        InputError: No such file, an unknown or damaged one, or one that would run code.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give a file")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    ending = path.suffix.lower()
    if ending == ".gz":
        ending = Path(path.stem).suffix.lower()
        ending = ending if _OPENERS.get(ending) == "text_files" else ".gz"
    if ending not in _OPENERS:
        advice = _ADVICE.get(ending, f"give one of {', '.join(ENDINGS)}")
        raise InputError(f"{path}: cannot be read; {advice}")
    module = import_module(f"latent_microscope.files.{_OPENERS[ending]}")
    found: Contents = module.open_file(path)
    return found


def sliced(array: np.ndarray) -> Callable[[], Iterator[np.ndarray]]:
    """Blocks of rows of an array, such as a memory-mapped one."""

    def blocks() -> Iterator[np.ndarray]:
        for start, stop in spans(array.shape, array.dtype.itemsize):
            yield np.asarray(array[start:stop])

    return blocks


def spans(shape: Sequence[int], itemsize: int) -> Iterator[tuple[int, int]]:
    """First row and end of each block of rows."""
    width = max(1, int(np.prod(shape[1:], dtype=np.int64)) * itemsize)
    step = max(1, BLOCK_BYTES // width)
    for start in range(0, shape[0], step):
        yield start, min(start + step, shape[0])


def entry_of(name: str, array: np.ndarray, where: Path) -> Entry:
    """An entry of an array in memory or of a map: numbers, or texts as objects."""
    kind = array.dtype.kind
    if kind in "US":
        return Entry(name, array.shape, np.dtype(object), _texts(array))
    if kind in "mM":
        return entry_of(
            name, np.datetime_as_string(array) if kind == "M" else array.astype(str), where
        )
    if kind in "fiub" and array.ndim:
        return Entry(name, array.shape, array.dtype, sliced(array))
    what = f"{array.dtype} of shape {array.shape}"
    return unusable(name, array.shape, f"{where}: {called(name)} has {_UNUSABLE}: {what}")


def unusable(name: str, shape: tuple[int, ...], why: str) -> Entry:
    """An entry that is there but cannot be read."""
    return Entry(name, shape, np.dtype(object), lambda: iter(()), why)


def called(name: str) -> str:
    """An array in a message."""
    return f"the array {name!r}" if name else "the array"


def _texts(array: np.ndarray) -> Callable[[], Iterator[np.ndarray]]:
    def blocks() -> Iterator[np.ndarray]:
        for block in sliced(array)():
            if block.dtype.kind == "S":
                block = np.char.decode(block, "utf-8", "replace")
            yield block.astype(object)

    return blocks

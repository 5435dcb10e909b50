"""What anybody can read in the files of a folder."""

import json
from collections.abc import Iterator
from pathlib import Path

import h5py
import pandas as pd

_TEXTS = {".csv", ".html", ".json", ".log", ".md", ".meta", ".svg", ".txt", ".yaml", ".py", ""}


def readable(folder: Path) -> str:
    """Paths and texts of all files below a folder, tables among them, in lower case."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return "\n".join(text for path in paths for text in _texts(path, folder)).casefold()


def _texts(path: Path, folder: Path) -> Iterator[str]:
    yield path.relative_to(folder).as_posix()
    if path.suffix == ".parquet":
        yield pd.read_parquet(path).to_csv()
    elif path.suffix in (".h5", ".h5ad"):
        with h5py.File(path) as file:
            found: list[str] = []
            file.visititems(lambda name, one: found.extend(_of_hdf5(name, one)))
            yield from found
    elif path.suffix in _TEXTS:
        text = path.read_text(encoding="utf-8", errors="replace")
        yield text
        if path.suffix == ".json":
            yield json.dumps(json.loads(text), ensure_ascii=False)


def _of_hdf5(name: str, one: h5py.Group | h5py.Dataset) -> Iterator[str]:
    yield f"{name} {dict(one.attrs)}"
    if isinstance(one, h5py.Dataset) and h5py.check_string_dtype(one.dtype) is not None:
        yield str(one.asstr()[()].tolist() if one.shape else one.asstr()[()])

"""MATLAB's ``.mat``: version 7.3 is HDF5, older ones are read by SciPy."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat

from latent_microscope.errors import InputError
from latent_microscope.files import hdf5_files
from latent_microscope.files.contents import Contents, Entry, called, entry_of, unusable
from latent_microscope.files.meadows import of_variables


def open_file(path: Path) -> Contents:
    """Variables: matrices, vectors, cell arrays of texts; fields of a struct by ``name.field``."""
    with path.open("rb") as handle:
        head = handle.read(1024)
    if b"MATLAB 7.3" in head[:128] or b"\x89HDF\r\n\x1a\n" in head:
        return hdf5_files.open_file(path)
    _require_no_crash(path)
    try:
        found = loadmat(path, squeeze_me=True, chars_as_strings=True, struct_as_record=True)
    except Exception as error:  # of many kinds in a damaged file
        raise InputError(f"{path}: not a readable .mat file ({error}); recreate it") from error
    entries: dict[str, Entry] = {}
    for name, value in found.items():
        if not name.startswith("__"):
            _add(entries, name, value, path)
    if not entries:
        raise InputError(f"{path}: contains no array")
    return Contents(path, of_variables(entries, path))


def _require_no_crash(path: Path) -> None:
    """SciPy's reader may crash on a damaged file: another process tries it first."""
    tried = subprocess.run(
        [sys.executable, "-c", "import sys, scipy.io as io; io.loadmat(sys.argv[1])", str(path)],
        capture_output=True,
        check=False,
    )
    if tried.returncode < 0:
        raise InputError(f"{path}: not a whole .mat file; recreate it, or save it by -v7.3")


def _add(entries: dict[str, Entry], name: str, value: Any, path: Path) -> None:
    array = np.asarray(value.todense() if hasattr(value, "todense") else value)
    if array.dtype.names and array.ndim == 0:
        for field in array.dtype.names:
            _add(entries, f"{name}.{field}", array[field].item(), path)
    elif array.dtype == object and all(isinstance(one, str) for one in array.ravel()):
        entries[name] = entry_of(name, array.astype(str), path)
    elif array.dtype == object or array.dtype.names:
        why = f"{path}: {called(name)} is no matrix and no cell of texts"
        entries[name] = unusable(name, array.shape, why)
    else:
        entries[name] = entry_of(name, array, path)

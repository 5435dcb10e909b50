"""Reading the pickles of the official CIFAR-10 archive without running what is in them.

Each batch is a Python 2 pickle of a dict with a numpy array. A pickle is a program, and the plain
``pickle.load`` (torchvision uses it) runs any function that a changed file names. The published MD5
is checked first, but MD5 can be forged, and a user may give an archive of another origin. So this
unpickler allows only the names that arrays need: no code of a file can run.
"""

import io
import pickle
from typing import Any

import numpy as np

from latent_microscope.errors import InputError

_TYPES = {"u1": np.dtype(np.uint8), "|u1": np.dtype(np.uint8)}


class _Type:
    """In place of ``numpy.dtype``: bytes only, whatever state the file gives it."""

    def __init__(self, name: str = "", *flags: Any) -> None:
        if name not in _TYPES:
            raise pickle.UnpicklingError(f"arrays of {name!r} are not those of CIFAR-10")
        self.dtype = _TYPES[name]

    def __setstate__(self, state: Any) -> None:
        """Ignore byte order and flags, which single bytes do not have."""


class _Array:
    """In place of ``numpy.ndarray``: numpy's own, lower-level loading is never reached."""

    array: np.ndarray

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take (version, shape, type, column-major, bytes)."""
        _, shape, kind, column_major, data = state
        if not isinstance(kind, _Type):
            raise pickle.UnpicklingError("an array without a type")
        raw = data.encode("latin-1") if isinstance(data, str) else bytes(data)
        flat = np.frombuffer(raw, dtype=kind.dtype)
        self.array = flat.reshape(shape, order="F" if column_major else "C")


def _reconstruct(*_: Any) -> _Array:
    """In place of numpy's function of this name: an empty array for the state to fill."""
    return _Array()


def _encode(text: str, encoding: str) -> bytes:
    """Bytes as Python 3 writes them into an old pickle: latin-1 text to encode again."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError("not an encoding of bytes")
    return text.encode("latin-1")


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): _Type,
    ("numpy", "ndarray"): _Array,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("_codecs", "encode"): _encode,
}


# The Python class: the one in C keeps its memo in an array, for which six bytes of a file can ask
# for 64 GiB (PUT 4294967295).
class _Restricted(pickle._Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """The allowed names only."""
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _ALLOWED[module, name]


def load_batch(data: bytes, name: str) -> dict[str, Any]:
    """Read one batch of the archive: texts, numbers, lists and numpy arrays by name."""
    try:
        content = _Restricted(io.BytesIO(data), encoding="latin1").load()
    except Exception as error:  # a random program fails in any way
        raise InputError(f"{name}: not a CIFAR-10 batch, refused ({error})") from error
    if not isinstance(content, dict):
        raise InputError(f"{name}: not a CIFAR-10 batch (no dict)")
    return {
        key: getattr(value, "array", None) if isinstance(value, _Array) else value
        for key, value in content.items()
    }

"""Reading the pickles of the official CIFAR-10 archive without running what is in them.

The archive predates ``.npy``: each batch is a Python 2 pickle of a dict with a numpy array. A
pickle is a program, and the plain ``pickle.load`` (torchvision uses it) would run any function
that a changed file names. The archive's MD5 is published and checked first, but MD5 can be forged
with effort, and a user may point to an archive of another origin. So the unpickler here knows the
three names that arrays need and refuses all others: no code of a file can run.
"""

import io
import pickle
from typing import Any

import numpy as np

from latent_microscope.errors import InputError

_TYPES = {"u1": np.dtype(np.uint8), "|u1": np.dtype(np.uint8)}


class _Type:
    """Stands for ``numpy.dtype``: bytes only, whatever state the file gives it."""

    def __init__(self, name: str = "", *flags: Any) -> None:
        if name not in _TYPES:
            raise pickle.UnpicklingError(f"arrays of {name!r} are not those of CIFAR-10")
        self.dtype = _TYPES[name]

    def __setstate__(self, state: Any) -> None:
        """Byte order and flags: of no meaning for single bytes."""


class _Array:
    """Stands for ``numpy.ndarray``: numpy's own, lower-level loading is never reached."""

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
    """Stands for numpy's function of this name: an empty array for the state to fill."""
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


# The one written in Python: the one in C keeps its memo in an array, of which six bytes of a file
# can ask for 64 GiB (PUT 4294967295).
class _Restricted(pickle._Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """The allowed names only."""
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _ALLOWED[module, name]


def load_batch(data: bytes, name: str) -> dict[str, Any]:
    """Read one batch of the archive.

    Args:
        data: The pickle.
        name: Name of the file, for the message.

    Returns:
        Its dict: texts, numbers, lists and numpy arrays only.

    Raises:
        InputError: Damaged, or asking for anything but arrays of numbers.
    """
    try:
        content = _Restricted(io.BytesIO(data), encoding="latin1").load()
    except Exception as error:  # a program at random fails in any way
        raise InputError(f"{name}: not a CIFAR-10 batch, refused ({error})") from error
    if not isinstance(content, dict):
        raise InputError(f"{name}: not a CIFAR-10 batch (no dict)")
    return {
        key: getattr(value, "array", None) if isinstance(value, _Array) else value
        for key, value in content.items()
    }

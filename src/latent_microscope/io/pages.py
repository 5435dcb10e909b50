"""Memory-mapped arrays that are read piece by piece: their pages are released again."""

import mmap

import numpy as np


def release(array: np.ndarray) -> None:
    """Drop the pages of an array mapped read-only; its values are read again when needed."""
    base = getattr(array, "_mmap", None)
    mapped = isinstance(array, np.memmap) and not array.flags.writeable
    if mapped and base is not None and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)

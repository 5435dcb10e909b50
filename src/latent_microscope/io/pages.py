"""Memory-mapped arrays that are read through: their pages are let go again."""

import mmap

import numpy as np


def release(array: np.ndarray) -> None:
    """Drop the pages of an array mapped read-only from this process's memory; does nothing else.

    The values stay on the disk and are read again when they are wanted.
    """
    base = getattr(array, "_mmap", None)
    if not isinstance(array, np.memmap) or array.flags.writeable:
        return
    base = getattr(array, "_mmap", None)
    if base is not None and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)

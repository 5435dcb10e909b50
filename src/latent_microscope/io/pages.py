"""Memory-mapped arrays that are read or written in pieces: their pages are released again."""

import mmap

import numpy as np


def release(array: np.ndarray) -> None:
    """Drop the pages of a memory-mapped array from this process's memory, after writing them.

    The values stay on the disk and are read again on demand. Other arrays are left as they are.
    """
    base = getattr(array, "_mmap", None)
    if base is None or not isinstance(array, np.memmap) or array.mode == "c":
        return
    if array.flags.writeable:
        array.flush()
    if hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)

"""Archives of arrays (``.npz``) of unknown origin."""

from pathlib import Path

import numpy as np

from latent_microscope.io.artefacts import load_npz
from latent_microscope.data.archives import MAX_TOTAL_BYTES, open_zip
from latent_microscope.errors import InputError

_RATIO = 1100
"""Deflate packs no more than 1032 times; an archive that claims more is a bomb."""


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an archive, by name.

    Raises:
        InputError: Missing, damaged, holding other things than arrays, or unpacking to far more
            than it could hold.
    """
    with open_zip(path) as archive:
        total = sum(info.file_size for info in archive.infolist())
    if total > min(MAX_TOTAL_BYTES, _RATIO * path.stat().st_size):
        raise InputError(f"{path}: unpacks to {total} bytes: refused")
    arrays = load_npz(path)
    other = [name for name, value in arrays.items() if not isinstance(value, np.ndarray)]
    if other:
        raise InputError(f"{path}: {other[0]!r} is no array; save them with numpy.savez")
    return arrays

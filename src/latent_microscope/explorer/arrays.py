"""Arrays inside a page: little-endian bytes in base64, with what a browser needs to read them."""

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

_NAMES = {"u1": "u1", "u2": "u2", "u4": "u4", "f4": "f4"}
POSITIONS = 65535
"""Steps of a coordinate over its extent: a pixel of the map until it is enlarged 60 times."""


def base64_text(content: bytes) -> str:
    """Base64 without line breaks."""
    return base64.b64encode(content).decode("ascii")


def packed(values: npt.NDArray) -> dict[str, Any]:
    """Whole numbers in the narrowest unsigned type that holds them, others as float32.

    Args:
        values: Non-negative integers, or floats (NaN where there is no value).

    Returns:
        ``type`` (u1, u2, u4, f4) and ``data``.
    """
    if values.dtype.kind in "iub":
        largest = int(values.max(initial=0))
        name = "u1" if largest < 2**8 else "u2" if largest < 2**16 else "u4"
    else:
        name = "f4"
    return {"type": name, "data": base64_text(values.astype(f"<{name}").tobytes())}


def packed_bits(values: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Booleans, eight a byte, the first in the lowest bit."""
    return {"type": "bits", "data": base64_text(np.packbits(values, bitorder="little").tobytes())}


def packed_positions(plane: npt.NDArray) -> dict[str, Any]:
    """Coordinates on a grid of 65,536 steps over the larger of the two extents.

    Args:
        plane: (n, 2) finite coordinates.

    Returns:
        ``type`` u2, ``data`` (x and y of each row in turn), ``low`` (of x, of y), ``step``.
    """
    low = plane.min(axis=0)
    extent = float(np.ptp(plane, axis=0).max())
    step = extent / POSITIONS if extent > 0.0 else 1.0
    grid = np.rint((plane - low) / step).astype("<u2")
    return {
        "type": "u2",
        "data": base64_text(grid.tobytes()),
        "low": [float(value) for value in low],
        "step": step,
    }

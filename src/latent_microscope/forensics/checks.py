"""Checks of what the user hands in, shared by all heuristics."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError


def as_matrix(values: npt.ArrayLike, name: str, *, min_rows: int = 2) -> npt.NDArray[np.float64]:
    """A contiguous float64 matrix, one row a sample.

    Args:
        values: Anything that numpy can turn into an n×d array of numbers.
        name: What the array is, for the message.
        min_rows: Fewest rows that make sense.

    Returns:
        The array, float64 and C-contiguous (not a copy where it already is).

    Raises:
        InputError: If it is not numeric or 2-D, has no column or too few rows, or holds a NaN or an
            infinity; the message names the first such row.
    """
    try:
        matrix = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be an array of numbers, one row a sample.") from error
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise InputError(
            f"{name} has shape {matrix.shape}; give a 2-D array, one row a sample and at least "
            "one column."
        )
    if matrix.shape[0] < min_rows:
        raise InputError(f"{name} has {matrix.shape[0]} rows; at least {min_rows} are needed.")
    # A finite sum proves that all values are finite; only otherwise look for the row.
    if not np.isfinite(matrix.sum()):
        bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
        if bad.size:
            raise InputError(
                f"{name} row {bad[0]} holds a NaN or an infinity; remove or repair that sample."
            )
    return matrix


def as_vector(values: npt.ArrayLike, name: str, n: int | None = None) -> npt.NDArray[np.float64]:
    """A finite float64 vector, optionally of a fixed length.

    Raises:
        InputError: If it is not numeric or 1-D, is empty, has another length or holds a NaN or an
            infinity; the message names the first such row.
    """
    try:
        vector = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be a vector of numbers, one a sample.") from error
    if vector.ndim != 1 or vector.size == 0:
        raise InputError(f"{name} has shape {vector.shape}; give one number a sample.")
    if n is not None and vector.size != n:
        raise InputError(f"{name} has {vector.size} values for {n} samples; give one a sample.")
    bad = np.flatnonzero(~np.isfinite(vector))
    if bad.size:
        raise InputError(f"{name} row {bad[0]} is NaN or infinite; remove or repair that sample.")
    return vector


def as_mask(values: npt.ArrayLike, name: str, n: int) -> npt.NDArray[np.bool_]:
    """A boolean vector of length ``n``.

    Raises:
        InputError: If it is not boolean or has another length.
    """
    mask = np.asarray(values)
    if mask.dtype != np.bool_ or mask.shape != (n,):
        raise InputError(
            f"{name} has dtype {mask.dtype} and shape {mask.shape}; give one boolean for each of "
            f"the {n} samples."
        )
    return mask


def as_labels(values: npt.ArrayLike, name: str, n: int | None = None) -> npt.NDArray[np.int64]:
    """A vector of integer labels (-1 is noise).

    Raises:
        InputError: If it is not 1-D, not whole numbers, or has another length.
    """
    raw = np.asarray(values)
    if raw.ndim != 1 or raw.size == 0 or (n is not None and raw.size != n):
        wanted = "one label a sample" if n is None else f"one label for each of {n} samples"
        raise InputError(f"{name} has shape {raw.shape}; give {wanted}.")
    if raw.dtype.kind not in "iuf" or (raw.dtype.kind == "f" and not np.all(raw == np.rint(raw))):
        raise InputError(f"{name} must be whole numbers, with -1 for noise.")
    return raw.astype(np.int64)


def one_of(value: str, name: str, allowed: Sequence[str]) -> str:
    """``value`` itself when it is among ``allowed``.

    Raises:
        InputError: Otherwise; the message lists what is allowed.
    """
    if value not in allowed:
        raise InputError(f"{name} {value!r} is unknown; choose one of {', '.join(allowed)}.")
    return value


def in_range(value: Any, name: str, low: float, high: float = np.inf) -> float:
    """``value`` as a float when ``low <= value <= high``.

    Raises:
        InputError: Otherwise, or when it is not a number.
    """
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} {value!r} is not a number.") from error
    if not low <= number <= high:
        raise InputError(f"{name} {value!r} lies outside [{low:g}, {high:g}].")
    return number

"""Checks of what the user hands in, shared by all heuristics."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.arrays import as_numbers, plain, whole_numbers
from latent_microscope.errors import InputError

# Sums of squares of (n, d) values between which no product of a score leaves float64.
_SMALLEST, _LARGEST = 1e-180, 1e180


def as_matrix(values: npt.ArrayLike, name: str, *, min_rows: int = 2) -> npt.NDArray[np.float64]:
    """A contiguous float64 matrix, one row per sample; InputError names the first bad row."""
    return _checked(np.ascontiguousarray(as_numbers(values, name, np.float64)), name, min_rows)


def as_rows(values: npt.ArrayLike, name: str, *, min_rows: int = 2) -> npt.NDArray[Any]:
    """As :func:`as_matrix`, but float32 stays so, and a mapped file is not read into memory."""
    array = as_numbers(values, name)
    if array.dtype != np.float32 or not array.flags.c_contiguous:
        return as_matrix(array, name, min_rows=min_rows)
    return _checked(array, name, min_rows)


def _checked(matrix: npt.NDArray[Any], name: str, min_rows: int) -> npt.NDArray[Any]:
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise InputError(
            f"{name} has shape {matrix.shape}; expected 2-D, one row per sample and at least one "
            "column"
        )
    if matrix.shape[0] < min_rows:
        raise InputError(f"{name} has {matrix.shape[0]} rows; at least {min_rows} are required")
    # A finite sum proves that all values are finite; only otherwise look for the row.
    square = float(np.einsum("ij,ij->", matrix, matrix, dtype=np.float64))
    if not np.isfinite(square):
        bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
        if bad.size:
            raise InputError(
                f"{name} row {bad[0]} contains NaN or infinity; remove or fix that sample"
            )
    if square > _LARGEST or (square < _SMALLEST and matrix.any()):
        raise InputError(
            f"{name}: the largest value is {np.abs(matrix).max():.3g}, too "
            f"{'large' if square > 1.0 else 'small'} for squares and products; scale the values"
        )
    return matrix


def as_vector(values: npt.ArrayLike, name: str, n: int | None = None) -> npt.NDArray[np.float64]:
    """A finite float64 vector, of ``n`` values if given; InputError names the first bad row."""
    vector = np.ascontiguousarray(as_numbers(values, name, np.float64))
    if vector.ndim != 1 or vector.size == 0:
        raise InputError(f"{name} has shape {vector.shape}; expected one number per sample")
    if n is not None and vector.size != n:
        raise InputError(
            f"{name} has {vector.size} values for {n} samples; expected one per sample"
        )
    bad = np.flatnonzero(~np.isfinite(vector))
    if bad.size:
        raise InputError(f"{name} row {bad[0]} is NaN or infinite; remove or fix that sample")
    return vector


def as_mask(values: npt.ArrayLike, name: str, n: int) -> npt.NDArray[np.bool_]:
    """A boolean vector of length ``n``, or an InputError."""
    mask = np.asarray(plain(values))
    if np.ma.is_masked(values):
        raise InputError(f"{name} is masked in places; give one boolean per sample")
    if mask.dtype != np.bool_ or mask.shape != (n,):
        raise InputError(
            f"{name} has dtype {mask.dtype} and shape {mask.shape}; expected one boolean per "
            f"sample ({n})"
        )
    return mask


def same_rows(**given: object) -> None:
    """Refuse pandas objects whose indices say that their rows are of other samples.

    A default index (0, 1, …) says so only where the other one holds the same numbers in another
    order; arrays are taken in order.
    """
    indices = {
        name: value.index
        for name, value in given.items()
        if isinstance(value, pd.DataFrame | pd.Series)
    }
    for (one, first), (other, second) in combinations(indices.items(), 2):
        if len(first) != len(second) or first.equals(second):
            continue
        default = pd.RangeIndex(len(first))
        if (first.equals(default) or second.equals(default)) and not first.sort_values().equals(
            second.sort_values()
        ):
            continue
        row = int(np.argmax(np.asarray(first != second)))
        raise InputError(
            f"{one} and {other} have different indices: row {row} is {first[row]} and "
            f"{second[row]}; order one like the other with .loc, or give .to_numpy() of both if "
            "their rows are of the same samples"
        )


def as_labels(values: npt.ArrayLike, name: str, n: int | None = None) -> npt.NDArray[np.int64]:
    """A vector of integer labels (-1 is noise), or an InputError."""
    raw = as_numbers(values, name)
    if raw.ndim != 1 or raw.size == 0 or (n is not None and raw.size != n):
        count = "" if n is None else f" ({n})"
        raise InputError(f"{name} has shape {raw.shape}; expected one label per sample{count}")
    if raw.dtype.kind == "b":
        raise InputError(f"{name} must be integers, with -1 for noise, not booleans")
    return whole_numbers(raw, name)


def as_distances(values: npt.ArrayLike, n: int, k: int) -> npt.NDArray[np.float64]:
    """Ascending distances of n samples to at least k others, (n, k or more), or an InputError."""
    found = as_numbers(values, "distances", np.float64)
    if found.ndim != 2 or len(found) != n or found.shape[1] < k:
        raise InputError(
            f"distances has shape {found.shape}; expected those of {n} samples to at least {k} "
            "others"
        )
    if not (found[:, :1] >= 0.0).all() or not (found[:, 1:] >= found[:, :-1]).all():
        raise InputError("distances must ascend in each row, without NaN or negative ones")
    return found


def one_of(value: str, name: str, allowed: Sequence[str]) -> str:
    """``value`` if it is among ``allowed``; else an InputError that lists these."""
    if value not in allowed:
        raise InputError(f"{name} {value!r} is unknown; choose one of {', '.join(allowed)}")
    return value


def in_range(value: Any, name: str, low: float, high: float = np.inf) -> float:
    """``value`` as a float if ``low <= value <= high``, else an InputError."""
    try:
        number = float(value)
        if isinstance(value, str | bytes):
            raise TypeError
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} {value!r} is not a number") from error
    if not low <= number <= high:
        raise InputError(f"{name} {value!r} is outside [{low:g}, {high:g}]")
    return number


def identity_codes(identities: npt.ArrayLike, n: int) -> npt.NDArray[np.int64]:
    """Identities as codes 0 … G-1, in sorted order of the identities."""
    values = np.asarray(plain(identities))
    if values.shape != (n,):
        raise InputError(f"identities has shape {values.shape}; expected one per sample ({n})")
    missing = np.flatnonzero(pd.isna(values))
    if missing.size:
        raise InputError(
            f"identities row {missing[0]} is missing; leave that sample out or give it a name of "
            "its own"
        )
    if values.dtype == object and len({type(one) for one in values}) > 1:
        values = values.astype(str)  # of several kinds, which have no order
    return np.unique(values, return_inverse=True)[1].astype(np.int64)

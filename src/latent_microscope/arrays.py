"""Arrays and numbers that callers pass: of numpy, PyTorch and pandas, and lists."""

import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError


def as_numbers(values: Any, name: str, dtype: npt.DTypeLike | None = None) -> np.ndarray:
    """Values as an array, without a copy where none is needed.

    Tensors may need gradients, lie on another device or be of bfloat16; a data frame may have
    nullable columns. What a masked array hides is NaN.

    Raises:
        InputError: Texts, dates, complex numbers, ragged lists, sparse matrices: what is no array
            of numbers.
    """
    values = plain([plain(one) for one in values] if isinstance(values, list) else values)
    if getattr(values, "dtype", None) is not None and str(values.dtype) == "torch.bfloat16":
        values = values.float()
    elif hasattr(values, "to_numpy") and hasattr(values, "dtypes") and not hasattr(values, "cat"):
        values = _of_pandas(values, name)
    try:
        if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
            values = np.ma.filled(values.astype(np.float64), np.nan)
        array = np.asarray(values)
        if array.dtype == object and array.ndim:
            array = np.asarray(array.tolist())
            array = array.astype(np.float64) if array.dtype == object else array
        elif array.dtype.kind in "biuf":
            return array if dtype is None else array.astype(dtype, copy=False)
    except Exception as error:  # other libraries raise whatever they like
        raise _refused(values, name) from error
    if array.dtype.kind not in "biuf":
        raise _refused(values, name)
    return array if dtype is None else array.astype(dtype, copy=False)


def plain(values: Any) -> Any:
    """A tensor without its gradients, in the memory of this machine; all else as it is."""
    return values.detach().cpu() if hasattr(values, "detach") and hasattr(values, "cpu") else values


def whole_numbers(values: Any, name: str) -> np.ndarray:
    """An array of whole numbers as int64; of floats, those that are whole.

    Raises:
        InputError: Any other value, and what int64 does not hold.
    """
    array = as_numbers(values, name)
    if array.dtype.kind in "uf":
        odd = (array != np.rint(array)) | ~(np.abs(array.astype(np.float64)) < 2.0**63)
        if odd.any():
            raise InputError(f"{name} must be whole numbers, not {array[odd][0]}")
    return np.asarray(array.astype(np.int64))


def whole(value: Any, name: str, least: int | None = None) -> int:
    """``value`` as an int, also of a float such as 3.0.

    Raises:
        InputError: No whole number, or one below ``least``.
    """
    number: int | None
    try:
        number = operator.index(value)
    except TypeError:
        number = int(value) if isinstance(value, float | np.floating) and value % 1 == 0 else None
    if number is None or (least is not None and number < least):
        range_ = "" if least is None else f" of at least {least}"
        raise InputError(f"{name} {value!r} is not a whole number{range_}")
    return number


def _refused(values: Any, name: str) -> InputError:
    kind = type(values).__name__
    return InputError(
        f"{name} must be an array of numbers, all rows of one length, not such a {kind}"
    )


def _of_pandas(values: Any, name: str) -> np.ndarray:
    dtypes = values.dtypes
    columns = dtypes.items() if hasattr(dtypes, "items") else [(values.name, dtypes)]
    odd = [str(one) for one, dtype in columns if getattr(dtype, "kind", "O") not in "biuf"]
    if odd:
        raise InputError(f"{name}: the column {odd[0]!r} holds no numbers; drop it or encode it")
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))

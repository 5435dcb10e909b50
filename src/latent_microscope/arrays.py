"""Arrays that callers pass: of numpy, PyTorch and pandas, and lists."""

from typing import Any

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError


def as_numbers(values: Any, name: str, dtype: npt.DTypeLike | None = None) -> np.ndarray:
    """Values as an array, without a copy where none is needed.

    Tensors may need gradients, lie on another device or be of bfloat16; a data frame may have
    nullable columns.

    Raises:
        InputError: Texts, ragged lists, sparse matrices: what is no array of numbers.
    """
    if hasattr(values, "detach") and hasattr(values, "cpu"):
        values = values.detach().cpu()
        if str(values.dtype) == "torch.bfloat16":
            values = values.float()
    elif hasattr(values, "to_numpy") and hasattr(values, "dtypes"):
        values = _of_pandas(values, name)
    try:
        array = np.asarray(values, dtype=dtype)
    except Exception as error:  # other libraries raise whatever they like
        raise _refused(values, name) from error
    if array.dtype.kind not in "biuf":
        raise _refused(values, name)
    return array


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

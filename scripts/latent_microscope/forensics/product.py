"""Squared distances of all rows as one matrix product, and a bound of its rounding."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Squared norms beyond this would overflow in a float32 product.
_FLOAT32_LIMIT = 1e30


@dataclass(frozen=True)
class ProductForm:
    """Factors of the matrix of squared distances, with what rounding does to it.

    Attributes:
        left: (n, d + 2) factor.
        right: (d + 2, n) factor; ``left @ right`` are the squared distances.
        norms: Squared norms of the centred rows.
        error: Bound of the error of the squared distances of each row.
        shift: Rounding of one centred row, as a length.
    """

    left: npt.NDArray[np.floating]
    right: npt.NDArray[np.floating]
    norms: Floats
    error: Floats
    shift: float


def product_form(points: Floats, dtype: type[np.floating] = np.float64) -> ProductForm:
    """Centre the rows (an offset would cost digits) and set up the product.

    Args:
        points: (n, d) checked matrix.
        dtype: Precision of the product.

    Returns:
        A :class:`ProductForm`.
    """
    d = points.shape[1]
    centred = points - points.mean(axis=0)
    norms = np.einsum("ij,ij->i", centred, centred)
    ones = np.ones_like(norms)
    shift = 2.0 * np.finfo(np.float64).eps * float(np.abs(points).max()) * np.sqrt(d)
    top = norms.max()
    error = 4.0 * float(np.finfo(dtype).eps) * (d + 4) * (norms + top)
    error += 4.0 * shift * (np.sqrt(norms) + np.sqrt(top) + shift)
    left = np.column_stack([-2.0 * centred, norms, ones]).astype(dtype)
    right = np.column_stack([centred, ones, norms]).T.astype(dtype, order="C")
    return ProductForm(left, right, norms, error, shift)


def screened_forms(points: Floats) -> list[ProductForm]:
    """A float32 product to screen with, where it cannot overflow, then the float64 one."""
    wide = product_form(points)
    if wide.norms.max() > _FLOAT32_LIMIT:
        return [wide]
    return [product_form(points, np.float32), wide]

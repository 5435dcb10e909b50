"""Squared distances of rows as a matrix product, and a bound of its rounding."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Scalar = TypeVar("Scalar", bound=np.floating)
Rows = slice | npt.NDArray[np.int64]

# Squared norms beyond this would overflow in a float32 product.
_FLOAT32_LIMIT = 1e30


@dataclass(frozen=True)
class ProductForm:
    """The matrix of squared distances as a product, with what rounding does to it.

    Attributes:
        factor: (n, d + 2) rows of coordinates, 1 and squared norm; see :func:`squared_block`.
        norms: Squared norms of the centred rows.
        error: Bound of the error of the squared distances of each row.
        shift: Rounding of one centred row, as a length.
    """

    factor: npt.NDArray[np.floating]
    norms: Floats
    error: Floats
    shift: float


def squared_block(
    factor: npt.NDArray[Scalar], rows: Rows, cols: slice = slice(None)
) -> npt.NDArray[Scalar]:
    """Squared distances of some rows to others: (-2 z, |z|², 1) times (z, 1, |z|²)."""
    left = factor[rows].copy()
    left[:, :-2] *= -2.0
    left[:, -2:] = left[:, :-3:-1]
    product: npt.NDArray[Scalar] = np.matmul(left, factor[cols].T)
    return product


def product_form(points: Floats, dtype: type[np.floating] = np.float64) -> ProductForm:
    """Centre the rows (an offset would cost digits) and set up the product.

    Args:
        points: (n, d) checked matrix.
        dtype: Precision of the product.

    Returns:
        A :class:`ProductForm`.
    """
    n, d = points.shape
    centred = points - points.mean(axis=0)
    norms = np.einsum("ij,ij->i", centred, centred)
    largest = max(float(points.max()), -float(points.min()))
    shift = 2.0 * np.finfo(np.float64).eps * largest * np.sqrt(d)
    top = norms.max()
    error = 4.0 * float(np.finfo(dtype).eps) * (d + 4) * (norms + top)
    error += 4.0 * shift * (np.sqrt(norms) + np.sqrt(top) + shift)
    factor = np.empty((n, d + 2), dtype=dtype)
    factor[:, :d], factor[:, d], factor[:, d + 1] = centred, 1.0, norms
    return ProductForm(factor, norms, error, shift)


def screening_form(points: Floats) -> ProductForm | None:
    """A float32 product, or None where it would overflow."""
    centre = points.mean(axis=0)
    peak = float(np.maximum(points.max(axis=0) - centre, centre - points.min(axis=0)).max())
    if peak * peak * points.shape[1] > _FLOAT32_LIMIT:
        return None
    return product_form(points, np.float32)

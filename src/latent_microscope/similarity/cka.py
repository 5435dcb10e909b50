"""Linear centred kernel alignment of two sets of features."""

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError


def linear_cka(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Linear CKA: |Y'X|^2 / (|X'X| |Y'Y|) of column-centred features, Frobenius norms.

    The smaller of the two equivalent forms is computed: feature by feature products, or the
    n x n Gram matrices when there are fewer images than columns.

    Args:
        x: Features, shape (n, p), row i the same image as row i of ``y``.
        y: Features, shape (n, q).

    Returns:
        A number in [0, 1]; NaN if one of them is constant. This is the biased estimator: with few
        images and many columns it is high for unrelated features also.

    Raises:
        InputError: Different numbers of images, or a non-finite value.

    Source: Kornblith et al. 2019, equation 4 (HSIC with linear kernels).
    """
    pair = []
    for features in (x, y):
        array = np.array(features, dtype=np.float64)
        if array.ndim != 2 or not np.isfinite(array).all():
            raise InputError("CKA needs finite features of shape (images, columns).")
        # A common scale cancels; without it squares of squares may overflow.
        constant = np.ptp(array, axis=0).max(initial=0.0) == 0.0
        array -= array.mean(axis=0)
        largest = np.abs(array).max(initial=0.0)
        pair.append(np.zeros_like(array) if constant else array / largest)
    a, b = pair
    if a.shape[0] != b.shape[0]:
        raise InputError(
            f"CKA compares the same images, but there are {a.shape[0]} and {b.shape[0]} rows; "
            "join the features by id first."
        )
    if a.shape[0] < max(a.shape[1], b.shape[1]):
        ka, kb = a @ a.T, b @ b.T
        cross, self_a, self_b = np.vdot(ka, kb), np.linalg.norm(ka), np.linalg.norm(kb)
    else:
        cross = np.linalg.norm(b.T @ a) ** 2
        self_a, self_b = np.linalg.norm(a.T @ a), np.linalg.norm(b.T @ b)
    if self_a == 0.0 or self_b == 0.0:
        return float("nan")
    return float(np.clip(cross / (self_a * self_b), 0.0, 1.0))

"""The creative latent score: uniqueness and originality on one scale."""

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_vector, in_range


def minmax(
    values: npt.ArrayLike, bounds: tuple[float, float] | None = None
) -> npt.NDArray[np.float64]:
    """Values scaled to [0, 1] and clipped at fixed ``bounds``; a constant gives 0.5."""
    vector = as_vector(values, "values")
    low, high = (vector.min(), vector.max()) if bounds is None else bounds
    if bounds is not None and not low < high:
        raise InputError(f"bounds {bounds} must be a lower and a higher number")
    if low == high:
        return np.full(vector.shape, 0.5)
    return np.clip((vector - low) / (high - low), 0.0, 1.0)


def creative_latent_score(
    uniqueness: npt.ArrayLike,
    originality: npt.ArrayLike,
    alpha: float = 0.5,
    *,
    uniqueness_bounds: tuple[float, float] | None = None,
    originality_bounds: tuple[float, float] | None = None,
) -> npt.NDArray[np.float64]:
    """CLS = alpha·minmax(U) + (1 − alpha)·minmax(O).

    Args:
        uniqueness: n scores.
        originality: n scores.
        alpha: Weight of uniqueness, in [0, 1].
        uniqueness_bounds: Fixed ends of the scale of U.
        originality_bounds: Fixed ends of the scale of O.

    Returns:
        n scores in [0, 1], float64.

    Raises:
        InputError: If lengths differ, a value is not finite or ``alpha`` is out of range.
    """
    alpha = in_range(alpha, "alpha", 0.0, 1.0)
    u = as_vector(uniqueness, "uniqueness")
    o = as_vector(originality, "originality", len(u))
    return alpha * minmax(u, uniqueness_bounds) + (1.0 - alpha) * minmax(o, originality_bounds)

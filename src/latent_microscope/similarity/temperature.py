"""Probabilities from logits, and the temperature that fits them to votes; all in float64.

In a module of its own, since trainings that are tuned on votes depend on it and on no other measure
of behaviour.
"""

import numpy as np
import numpy.typing as npt
from scipy import special
from scipy.optimize import brentq

from latent_microscope.errors import InputError

Float64 = npt.NDArray[np.float64]

# Range of 1/temperature that is searched.
_SLOWEST, _FASTEST = 1e-3, 1e3


def log_softmax(logits: npt.ArrayLike, temperature: npt.ArrayLike = 1.0) -> Float64:
    """Logarithm of the softmax, float64, never clipped; NaN, +inf or rows of -inf are errors."""
    z = np.asarray(logits, dtype=np.float64)
    t = np.asarray(temperature, dtype=np.float64)
    if z.ndim != 2:
        raise InputError(f"Logits have the shape (images, classes), not {z.shape}.")
    if not (t > 0.0).all():
        raise InputError("A temperature must be positive.")
    bad = np.isnan(z).any(axis=1) | ~np.isfinite(z.max(axis=1))
    if bad.any():
        raise InputError(f"Row {int(np.argmax(bad))} of the logits is not finite; remove it.")
    return np.asarray(special.log_softmax(z / (t[:, None] if t.ndim else t), axis=1))


def softmax(logits: npt.ArrayLike, temperature: npt.ArrayLike = 1.0) -> Float64:
    """Probabilities, float64, shape (n, classes)."""
    return np.exp(log_softmax(logits, temperature))


def distribution(target: npt.ArrayLike, shape: tuple[int, ...]) -> Float64:
    """Vote distribution as float64, checked: rows sum to 1."""
    t = np.asarray(target, dtype=np.float64)
    if t.shape != shape:
        raise InputError(f"The vote distribution has shape {t.shape}, the predictions {shape}.")
    wrong = ~(np.abs(t.sum(axis=1) - 1.0) < 1e-6) | (t < 0.0).any(axis=1)
    if wrong.any():
        raise InputError(
            f"Row {int(np.argmax(wrong))} of the vote distribution does not sum to 1; "
            "divide the counts by their sum."
        )
    return t


def fit_temperature(logits: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Temperature, within 0.001 to 1000, that minimises the cross-entropy to the target.

    The loss is convex in 1/temperature; the root of its slope is bracketed and found.
    """
    z = np.asarray(logits, dtype=np.float64)
    z = z - z.max(axis=1, keepdims=True)
    t = distribution(target, z.shape)
    if not np.isfinite(z).all():
        raise InputError("A temperature is fitted on finite logits; smooth zero probabilities.")
    wanted = float(np.sum(t * z))

    def slope(log_beta: float) -> float:
        beta = float(np.exp(log_beta))
        return float(np.sum(softmax(beta * z) * z)) - wanted

    low, high = float(np.log(_SLOWEST)), float(np.log(_FASTEST))
    if slope(low) >= 0.0:
        return 1.0 / _SLOWEST
    if slope(high) <= 0.0:
        return 1.0 / _FASTEST
    return float(np.exp(-brentq(slope, low, high, xtol=1e-10)))


def cross_fitted_temperatures(
    logits: npt.ArrayLike, target: npt.ArrayLike, folds: npt.ArrayLike
) -> Float64:
    """One temperature per image, fitted on the images of the other folds (at least 2 folds)."""
    z, t, fold = np.asarray(logits), np.asarray(target), np.asarray(folds)
    names = np.unique(fold)
    if names.size < 2 or fold.shape != (z.shape[0],):
        raise InputError("Temperatures are fitted on other folds: give each of >= 2 folds images.")
    temperatures = np.empty(z.shape[0])
    for name in names:
        held_out = fold == name
        temperatures[held_out] = fit_temperature(z[~held_out], t[~held_out])
    return temperatures

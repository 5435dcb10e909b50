"""Measures by their formulas, with which tests compare the library."""

import numpy as np
from scipy.stats import rankdata


def rho_a(x: np.ndarray, y: np.ndarray) -> float:
    """Kendall's rho-a: the mean product of centred ranks, ties averaged."""
    a, b, n = rankdata(x), rankdata(y), len(x)
    return float(12 * (a - a.mean()) @ (b - b.mean()) / (n**3 - n))

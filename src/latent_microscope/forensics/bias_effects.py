"""Effect sizes of a 2×2 table beside its odds ratio, and influences of samples on them."""

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

Floats = npt.NDArray[np.float64]

_Z95 = float(ndtri(0.975))
# Cohen 1988, chapter 6: |h| of at least 0.2 is small, 0.5 medium, 0.8 large.
MAGNITUDES = ("negligible", "small", "medium", "large")
_LIMITS = (0.2, 0.5, 0.8)


def risk_difference(a: Floats, b: Floats, c: Floats, d: Floats) -> Floats:
    """Share of members with the attribute minus share of the rest; NaN where a side is empty."""
    with np.errstate(invalid="ignore"):
        return a / (a + b) - c / (c + d)


def newcombe_interval(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[Floats, Floats]:
    """95 % interval of the risk difference of independent samples.

    Newcombe's hybrid of two Wilson score intervals (Statistics in Medicine 1998, method 10): it
    stays in [-1, 1] and holds for small cells. NaN where a side is empty.
    """
    inside, low_in, high_in = _wilson(a, a + b)
    outside, low_out, high_out = _wilson(c, c + d)
    difference = inside - outside
    return (
        difference - np.hypot(inside - low_in, high_out - outside),
        difference + np.hypot(high_in - inside, outside - low_out),
    )


def _wilson(count: Floats, total: Floats) -> tuple[Floats, Floats, Floats]:
    """Share and its 95 % Wilson score interval."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = count / total
        middle = (count + _Z95**2 / 2.0) / (total + _Z95**2)
        half = _Z95 / (total + _Z95**2) * np.sqrt(total * share * (1.0 - share) + _Z95**2 / 4.0)
    return share, middle - half, middle + half


def cohens_h(a: Floats, b: Floats, c: Floats, d: Floats) -> Floats:
    """Cohen's h: difference of the shares' arcsines, 2 asin √p₁ - 2 asin √p₀, in [-π, π]."""
    with np.errstate(invalid="ignore"):
        return 2.0 * np.arcsin(np.sqrt(a / (a + b))) - 2.0 * np.arcsin(np.sqrt(c / (c + d)))


def magnitude(h: npt.ArrayLike) -> npt.NDArray[np.object_]:
    """Cohen's words for an effect: negligible, small, medium or large; undefined for NaN."""
    values = np.abs(np.asarray(h, dtype=np.float64))
    words = np.array([*MAGNITUDES, "undefined"], dtype=object)
    return words[
        np.where(np.isnan(values), len(MAGNITUDES), np.searchsorted(_LIMITS, values, side="right"))
    ]


def influence(
    present: npt.NDArray[np.bool_], members: npt.NDArray[np.bool_], effect: str
) -> Floats:
    """Influence of each sample on an effect, by the delete-none linearisation of its shares.

    Args:
        present: (n, m) attributes.
        members: n booleans, some but not all true.
        effect: ``odds`` (logarithm), ``ratio`` (logarithm) or ``difference`` (of risks).

    Returns:
        (n, m): summed over a person's samples and squared, they add up to the cluster-robust
        (sandwich) variance of the effect.
    """
    m = float(np.count_nonzero(members))
    rest = len(members) - m
    a = present[members].sum(axis=0, dtype=np.float64)
    c = present[~members].sum(axis=0, dtype=np.float64)
    inside, outside = (a + 0.5) / (m + 1.0), (c + 0.5) / (rest + 1.0)
    of_inside, of_outside = np.ones_like(inside), np.ones_like(outside)
    if effect == "odds":
        of_inside = 1.0 / (inside * (1.0 - inside))
        of_outside = 1.0 / (outside * (1.0 - outside))
    elif effect == "ratio":
        weight = m / len(members)
        whole = weight * inside + (1.0 - weight) * outside
        of_inside = 1.0 / inside - weight / whole
        of_outside = (1.0 - weight) / whole
    of_member = (present - inside) * (of_inside / m)
    of_other = (present - outside) * (-of_outside / rest)
    return np.where(members[:, None], of_member, of_other)

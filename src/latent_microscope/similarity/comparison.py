"""Comparison of two RDMs: one number, alone or with other RDMs held constant."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError
from latent_microscope.similarity.ranks import (
    Ranks,
    average_ranks,
    count_inversions,
    count_tied,
    covariation,
)
from latent_microscope.similarity.rdms import RDM, same_ids

METHODS = ("spearman", "pearson", "rho-a", "tau-a", "cosine")
RANK_METHODS = ("spearman", "rho-a", "tau-a")
_CHUNK = 1 << 20


@dataclass(frozen=True, eq=False)
class RankedRDM:
    """An RDM ranked once, to be compared many times by a rank method.

    Attributes:
        ranks: Average ranks of the (chosen) pairs.
        ids: Image ids, or None for a bare array.
        pairs: The pairs chosen, or None for all.
    """

    ranks: Ranks
    ids: np.ndarray | None
    pairs: np.ndarray | None = None


Comparable = RDM | RankedRDM | npt.ArrayLike


def _values(x: Comparable, pairs: np.ndarray | None) -> np.ndarray:
    """Condensed values of the chosen pairs."""
    if isinstance(x, RankedRDM):
        raise InputError("A ranked RDM has no values; give the RDM itself to pearson or cosine.")
    array = x.values if isinstance(x, RDM) else np.asarray(x)
    if array.ndim != 1:
        raise InputError(f"RDMs are compared as condensed 1-d arrays, not of shape {array.shape}.")
    return array if pairs is None else array[pairs]


def rank_rdm(x: Comparable, *, pairs: npt.ArrayLike | None = None) -> RankedRDM:
    """Rank an RDM once for several comparisons by spearman, rho-a, tau-a or partial Spearman.

    Args:
        x: RDM or condensed array; an RDM already ranked over the same pairs is returned as it is.
        pairs: Condensed positions or a boolean mask; ranks are taken among these only.

    Returns:
        The ranked RDM (4 bytes a pair).
    """
    chosen = None if pairs is None else np.asarray(pairs)
    if isinstance(x, RankedRDM):
        same = x.pairs is chosen or (
            x.pairs is not None and chosen is not None and np.array_equal(x.pairs, chosen)
        )
        if not same:
            raise InputError("This RDM was ranked over other pairs; rank it again over these.")
        return x
    ids = x.ids if isinstance(x, RDM) else None
    return RankedRDM(average_ranks(_values(x, chosen)), ids, chosen)


def _ids(x: Comparable) -> np.ndarray | None:
    return x.ids if isinstance(x, RDM | RankedRDM) else None


def require_same_images(items: Sequence[Comparable]) -> None:
    """Check that all RDMs that have ids have the same ones, in the same order.

    Raises:
        InputError: Naming the first id that differs.
    """
    known = [ids for ids in map(_ids, items) if ids is not None]
    for other in known[1:]:
        first = known[0]
        if same_ids(first, other):
            continue
        if first.size != other.size:
            raise InputError(
                f"The RDMs are over {first.size} and {other.size} images; select the shared ids "
                "of both (RDM.select) before comparing."
            )
        at = int(np.argmax(np.asarray(first != other)))
        raise InputError(
            f"The RDMs are over different ids (position {at}: {first[at]!s} and {other[at]!s}); "
            "bring both to the same ids in the same order (RDM.select) before comparing."
        )


def _require_same_length(a: npt.NDArray | Ranks, b: npt.NDArray | Ranks) -> None:
    if len(a) != len(b):
        raise InputError(f"The condensed RDMs have {len(a)} and {len(b)} pairs; they must match.")


def _ratio(numerator: float, denominator: float) -> float:
    """Quotient, NaN for a constant RDM; correlations are kept within [-1, 1]."""
    if denominator <= 0.0:
        return float("nan")
    return float(np.clip(numerator / denominator, -1.0, 1.0))


def _products(a: np.ndarray, b: np.ndarray, mean_a: float, mean_b: float) -> tuple[float, ...]:
    """Sums of (a-ma)(b-mb), (a-ma)^2, (b-mb)^2 in float64, chunk by chunk."""
    ab = aa = bb = 0.0
    for start in range(0, a.size, _CHUNK):
        x = a[start : start + _CHUNK].astype(np.float64) - mean_a
        y = b[start : start + _CHUNK].astype(np.float64) - mean_b
        ab += float(np.einsum("i,i->", x, y))
        aa += float(np.einsum("i,i->", x, x))
        bb += float(np.einsum("i,i->", y, y))
    if not np.isfinite([ab, aa, bb]).all():
        raise InputError("A dissimilarity is NaN or infinite; mend the RDM first.")
    return ab, aa, bb


def _mean(a: np.ndarray) -> float:
    total = sum(
        float(np.sum(a[start : start + _CHUNK], dtype=np.float64))
        for start in range(0, a.size, _CHUNK)
    )
    if not np.isfinite(total):
        raise InputError("A dissimilarity is NaN or infinite; mend the RDM first.")
    return total / a.size


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson correlation of two condensed arrays, float64 sums over chunks."""
    mean_a, mean_b = _mean(a), _mean(b)
    ab, aa, bb = _products(a, b, mean_a, mean_b)
    # What is left of a constant array is the rounding of its mean.
    if aa <= 1e-26 * a.size * mean_a**2 or bb <= 1e-26 * b.size * mean_b**2:
        return float("nan")
    return _ratio(ab, np.sqrt(aa) * np.sqrt(bb))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine similarity of two condensed arrays."""
    ab, aa, bb = _products(a, b, 0.0, 0.0)
    return _ratio(ab, np.sqrt(aa) * np.sqrt(bb))


def spearman(a: Ranks, b: Ranks) -> float:
    """Pearson correlation of average ranks."""
    return _ratio(covariation(a.doubled, b.doubled), np.sqrt(a.variation) * np.sqrt(b.variation))


def rho_a(a: Ranks, b: Ranks) -> float:
    """Expected Spearman correlation when ties are broken at random (Schuett et al. 2023)."""
    n = float(len(a))
    # Doubled ranks: four times the sum of products of ranks.
    return _ratio(3.0 * covariation(a.doubled, b.doubled), n**3 - n)


def tau_a(a: Ranks, b: Ranks) -> float:
    """Kendall's tau-a: (concordant - discordant) over all pairs of pairs, in O(N log N).

    Source: Knight 1966. Needs 16 bytes a pair beyond the ranks.
    """
    n = len(a)
    keys = a.doubled.astype(np.uint64)
    keys <<= np.uint64(32)
    keys |= b.doubled
    keys.sort()
    tied_both = int(count_tied(keys))
    second = (keys & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    del keys
    discordant = int(count_inversions(second, np.empty_like(second)))
    total = n * (n - 1) // 2
    score = total - a.tied_pairs - b.tied_pairs + tied_both - 2 * discordant
    return score / total if total else float("nan")


def compare(
    a: Comparable,
    b: Comparable,
    method: str = "spearman",
    *,
    pairs: npt.ArrayLike | None = None,
) -> float:
    """Similarity of two RDMs.

    Args:
        a: RDM, ranked RDM (:func:`rank_rdm`) or condensed array.
        b: The other one.
        method: ``spearman`` (average ranks, ties exact), ``pearson``, ``rho-a`` (Spearman under
            random breaking of ties), ``tau-a`` or ``cosine``.
        pairs: Only these pairs: condensed positions or a boolean mask (see
            ``similarity.pairs.pairs_within``); ranks are taken among them.

    Returns:
        The similarity; NaN where it is not defined (a constant RDM).

    Raises:
        InputError: Different ids or lengths, an unknown method, a NaN or an infinity.
    """
    if method not in METHODS:
        raise InputError(f"Method {method!r} is unknown; choose one of {', '.join(METHODS)}.")
    require_same_images([a, b])
    if method not in RANK_METHODS:
        chosen = None if pairs is None else np.asarray(pairs)
        x, y = _values(a, chosen), _values(b, chosen)
        _require_same_length(x, y)
        return pearson(x, y) if method == "pearson" else cosine(x, y)
    p, q = rank_rdm(a, pairs=pairs).ranks, rank_rdm(b, pairs=pairs).ranks
    _require_same_length(p, q)
    return {"spearman": spearman, "rho-a": rho_a, "tau-a": tau_a}[method](p, q)


def partial_correlation(gram: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Correlation of variables 0 and 1 with the others held constant.

    Args:
        gram: Centred sums of products, shape (..., k, k), k >= 2.

    Returns:
        Shape (...): NaN where 0 or 1 is constant or a linear function of the controls. Constant
        or collinear controls are harmless (pseudo-inverse).
    """
    gram = np.asarray(gram, dtype=np.float64)
    diagonal = np.einsum("...ii->...i", gram)
    scale = np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    r = gram / (scale[..., :, None] * scale[..., None, :])
    residual = r[..., :2, :2]
    if gram.shape[-1] > 2:
        inverse = np.linalg.pinv(r[..., 2:, 2:], rcond=1e-10, hermitian=True)
        residual = residual - r[..., :2, 2:] @ inverse @ r[..., 2:, :2]
    variance = residual[..., 0, 0] * residual[..., 1, 1]
    alive = (residual[..., 0, 0] > 1e-10) & (residual[..., 1, 1] > 1e-10)
    value = residual[..., 0, 1] / np.sqrt(np.where(alive, variance, 1.0))
    return np.where(alive, np.clip(value, -1.0, 1.0), np.nan)


def rank_gram(items: Sequence[Ranks]) -> npt.NDArray[np.float64]:
    """Centred sums of products of doubled ranks, shape (k, k)."""
    k = len(items)
    gram = np.empty((k, k))
    for i in range(k):
        _require_same_length(items[0], items[i])
        gram[i, i] = items[i].variation
        for j in range(i):
            gram[i, j] = gram[j, i] = covariation(items[i].doubled, items[j].doubled)
    return gram


def partial_compare(
    a: Comparable,
    b: Comparable,
    controls: Comparable | Sequence[Comparable],
    *,
    pairs: npt.ArrayLike | None = None,
) -> float:
    """Partial Spearman correlation of two RDMs with other RDMs held constant.

    The Pearson partial correlation of average ranks.

    Args:
        a: RDM, ranked RDM or condensed array.
        b: The other one.
        controls: One RDM, or a list or tuple of them (the label RDM above all).
        pairs: Only these pairs, as in :func:`compare`.

    Returns:
        The partial correlation; NaN if ``a`` or ``b`` is a linear function of the controls' ranks.

    Raises:
        InputError: As in :func:`compare`.
    """
    held = controls if isinstance(controls, list | tuple) else [controls]
    items = cast("list[Comparable]", [a, b, *held])
    require_same_images(items)
    ranks = [rank_rdm(item, pairs=pairs).ranks for item in items]
    return float(partial_correlation(rank_gram(ranks)))

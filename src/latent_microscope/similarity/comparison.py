"""Comparison of two RDMs: one number, alone or with other RDMs held constant; and linear CKA."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import cast

import numpy as np
import numpy.typing as npt

from latent_microscope.arrays import as_numbers, plain
from latent_microscope.errors import InputError
from latent_microscope.io.pages import release
from latent_microscope.similarity.ranks import (
    NOT_FINITE,
    Ranks,
    average_ranks,
    count_inversions,
    count_tied,
    covariation,
)
from latent_microscope.similarity.rdms import RDM, Distances, chosen_pairs

METHODS = ("spearman", "pearson", "rho-a", "tau-a", "cosine")
RANK_METHODS = ("spearman", "rho-a", "tau-a")
_CHUNK = 1 << 20
_BLOCK_BYTES = 1 << 26  # of rows of features
_MOST_PRODUCTS = 1 << 26  # of columns of two sets of features
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RankedRDM:
    """An RDM ranked once, to be compared many times by a rank method."""

    ranks: Ranks  # of the chosen pairs
    ids: np.ndarray | None  # None for a bare array
    pairs: np.ndarray | None = None  # the chosen pairs; None for all


Comparable = RDM | RankedRDM | npt.ArrayLike


def _values(x: Comparable, pairs: np.ndarray | None) -> np.ndarray:
    """Condensed values of the chosen pairs."""
    if isinstance(x, RankedRDM):
        raise InputError("A ranked RDM has no values; pass the RDM itself for pearson or cosine.")
    array = x.values if isinstance(x, RDM) else as_numbers(x, "RDM")
    if array.ndim != 1 or not array.size:
        raise InputError(f"RDMs are compared as condensed 1-d arrays, not of shape {array.shape}.")
    chosen = chosen_pairs(pairs, array.size)
    return array if chosen is None else array[chosen]


def as_list(controls: Comparable | Sequence[Comparable] | None) -> list[Comparable]:
    """The RDMs to hold constant, of one RDM or several."""
    if isinstance(controls, list | tuple):
        return list(controls)
    return [] if controls is None else [cast(Comparable, controls)]


def rank_rdm(x: Comparable, *, pairs: npt.ArrayLike | None = None) -> RankedRDM:
    """Rank an RDM (4 bytes per pair), among some pairs only if given (positions or a mask).

    An RDM already ranked over the same pairs is returned as it is.
    """
    chosen = None if pairs is None else np.asarray(plain(pairs))
    if isinstance(x, RankedRDM):
        if x.pairs is not chosen and (
            x.pairs is None or chosen is None or not np.array_equal(x.pairs, chosen)
        ):
            raise InputError("This RDM was ranked over other pairs; rank it again over these.")
        return x
    ids = x.ids if isinstance(x, RDM) else None
    return RankedRDM(average_ranks(_values(x, chosen)), ids, chosen)


def _ranks(items: Sequence[Comparable], pairs: npt.ArrayLike | None) -> list[Ranks]:
    """Ranks of several RDMs, two at a time: half the time, and the same numbers."""
    if all(isinstance(one, RankedRDM) for one in items):
        return [rank_rdm(one, pairs=pairs).ranks for one in items]
    with ThreadPoolExecutor(2) as pool:
        return [one.ranks for one in pool.map(partial(rank_rdm, pairs=pairs), items)]


def require_same_images(items: Sequence[Comparable | Distances]) -> None:
    """Check that all RDMs that have ids have the same ones, in the same order."""
    named = [x.ids for x in items if isinstance(x, RDM | Distances | RankedRDM)]
    known = [ids for ids in named if ids is not None]
    for other in known[1:]:
        first = known[0]
        if first is other or (first.shape == other.shape and bool(np.all(first == other))):
            continue
        if first.size != other.size:
            raise InputError(
                f"The RDMs are over {first.size} and {other.size} images; select the shared ids "
                "of both (RDM.select) before comparing."
            )
        at = int(np.argmax(np.asarray(first != other)))
        one, two = first[at].item(), other[at].item()
        raise InputError(
            f"The RDMs are over different ids (position {at}: {one!r} and {two!r}); "
            "select the same ids in the same order (RDM.select) before comparing."
        )


def _require_same_length(a: npt.NDArray | Ranks, b: npt.NDArray | Ranks) -> None:
    if len(a) != len(b):
        raise InputError(f"The condensed RDMs have {len(a)} and {len(b)} pairs; they must match.")


def ratio(numerator: float, denominator: float) -> float:
    """Quotient within [-1, 1]; NaN for a constant RDM."""
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
        raise InputError(NOT_FINITE)
    return ab, aa, bb


def _mean(a: np.ndarray) -> float:
    starts = range(0, a.size, _CHUNK)
    total = sum(float(np.sum(a[i : i + _CHUNK], dtype=np.float64)) for i in starts)
    if not np.isfinite(total):
        raise InputError(NOT_FINITE)
    return total / a.size


def _scaled(a: np.ndarray) -> np.ndarray:
    """Values whose squares float64 holds: times a power of 2 if need be."""
    if a.dtype == np.float32:
        return a
    values = a.astype(np.float64, copy=False)
    largest = max(float(values.max()), -float(values.min()))
    if not np.isfinite(largest) or largest == 0.0 or 1e-100 <= largest <= 1e100:
        return values
    return np.asarray(np.ldexp(values, -int(np.frexp(largest)[1])))


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson correlation of two condensed arrays, float64 sums over chunks."""
    a, b = _scaled(a), _scaled(b)
    mean_a, mean_b = _mean(a), _mean(b)
    ab, aa, bb = _products(a, b, mean_a, mean_b)
    # What is left of a constant array is the rounding of its mean.
    if aa <= 1e-26 * a.size * mean_a**2 or bb <= 1e-26 * b.size * mean_b**2:
        return float("nan")
    return ratio(ab, np.sqrt(aa) * np.sqrt(bb))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine similarity of two condensed arrays."""
    a, b = _scaled(a), _scaled(b)
    ab, aa, bb = _products(a, b, 0.0, 0.0)
    return ratio(ab, np.sqrt(aa) * np.sqrt(bb))


def spearman(a: Ranks, b: Ranks) -> float:
    """Pearson correlation of average ranks."""
    return ratio(covariation(a.doubled, b.doubled), np.sqrt(a.variation) * np.sqrt(b.variation))


def rho_a(a: Ranks, b: Ranks) -> float:
    """Expected Spearman correlation if ties are broken at random (Schuett et al. 2023)."""
    n = float(len(a))
    # Doubled ranks: four times the sum of products of ranks.
    return ratio(3.0 * covariation(a.doubled, b.doubled), n**3 - n)


def tau_a(a: Ranks, b: Ranks) -> float:
    """Kendall's tau-a: (concordant - discordant) over all pairs of pairs, in O(N log N).

    Source: Knight 1966. Needs 16 bytes per pair beyond the ranks.
    """
    n = len(a)
    if a.doubled.dtype != np.uint32:
        raise InputError(
            f"tau-a of {n:,} pairs: fewer than 2^31 can be compared; choose rho-a, or the RDMs of "
            "fewer images (RDM.select)."
        )
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
            ``similarity.rdms.pairs_within``); ranks are taken among them.

    Returns:
        The similarity; NaN where it is not defined: ``spearman`` and ``pearson`` of a constant RDM
        (``rho-a`` and ``tau-a`` are 0), ``cosine`` of zeros, all but ``cosine`` of one pair.

    Raises:
        InputError: Different ids or lengths, an unknown method, a NaN or an infinity; tau-a of 2^31
            pairs or more.
    """
    if method not in METHODS:
        raise InputError(f"Method {method!r} is unknown; choose one of {', '.join(METHODS)}.")
    require_same_images([a, b])
    if method not in RANK_METHODS:
        chosen = None if pairs is None else np.asarray(plain(pairs))
        x, y = _values(a, chosen), _values(b, chosen)
        _require_same_length(x, y)
        return pearson(x, y) if method == "pearson" else cosine(x, y)
    p, q = _ranks([a, b], pairs)
    _require_same_length(p, q)
    return {"spearman": spearman, "rho-a": rho_a, "tau-a": tau_a}[method](p, q)


def correlations(gram: Float64) -> tuple[Float64, Float64]:
    """Correlations from sums of products (..., k, k), and the diagonal of these (..., k)."""
    diagonal = np.einsum("...ii->...i", gram)
    scale = np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    return gram / (scale[..., :, None] * scale[..., None, :]), diagonal


def partial_correlation(gram: Float64, least: float = 1e-10) -> Float64:
    """Correlation of variables 0 and 1 with the others held constant, shape (...).

    From centred sums of products (..., k, k), k >= 2. NaN where 0 or 1 is constant or a linear
    function of the controls (they leave at most ``least`` of its variance); constant or collinear
    controls are harmless (pseudo-inverse).
    """
    r, _ = correlations(np.asarray(gram, dtype=np.float64))
    residual = r[..., :2, :2]
    if gram.shape[-1] > 2:
        inverse = np.linalg.pinv(r[..., 2:, 2:], rcond=1e-10, hermitian=True)
        residual = residual - r[..., :2, 2:] @ inverse @ r[..., 2:, :2]
    variance = residual[..., 0, 0] * residual[..., 1, 1]
    alive = (residual[..., 0, 0] > least) & (residual[..., 1, 1] > least)
    value = residual[..., 0, 1] / np.sqrt(np.where(alive, variance, 1.0))
    return np.where(alive, np.clip(value, -1.0, 1.0), np.nan)


def rank_gram(items: Sequence[Ranks]) -> Float64:
    """Centred sums of products of doubled ranks, shape (k, k)."""
    for item in items[1:]:
        _require_same_length(items[0], item)
    gram = np.diag([item.variation for item in items])
    for i, j in combinations(range(len(items)), 2):
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
    items = [a, b, *as_list(controls)]
    require_same_images(items)
    return float(partial_correlation(rank_gram(_ranks(items, pairs))))


def linear_cka(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Linear CKA: |Y'X|^2 / (|X'X| |Y'Y|) of column-centred features, Frobenius norms.

    The features are read in blocks and not copied, see :func:`gram_products`.

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
    pair = [as_numbers(features, "features") for features in (x, y)]
    for array in pair:
        two = array.ndim == 2 and len(array) > 0
        if not two or not all(np.isfinite(array[rows]).all() for rows in _blocks(array)):
            raise InputError("CKA needs finite features of shape (images, columns).")
    a, b = pair
    if len(a) != len(b):
        raise InputError(
            f"CKA compares the same images, but there are {len(a)} and {len(b)} rows; "
            "join the features by id first."
        )
    cross, self_a, self_b = (float(gram_products(*both).sum()) for both in ((a, b), (a, a), (b, b)))
    if self_a <= 0.0 or self_b <= 0.0:
        return float("nan")
    return float(np.clip(cross / (np.sqrt(self_a) * np.sqrt(self_b)), 0.0, 1.0))


def gram_products(x: npt.NDArray, y: npt.NDArray) -> Float64:
    """For each image the sum of (x_i x_j) (y_i y_j) over all j, features centred, (n,).

    Each set of features is divided by its largest absolute value, so that squares of squares do not
    overflow; zeros if it is constant. From the products of the columns, or, where these are more
    work or more than 512 MB, of the images. Memory: beside these, some blocks of 64 MB.
    """
    n, p, q = len(x), x.shape[1], y.shape[1]
    a, b = _centred(x), _centred(y)
    found, wider = np.zeros(n), x if p > q else y
    if p * q <= _MOST_PRODUCTS and 4 * p * q <= n * (p + q):
        blocks = _blocks(wider)
        cross = sum(a(rows).T @ b(rows) for rows in blocks)
        for rows in blocks:
            found[rows] = np.einsum("ij,ij->i", a(rows) @ cross, b(rows))
        return found
    blocks = _blocks(wider, 2048)
    for place, rows in enumerate(blocks):
        left = a(rows), b(rows)
        for others in blocks[place:]:
            right = left if rows == others else (a(others), b(others))
            products = (left[0] @ right[0].T) * (left[1] @ right[1].T)
            found[rows] += products.sum(axis=1)
            if rows != others:
                found[others] += products.sum(axis=0)
    return found


def _blocks(features: npt.NDArray, most: int = 1 << 16) -> list[slice]:
    """Rows of 64 MB in float64."""
    size = min(most, max(1, _BLOCK_BYTES // (8 * max(1, features.shape[1]))))
    return [slice(low, low + size) for low in range(0, len(features), size)]


def _centred(features: npt.NDArray) -> Callable[[slice], Float64]:
    """Rows without the mean of the columns, over the largest absolute value; zeros if constant."""
    found, n = [], len(features)
    for some in _blocks(features):
        part = features[some]
        found.append((part.sum(axis=0, dtype=np.float64), part.min(axis=0), part.max(axis=0)))
        release(features)
    sums, low, high = zip(*found, strict=True)
    mean, low, high = np.sum(sums, axis=0) / n, np.min(low, axis=0), np.max(high, axis=0)
    largest = float(np.maximum(high - mean, mean - low).max(initial=0.0))
    scale = largest if (low != high).any() else np.inf

    def rows(some: slice) -> Float64:
        found = np.asarray((features[some] - mean) / scale)
        release(features)
        return found

    return rows

"""How much each image moves a score: the bootstrap of large studies as one matrix product.

A rank correlation of two RDMs is a functional of the joint distribution of pairs of distances, and
so are its ranks. To first order a change of that distribution moves it by the mean of

    psi(x, y) = F(x) G(y) + E[G(Y) (X > x)] + E[F(X) (Y > y)]

(mid-ranks F and G; half for ties): the second and third term are the change of the ranks. An
image's influence is the sum of psi over its pairs, and a bootstrap sample with multiplicities w
scores ``value + (w - 1) @ influence``. The error is of the order 1/n (compared with ranking every
sample again by :func:`latent_microscope.tables.intervals.exact_differences`).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from latent_microscope.seeds import rng
from latent_microscope.similarity.ranks import Binned
from latent_microscope.similarity.resampling import image_weights

Float64 = npt.NDArray[np.float64]
Draws = dict[Hashable, Float64]
_SIGNS = 256
_DRAWS = 1000  # samples at a time


@dataclass(frozen=True, eq=False)
class Selection:
    """Pairs that are included, row by row."""

    starts: npt.NDArray[np.int64]  # position of the first included pair of each row; n + 1 numbers
    columns: npt.NDArray[np.int32]  # column of each pair; empty if all pairs are included

    @property
    def n(self) -> int:
        """Number of images."""
        return self.starts.size - 1


@dataclass(frozen=True, eq=False)
class Influence:
    """A number and what each image adds to it."""

    value: float  # over all images once
    images: Float64  # change per additional copy of each image; sums to 0


def selection(n: int, pairs: npt.NDArray[np.int64] | None = None) -> Selection:
    """The pairs at the given condensed positions (ascending), or all of ``n`` images."""
    counts = np.arange(n - 1, -1, -1, dtype=np.int64)
    first = np.concatenate([[0], np.cumsum(counts)])
    if pairs is None:
        return Selection(first, np.empty(0, np.int32))
    starts = np.searchsorted(pairs, first)
    rows = np.repeat(np.arange(n), np.diff(starts))
    columns = pairs - first[rows] + rows + 1
    return Selection(starts.astype(np.int64), columns.astype(np.int32))


@numba.njit(cache=True, nogil=True)
def _conditional(x, y, fx, fy):  # type: ignore[no-untyped-def]
    """Sum of fy(y) by bin of x, of fx(x) by bin of y, and of their product."""
    by_x = np.zeros(fx.size, np.float64)
    by_y = np.zeros(fy.size, np.float64)
    for t in range(x.size):
        by_x[x[t]] += fy[y[t]]
        by_y[y[t]] += fx[x[t]]
    total = 0.0
    for b in range(fx.size):
        total += by_x[b] * fx[b]
    return by_x, by_y, total


@numba.njit(cache=True, nogil=True)
def _rank_sums(x, y, fx, fy, gx, gy, starts, columns):  # type: ignore[no-untyped-def]
    """Sum of fx fy + gx + gy over the pairs of each image."""
    n = starts.size - 1
    sums = np.zeros(n, np.float64)
    for i in range(n):
        own = 0.0
        begin = starts[i]
        for t in range(begin, starts[i + 1]):
            a = x[t]
            b = y[t]
            value = np.float64(fx[a] * fy[b] + gx[a] + gy[b])
            own += value
            sums[columns[t] if columns.size else i + 1 + t - begin] += value
        sums[i] += own
    return sums


@numba.njit(cache=True, nogil=True)
def _table_sums(x, y, cx, cy, table, starts, columns):  # type: ignore[no-untyped-def]
    """Sum of table[cx[x], cy[y]] over the pairs of each image."""
    n = starts.size - 1
    sums = np.zeros(n, np.float64)
    for i in range(n):
        own = 0.0
        begin = starts[i]
        for t in range(begin, starts[i + 1]):
            value = np.float64(table[cx[x[t]], cy[y[t]]])
            own += value
            sums[columns[t] if columns.size else i + 1 + t - begin] += value
        sums[i] += own
    return sums


@numba.njit(cache=True, nogil=True)
def _joint(x, y, cx, cy, size):  # type: ignore[no-untyped-def]
    counts = np.zeros((size, size), np.int64)
    for t in range(x.size):
        counts[cx[x[t]], cy[y[t]]] += 1
    return counts


@numba.njit(cache=True, nogil=True)
def _product_sums(x, y, n):  # type: ignore[no-untyped-def]
    """Sum of xy over the pairs of each image, all pairs taking part."""
    sums = np.zeros(n, np.float64)
    t = 0
    for i in range(n):
        own = 0.0
        for j in range(i + 1, n):
            value = np.float64(x[t]) * np.float64(y[t])
            own += value
            sums[j] += value
            t += 1
        sums[i] += own
    return sums


def centred(sums: Float64, chosen: Selection, number: int) -> Float64:
    """Influence of each image on a mean over pairs, from sums over its pairs."""
    own = np.diff(chosen.starts).astype(np.float64)
    if chosen.columns.size:
        own += np.bincount(chosen.columns, minlength=chosen.n)
    else:
        own = np.full(chosen.n, chosen.n - 1.0)
    mean = 0.5 * sums.sum() / number
    return (sums - mean * own) / number


def rank_covariance(x: Binned, y: Binned, chosen: Selection) -> Influence:
    """Covariance of the mid-ranks of two variables over the chosen pairs; 12 times it is rho-a."""
    number = x.bins.size
    by_x, by_y, total = _conditional(x.bins, y.bins, x.midranks, y.midranks)
    gx, gy = (
        # Mean over all pairs of what is in higher bins, and half of the same bin.
        ((part.sum() - np.cumsum(part) + 0.5 * part) / number).astype(np.float32)
        for part in (by_x, by_y)
    )
    sums = _rank_sums(x.bins, y.bins, x.midranks, y.midranks, gx, gy, chosen.starts, chosen.columns)
    return Influence(total / number - 0.25, centred(sums, chosen, number))


def sign_concordance(x: Binned, y: Binned, chosen: Selection) -> Influence:
    """Kendall's tau-a of two variables, from 256 bins of rank."""
    number = x.bins.size
    cx, cy = (np.minimum(part.midranks * _SIGNS, _SIGNS - 1).astype(np.uint16) for part in (x, y))
    joint = _joint(x.bins, y.bins, cx, cy, _SIGNS) / number
    # Sum of sign(x - x') sign(y - y') over all cells x', y'.
    table = _signs(_signs(joint).T).T
    twice = (2.0 * table).astype(np.float32)
    sums = _table_sums(x.bins, y.bins, cx, cy, twice, chosen.starts, chosen.columns)
    return Influence(float(np.sum(joint * table)), centred(sums, chosen, number))


def _signs(joint: Float64) -> Float64:
    """Mass in lower rows minus mass in higher rows."""
    below = np.cumsum(joint, axis=0) - joint
    return 2.0 * below + joint - joint.sum(axis=0)


def product_mean(x: npt.NDArray, y: npt.NDArray, n: int) -> Influence:
    """Mean product of two condensed RDMs of n images (for the cosine)."""
    sums = _product_sums(x, y, n)
    return Influence(0.5 * float(sums.sum()) / x.size, centred(sums, selection(n), x.size))


def cross_covariances(x: npt.NDArray, others: Sequence[npt.NDArray]) -> list[Influence]:
    """Squared Frobenius norms of the cross-covariances of features with others (for linear CKA)."""
    a = np.asarray(x, dtype=np.float64) - np.mean(x, axis=0)
    found = []
    for other in others:
        b = np.asarray(other, dtype=np.float64) - np.mean(other, axis=0)
        cross = a.T @ b / len(a)
        value = float(np.sum(cross * cross))
        each = np.einsum("ij,ij->i", a @ cross, b)
        found.append(Influence(value, 2.0 * (each - value) / len(a)))
    return found


def rank_covariance_of_images(x: npt.ArrayLike, y: npt.ArrayLike) -> Influence:
    """Covariance of the mid-ranks of two variables over images (for a Spearman correlation)."""
    n = np.asarray(x).size
    shares, codes = [], []
    for part in (x, y):
        _, code, count = np.unique(np.asarray(part), return_inverse=True, return_counts=True)
        shares.append((np.cumsum(count) - 0.5 * count) / n)
        codes.append(code)
    f, g = shares[0][codes[0]], shares[1][codes[1]]
    psi = f * g
    for code, other in ((codes[0], g), (codes[1], f)):
        part = np.bincount(code, weights=other)
        psi = psi + ((part.sum() - np.cumsum(part) + 0.5 * part) / n)[code]
    return Influence(float(np.mean(f * g)) - 0.25, (psi - psi.mean()) / n)


def linear_draws(numbers: Mapping[Hashable, Influence], n: int, n_draws: int, seed: int) -> Draws:
    """Each number in each bootstrap sample of n images, (n_draws,), the same samples for all."""
    influence = np.stack([one.images for one in numbers.values()], axis=1)
    weights = image_weights(n, n_draws, rng(seed, "bootstrap_images"))
    moved = np.concatenate(
        [(part - 1.0) @ influence for part in np.array_split(weights, -(-n_draws // _DRAWS))]
    )
    return {name: one.value + moved[:, place] for place, (name, one) in enumerate(numbers.items())}

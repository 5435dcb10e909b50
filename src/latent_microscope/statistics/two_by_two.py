"""Tests and intervals of 2×2 tables: conditional for the odds ratio, score for the ratio.

Tables are four arrays of one shape: members with and without an attribute, the rest with and
without. Counts need not be whole: counts of clustered samples are divided by a design effect (Rao
and Scott 1992) and the normal law is replaced by Student's t with ``freedom``.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, logsumexp, ndtr, ndtri_exp, stdtr, stdtrit

Floats = npt.NDArray[np.float64]
Table = tuple[Floats, Floats, Floats, Floats]
Part = Callable[[Floats, Floats, Floats], Floats]  # cells (4, n), sign and freedom (n,)

_CHUNK = 512
_STEPS = 42
_FAR = 40.0  # a log odds ratio beyond it is infinite
# Order of the cells that puts the smallest first; the odds ratio is inverted for the middle two.
_ORDERS = np.array([[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]])


def quantile(freedom: npt.ArrayLike) -> Floats:
    """The 97.5 % quantile of Student's t; of the normal law where ``freedom`` is infinite."""
    return np.asarray(stdtrit(np.asarray(freedom, dtype=np.float64), 0.975))


def conditional_p(table: Table, freedom: npt.ArrayLike = np.inf) -> Floats:
    """Two-sided p of independence: twice the smaller mid-p tail of the hypergeometric law.

    Close to its nominal size also for small cells (Fisher's exact p is not).

    Source: Lancaster 1961; Hirji, Tan and Elashoff 1991.
    """

    def part(cells: Floats, sign: Floats, freedom: Floats) -> Floats:
        a, b, c, d = cells
        expected = (a + b) * (a + c) / (a + b + c + d)
        total = logsumexp(_mass(cells, expected)[1], axis=1)
        k, mass = _mass(cells, a)
        below = _below(k, a)
        with np.errstate(divide="ignore"):
            tails = [logsumexp(mass, axis=1, b=share) - total for share in (below, 1.0 - below)]
        tail = np.minimum(np.minimum(*tails), np.log(0.5))
        return np.where(
            np.isinf(freedom), 2.0 * np.exp(tail), 2.0 * stdtr(freedom, ndtri_exp(tail))
        )[None]

    return _in_parts(part, table, freedom)[0]


def conditional_interval(table: Table, freedom: npt.ArrayLike = np.inf) -> tuple[Floats, Floats]:
    """95 % interval of the log odds ratio: the values that :func:`conditional_p` does not reject.

    Open (infinite) on the side of an empty cell.

    Source: Cornfield 1956 with mid-p tails; Fagerland, Lydersen and Laake 2015.
    """

    def part(cells: Floats, sign: Floats, freedom: Floats) -> Floats:
        a = cells[0]
        k, mass = _mass(cells, a)
        above = 1.0 - _below(k, a)
        tail = ndtr(-np.where(np.isinf(freedom), quantile(np.inf), quantile(freedom)))
        steps = k - a[:, None]
        ends = np.empty((2, len(a)))
        for end, target in zip(ends, (tail, 1.0 - tail), strict=True):
            low, high = np.full(len(a), -_FAR), np.full(len(a), _FAR)
            for _ in range(_STEPS):
                middle = (low + high) / 2.0
                weight = mass + middle[:, None] * steps
                weight = np.exp(weight - weight.max(axis=1, keepdims=True))
                over = (weight * above).sum(axis=1) > target * weight.sum(axis=1)
                low, high = np.where(over, low, middle), np.where(over, middle, high)
            end[:] = low
        ends[np.abs(ends) > _FAR - 1.0] *= np.inf
        return np.where(sign > 0.0, ends, -ends[::-1])

    low, high = _in_parts(part, table, freedom)
    return low, high


def ratio_interval(table: Table, freedom: npt.ArrayLike = np.inf) -> tuple[Floats, Floats]:
    """95 % score interval of the log ratio of both sides' shares; infinite at an empty cell.

    Source: Miettinen and Nurminen 1985.
    """
    a, b, c, d = table
    m, rest = a + b, c + d
    n = m + rest
    z = quantile(freedom)
    ends = []
    for side in (1.0, -1.0):
        low, high = np.full(a.shape, -_FAR), np.full(a.shape, _FAR)
        for _ in range(_STEPS):
            middle = (low + high) / 2.0
            ratio = np.exp(middle)
            # Maximum likelihood under this ratio, the smaller root of a quadratic equation.
            half = (m * ratio + a + rest + c * ratio) / 2.0
            root = np.sqrt(np.maximum(half**2 - n * ratio * (a + c), 0.0))
            outside = (a + c) / (half + root)
            inside = np.minimum(ratio * outside, 1.0)
            variance = inside * (1.0 - inside) / m + ratio**2 * outside * (1.0 - outside) / rest
            score = a / m - ratio * c / rest
            over = score > side * z * np.sqrt(variance * n / np.maximum(n - 1.0, 0.5))
            low, high = np.where(over, middle, low), np.where(over, high, middle)
        ends.append(np.where(np.abs(low) > _FAR - 1.0, low * np.inf, low))
    return ends[0], ends[1]


def _in_parts(part: Part, table: Table, freedom: npt.ArrayLike) -> Floats:
    """Results (rows, *shape) of a function of oriented tables, in chunks."""
    shape = np.shape(table[0])
    if 0 in shape:
        return np.empty((2, *shape))
    cells = np.stack([np.ravel(cell) for cell in table]).astype(np.float64)
    freedoms = np.broadcast_to(np.asarray(freedom, dtype=np.float64), shape).ravel()
    smallest = cells.argmin(axis=0)
    cells = np.take_along_axis(cells, _ORDERS[smallest].T, axis=0)
    sign = np.where((smallest == 0) | (smallest == 3), 1.0, -1.0)
    parts = [
        part(cells[:, i : i + _CHUNK], sign[i : i + _CHUNK], freedoms[i : i + _CHUNK])
        for i in range(0, cells.shape[1], _CHUNK)
    ]
    found = np.concatenate(parts, axis=1)
    return np.asarray(found.reshape((len(found), *shape)))


def _mass(cells: Floats, centre: Floats) -> tuple[Floats, Floats]:
    """Values of the smallest cell near ``centre`` and their log mass but for a constant.

    The law's standard deviation is at most the root of its mean, so ten of them hold all of it.
    """
    a, b, c, d = (cell[:, None] for cell in cells)
    half = 10.0 * np.sqrt(centre + 1.0) + 20.0
    last = np.floor(np.minimum(cells[0] + np.minimum(cells[1], cells[2]), centre + half) + 1e-9)
    first = np.minimum(np.maximum(np.floor(centre - half), 0.0), last)
    k = first[:, None] + np.arange(int((last - first).max()) + 1)
    inside = k <= last[:, None]
    k = np.minimum(k, last[:, None])
    others = (np.maximum(x, 0.0) for x in (a + b - k, a + c - k, d - a + k))
    mass = -gammaln(k + 1.0) - sum(gammaln(x + 1.0) for x in others)
    return k, np.where(inside, mass, -np.inf)


def _below(k: Floats, a: Floats) -> Floats:
    """Share of each value's mass that counts as below ``a``: half of it where they are equal."""
    return np.clip(0.5 + (a[:, None] - k) / 2.0, 0.0, 1.0)

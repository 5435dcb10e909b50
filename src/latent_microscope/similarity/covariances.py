"""Influences of images on the covariances of every two of many RDMs, tile by tile.

To first order a number over pairs of images moves by the mean of ``psi`` over the pairs of an added
image (see :mod:`~latent_microscope.similarity.influence`). For ranks psi is F(x) G(y), of mid-ranks
less 1/2, plus a function of the bin of x and one of the bin of y. Pass one (in
:mod:`~latent_microscope.similarity.bins`) counts the bins, pass two finds these functions, pass
three sums psi over the pairs of each image: products of matrices, and rows of tables.
"""

from collections.abc import Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import numpy.typing as npt

from latent_microscope.similarity.bins import SIGNS, Variable, add_joint, sign_table
from latent_microscope.similarity.frames import BITS, WHOLE, Frame
from latent_microscope.similarity.influence import Influence
from latent_microscope.similarity.rdms import Ints

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Numbers = dict[Hashable, Influence]
BINS = 2048  # whose tables stay in the cache
_TERMS = 512  # most terms that are summed in float32
_PARTS = tuple(BITS)[1:]


@numba.njit(cache=True, nogil=True)
def _add_rows(bins, midranks, run, sums):  # type: ignore[no-untyped-def]
    """Add each pair's row of mid-ranks to its bin's row of ``sums``.

    In float32 for some 500 terms at most, then in float64: bins that hold more pairs of these
    are carried over more often than the others.
    """
    width = run.shape[1]  # not a constant: an unrolled loop would not become vector instructions
    run[:] = 0.0
    counts = np.zeros(run.shape[0], np.int64)
    for b in bins:
        counts[b] += 1
    heavy = np.flatnonzero(counts > _TERMS)
    for start in range(0, bins.size, _TERMS):
        for t in range(start, min(start + _TERMS, bins.size)):
            b = bins[t]
            for u in range(width):
                run[b, u] += midranks[t, u]
        for b in heavy:
            for u in range(width):
                sums[b, u] += run[b, u]
                run[b, u] = 0.0
    for b in range(run.shape[0]):
        for u in range(width):
            sums[b, u] += run[b, u]


@numba.njit(cache=True, nogil=True)
def _gather(bins, midranks, column, target):  # type: ignore[no-untyped-def]
    for t in range(bins.size):
        target[t, column] = midranks[bins[t]]


@numba.njit(cache=True, nogil=True)
def _by_bin(x, y, codes, bit, fx, fy, by_x, by_y):  # type: ignore[no-untyped-def]
    """Add fy(y) to the bin of x and fx(x) to the bin of y, over the pairs of a part."""
    for t in range(codes.size):
        if codes[t] & bit:
            by_x[x[t]] += fy[y[t]]
            by_y[y[t]] += fx[x[t]]


@numba.njit(cache=True, nogil=True)
def _table_rows(bins, codes, table, of_rows, of_columns):  # type: ignore[no-untyped-def]
    """Add the table's row of each pair's bin to its two images."""
    width = table.shape[1]
    for i in range(codes.shape[0]):
        for j in range(codes.shape[1]):
            if codes[i, j]:
                b = bins[i, j]
                for u in range(width):
                    of_rows[i, u] += table[b, u]
                    of_columns[j, u] += table[b, u]


@numba.njit(cache=True, nogil=True)
def _pair_sums(b0, x0, bj, xj, codes, f0, fj, g0, gj, own, of_rows, of_columns):  # type: ignore[no-untyped-def]
    """Add psi of products and of ranks within parts, of (0, j) and (j, j), to both images."""
    for i in range(codes.shape[0]):
        for j in range(codes.shape[1]):
            code = codes[i, j]
            if code == 0:
                continue
            y = np.float64(xj[i, j])
            for place, value in enumerate((np.float64(x0[i, j]) * y, y * y)):
                of_rows[place, i] += value
                of_columns[place, j] += value
            if code == 1:
                continue
            a = b0[i, j]
            b = bj[i, j]
            for part in range(2):
                if code & (2 << part):
                    at = 2 + 2 * part
                    value = f0[part, a] * fj[part, b] + g0[part, a] + gj[part, b]
                    of_rows[at, i] += value
                    of_columns[at, j] += value
                    value = fj[part, b] * fj[part, b] + 2.0 * own[part, b]
                    of_rows[at + 1, i] += value
                    of_columns[at + 1, j] += value


@numba.njit(cache=True, nogil=True)
def _sign_sums(x, y, codes, cx, cy, table, of_rows, of_columns):  # type: ignore[no-untyped-def]
    for i in range(codes.shape[0]):
        for j in range(codes.shape[1]):
            if codes[i, j]:
                value = table[cx[x[i, j]], cy[y[i, j]]]
                of_rows[i] += value
                of_columns[j] += value


def _above(sums: Float64, number: int) -> Float64:
    """Mean over all pairs of what is in higher bins, and half of the same bin."""
    return (sums.sum(axis=0) - np.cumsum(sums, axis=0) + 0.5 * sums) / max(number, 1)


def _centred(sums: Float64, own: Ints, number: int) -> Float64:
    """Influence of each image on a mean over pairs, from sums over its ``own`` pairs."""
    mean = 0.5 * sums.sum() / number
    return np.asarray((sums - mean * own) / number)


class _Study:
    """The variables (human 0, models, label last) and what passes over their tiles collect."""

    def __init__(self, found: Sequence[Variable], frame: Frame, *, tau: bool) -> None:
        self.found, self.frame, self.k = found, frame, len(found)
        self.numbers = frame.n_pairs
        self.whole = WHOLE in self.numbers
        self.midranks = [
            {part: one.midranks(part).astype(np.float32) for part in BITS} for one in found
        ]
        bins = [one.counts.shape[1] for one in found]
        self.width = -(-self.k // 16) * 16
        self.sums = [np.zeros((size, self.width)) for size in bins]
        self.models = range(self.k - 1)  # and the human RDM
        self.by_bin = {
            (part, j): (np.zeros(bins[0]), np.zeros(bins[j]))
            for part in _PARTS
            for j in self.models
        }
        self.signs = [one.signs() for one in found]
        joint = range(1, self.k - 1) if tau else ()
        self.joint = {j: np.zeros((SIGNS, SIGNS), dtype=np.int64) for j in joint}

    def collect(self, threads: int) -> None:
        """Pass two: sums of mid-ranks by bin."""
        k, side = self.k, None
        with ThreadPoolExecutor(threads) as pool:
            for rows, others in self.frame.tiles():
                codes = self.frame.codes(rows, others).ravel()
                inside = np.flatnonzero(codes)
                bins: list[npt.NDArray[np.uint16]] = [
                    one.ravel()
                    for one in pool.map(lambda v, at=(rows, others): v.tile(*at)[0], self.found)
                ]
                if side is None:
                    side = np.zeros((codes.size, self.width), dtype=np.float32)
                table = side[: inside.size]
                chosen = [one[inside] for one in bins]

                def fill(v: int, chosen=chosen, table=table) -> None:  # type: ignore[no-untyped-def]
                    _gather(chosen[v], self.midranks[v][WHOLE], v, table)

                def add(v: int, chosen=chosen, table=table, bins=bins, codes=codes) -> None:  # type: ignore[no-untyped-def]
                    if self.whole:
                        run = np.empty((len(self.sums[v]), self.width), dtype=np.float32)
                        _add_rows(chosen[v], table, run, self.sums[v])
                    if v not in self.models:
                        return
                    for part in _PARTS:
                        f = self.midranks[0][part], self.midranks[v][part]
                        _by_bin(bins[0], bins[v], codes, BITS[part], *f, *self.by_bin[part, v])
                    if v in self.joint:
                        signs = self.signs[0], self.signs[v]
                        add_joint(bins[0], bins[v], codes, *signs, self.joint[v])

                list(pool.map(fill, range(k if self.whole else 0)))
                list(pool.map(add, range(k)))

    def add_up(self, threads: int) -> Numbers:
        """Pass three: psi summed over the pairs of each image."""
        k, n, number = self.k, self.frame.n, self.numbers.get(WHOLE, 1)
        sums = [one[:, :k] for one in self.sums]
        tables = [_above(one, number).astype(np.float32) for one in sums]
        g = {
            at: tuple(_above(one, self.numbers.get(at[0], 1)) for one in both)
            for at, both in self.by_bin.items()
        }
        own = [
            np.stack(
                [
                    _above(one.counts[1 + p] * self.midranks[v][part], self.numbers.get(part, 1))
                    for p, part in enumerate(_PARTS)
                ]
            )
            for v, one in enumerate(self.found)
        ]
        f = [np.stack([one[part] for part in _PARTS]) for one in self.midranks]
        signs = {j: sign_table(joint / number) for j, joint in self.joint.items()}
        gram, tabled = np.zeros((2, n, k, k) if self.whole else (2, 0, k, k))
        paired, signed = np.zeros((k, 6, n)), np.zeros((k, n))
        with ThreadPoolExecutor(threads) as pool:
            for rows, others in self.frame.tiles():
                codes = self.frame.codes(rows, others)
                read = list(pool.map(lambda v, at=(rows, others): v.tile(*at), self.found))
                shape = codes.shape
                cube = np.empty((k, *shape) if self.whole else (k, 0, 0), dtype=np.float32)

                def add(v: int, codes=codes, read=read, cube=cube, at=(rows, others)) -> None:  # type: ignore[no-untyped-def]
                    bins, values = read[v]
                    if self.whole:
                        np.take(self.midranks[v][WHOLE], bins, out=cube[v])
                        cube[v][codes == 0] = 0.0
                        parts = [np.zeros((size, k), dtype=np.float32) for size in codes.shape]
                        _table_rows(bins, codes, tables[v], *parts)
                        for where, part in zip(at, parts, strict=True):
                            tabled[where, v] += part
                    if v not in self.models:
                        return
                    human_bins, human_values = read[0]
                    g0, gj = (np.stack([g[part, v][p] for part in _PARTS]) for p in range(2))
                    sixes = [np.zeros((6, size)) for size in codes.shape]
                    tabulated = (f[0], f[v], g0, gj, own[v])
                    both = (human_bins, human_values, bins, values)
                    _pair_sums(*both, codes, *tabulated, *sixes)
                    for where, part in zip(at, sixes, strict=True):
                        paired[v][:, where] += part
                    if v in signs:
                        halves = [np.zeros(size) for size in codes.shape]
                        classes = self.signs[0], self.signs[v]
                        table = 2.0 * signs[v]
                        _sign_sums(human_bins, bins, codes, *classes, table, *halves)
                        for where, part in zip(at, halves, strict=True):
                            signed[v, where] += part

                list(pool.map(add, range(k)))
                if not self.whole:
                    continue
                turned = [
                    np.ascontiguousarray(cube.transpose(order)) for order in ((1, 0, 2), (2, 0, 1))
                ]
                products = pool.map(lambda one: one @ one.transpose(0, 2, 1), turned)
                for where, product in zip((rows, others), products, strict=True):
                    gram[where] += product
        gram += tabled
        gram += tabled.transpose(0, 2, 1)
        return self._numbers(gram, paired, signed, signs)

    def _numbers(
        self, gram: Float64, paired: Float64, signed: Float64, signs: dict[int, Float64]
    ) -> Numbers:
        number, mine = self.numbers.get(WHOLE, 1), self.frame.partners
        every = mine(WHOLE)
        numbers: Numbers = {}
        for i in range(self.k if self.whole else 0):
            for j in range(i, self.k):
                value = float(self.midranks[i][WHOLE] @ self.sums[i][:, j]) / number
                numbers[WHOLE, i, j] = Influence(value, _centred(gram[:, i, j], every, number))
        for j in self.models:
            for place, at in ((0, (0, j)), (1, (j, j))):
                sums = paired[j, place]
                value = 0.5 * float(sums.sum()) / number
                if self.whole:
                    numbers["product", *at] = Influence(value, _centred(sums, every, number))
                for p, part in enumerate(_PARTS):
                    count = self.numbers.get(part, 0)
                    if count < 2:
                        continue
                    f = self.midranks[j][part]
                    total = (
                        self.by_bin[part, j][1] if place == 0 else self.found[j].counts[1 + p] * f
                    )
                    sums = paired[j, 2 + 2 * p + place]
                    numbers[part, *at] = Influence(
                        float(f @ total) / count, _centred(sums, mine(part), count)
                    )
            if j in signs:
                value = float(np.sum(self.joint[j] / number * signs[j]))
                numbers["sign", 0, j] = Influence(value, _centred(signed[j], every, number))
        return numbers


def influences(
    found: Sequence[Variable], frame: Frame, *, tau: bool = False, threads: int = 1
) -> Numbers:
    """Influences of the images on numbers of the human RDM (place 0), the models, the label (last).

    By name and places: ``whole`` (covariances of mid-ranks over all pairs) of every two places;
    ``within_class`` and ``non_unanimous`` (the same among these pairs, where there are two) and
    ``product`` (mean products of the values) of the human RDM with each model and of each with
    itself; ``sign`` (Kendall's tau-a, from 256 bins of rank) of the human RDM with each model, if
    wanted. All that are of the frame's parts; ``product`` and ``sign`` are of the whole. Memory: 16
    bytes per image and two RDMs, and per RDM some 10 MB, and 16 kB more for each other one. Threads
    change no number.
    """
    study = _Study(found, frame, tau=tau)
    study.collect(threads)
    return study.add_up(threads)

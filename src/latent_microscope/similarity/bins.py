"""Ranks of many RDMs at once, tile by tile: memory does not grow with the number of images.

Pass one puts the values of an RDM into bins, whose edges are quantiles of a sample of them, and
counts each bin exactly; values that are often equal have a bin of their own, and so have all where
they are few. Pass two sums products of the bins' mid-ranks, all RDMs together. A mid-rank is the
mean rank in its bin, so that errors of ranks cancel: 4096 bins change a correlation by about 1e-7.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numba
import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError
from latent_microscope.seeds import rng
from latent_microscope.similarity.ranks import NOT_FINITE, UInt16, ordered
from latent_microscope.similarity.rdms import Ints, n_pairs, tiles

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Codes = npt.NDArray[np.uint8]
"""Of each pair of a tile: the sum of the bits of the parts that it belongs to."""

WHOLE = "whole"
BITS = {WHOLE: 1, "within_class": 2, "non_unanimous": 4}
"""Parts of the pairs: all, those of one class, those of two images whose votes disagree."""
BINS, SIGNS = 4096, 256
_MOST_BINS = 1 << 16
_SAMPLED = 1449  # images: a million pairs
_CELL_BITS = 17  # of the number of cells of keys, of which most have one bin


class Tiled(Protocol):
    """An RDM, or what can be asked for its tiles as one."""

    @property
    def n(self) -> int:
        """Number of images."""

    def tile(self, rows: slice, others: slice) -> Float32:
        """Values of some rows and columns; of any use only where row < column."""

    def at(self, places: Ints) -> "Tiled":
        """That of the images at these places."""


@dataclass(frozen=True, eq=False)
class Frame:
    """What all comparisons over the same images share."""

    labels: npt.NDArray[np.int64]  # true class of each image, in the order of the RDMs
    disputed: npt.NDArray[np.bool_]  # whether its votes disagree

    @property
    def n_pairs(self) -> dict[str, int]:
        """Number of pairs of each part."""
        _, sizes = np.unique(self.labels, return_counts=True)
        within = sum(n_pairs(int(size)) for size in sizes)
        counts = (n_pairs(self.labels.size), within, n_pairs(int(self.disputed.sum())))
        return dict(zip(BITS, counts, strict=True))

    def codes(self, rows: slice, others: slice) -> Codes:
        """The parts of each pair of a tile; 0: no pair row < column."""
        place = np.arange(self.labels.size)
        code = np.ones((rows.stop - rows.start, others.stop - others.start), dtype=np.uint8)
        code += np.uint8(2) * (self.labels[rows, None] == self.labels[None, others])
        code += np.uint8(4) * (self.disputed[rows, None] & self.disputed[None, others])
        code *= place[rows, None] < place[None, others]
        return code

    def at(self, places: Ints) -> "Frame":
        """The frame of the images at these places."""
        return Frame(self.labels[places], self.disputed[places])


@dataclass(frozen=True, eq=False)
class LabelRDM:
    """0 for two images of one class, 1 for others."""

    labels: npt.NDArray[np.int64]

    @property
    def n(self) -> int:
        """Number of images."""
        return self.labels.size

    def tile(self, rows: slice, others: slice) -> Float32:
        """Values of some rows and columns."""
        return (self.labels[rows, None] != self.labels[None, others]).astype(np.float32)

    def at(self, places: Ints) -> "LabelRDM":
        """That of the images at these places."""
        return LabelRDM(self.labels[places])


@numba.njit(cache=True, nogil=True)
def _place(bits, edges, starts, low, shift, bins):  # type: ignore[no-untyped-def]
    """Fill ``bins`` with the number of edges below each value; whether all values are finite."""
    for i in range(bits.size):
        key = ordered(bits[i])
        if key <= np.uint32(0x007FFFFF) or key >= np.uint32(0xFF800000):
            return False
        cell = 0
        if key > low:
            cell = min(np.int64((key - low) >> shift), starts.size - 2)
        first, last = np.int64(starts[cell]), np.int64(starts[cell + 1])
        while first < last:
            middle = (first + last) // 2
            if edges[middle] < key:
                first = middle + 1
            else:
                last = middle
        bins[i] = first
    return True


@numba.njit(cache=True, nogil=True)
def _count(bins, codes, counts):  # type: ignore[no-untyped-def]
    for i in range(bins.size):
        counts[codes[i], bins[i]] += 1


@numba.njit(cache=True, nogil=True)
def add_joint(x, y, codes, cx, cy, joint):  # type: ignore[no-untyped-def]
    """Count the pairs of each class of x and y, classes of bins being in cx and cy."""
    for t in range(codes.size):
        if codes[t]:
            joint[cx[x[t]], cy[y[t]]] += 1


@numba.njit(cache=True, nogil=True)
def _keys(bits):  # type: ignore[no-untyped-def]
    keys = np.empty(bits.size, np.uint32)
    for i in range(bits.size):
        keys[i] = ordered(bits[i])
    return keys


class Variable:
    """An RDM in bins.

    Attributes:
        matrix: The RDM.
        counts: Pairs of each part in each bin, (parts, bins).
    """

    def __init__(self, matrix: Tiled, frame: Frame, bins: int = BINS) -> None:
        self.matrix = matrix
        self._edges = _edges(matrix, frame, bins)
        low, high = self._edges[self._edges.size // 100], self._edges[-1]
        self._low, self._shift = low, np.uint32(max(int(high - low).bit_length() - _CELL_BITS, 0))
        above = np.where(self._edges > low, self._edges - low, 0) >> self._shift
        last = (1 << _CELL_BITS) - 1
        cells = np.minimum(above.astype(np.int64), last)
        self._starts = np.searchsorted(cells, np.arange(last + 2)).astype(np.uint16)
        by_code = np.zeros((8, self._edges.size + 1), dtype=np.int64)
        for rows, others in tiles(matrix.n):
            found, _ = self.tile(rows, others)
            _count(found.ravel(), frame.codes(rows, others).ravel(), by_code)
        self.counts = np.stack(
            [
                by_code[[code for code in range(8) if code & bit]].sum(axis=0)
                for bit in BITS.values()
            ]
        )

    def tile(self, rows: slice, others: slice) -> tuple[UInt16, Float32]:
        """Bins and values of some rows and columns."""
        values = self.matrix.tile(rows, others)
        bins = np.empty(values.shape, dtype=np.uint16)
        bits = np.ascontiguousarray(values).view(np.uint32).ravel()
        table = (self._edges, self._starts, self._low, self._shift)
        if not _place(bits, *table, bins.ravel()):
            raise InputError(NOT_FINITE)
        return bins, values

    def signs(self) -> UInt16:
        """Class of each bin among 256 classes of rank."""
        return np.minimum((self.midranks() + 0.5) * SIGNS, SIGNS - 1).astype(np.uint16)

    def midranks(self, part: str = WHOLE) -> Float64:
        """Mid-rank of each bin among the pairs of a part, as a share of them, less 1/2."""
        counts = self.counts[list(BITS).index(part)]
        return (np.cumsum(counts) - 0.5 * counts) / max(counts.sum(), 1) - 0.5


def _edges(matrix: Tiled, frame: Frame, bins: int) -> npt.NDArray[np.uint32]:
    """Keys of the largest values of all bins but the last, quantiles of each part of a sample."""
    complete = matrix.n <= _SAMPLED
    if not complete:
        places = np.sort(rng(0, "rank_bins").permutation(matrix.n)[:_SAMPLED])
        matrix, frame = matrix.at(places), frame.at(places)
    codes, keys = [], []
    for rows, others in tiles(matrix.n):
        codes.append(frame.codes(rows, others).ravel())
        keys.append(_keys(matrix.tile(rows, others).ravel().view(np.uint32)))
    code, key = np.concatenate(codes), np.concatenate(keys)
    zero = np.array([1 << 31], dtype=np.uint32)  # of identical images
    most = (_MOST_BINS if bins == BINS else 2 * bins) - 2
    found = [zero]
    for name, bit in BITS.items():
        values, counts = np.unique(key[(code & bit) > 0], return_counts=True)
        if name == WHOLE and complete and values.size < most:  # those of all parts
            return np.union1d(zero, values)
        often = values if values.size <= bins else values[counts * bins >= counts.sum()]
        place = np.cumsum(counts) * bins // max(counts.sum(), 1)
        found += [values[:-1][np.diff(place) > 0], often, often - np.uint32(1)]
    edges = np.unique(np.concatenate(found))
    assert edges.size < _MOST_BINS  # bins are numbered in 16 bits
    return edges


def sign_table(joint: npt.NDArray) -> Float64:
    """Sum of sign(x - x') sign(y - y') over all pairs x', y' for each class of x and of y."""

    def signs(mass: Float64) -> Float64:
        """Mass in lower rows minus mass in higher rows."""
        below = np.cumsum(mass, axis=0) - mass
        return 2.0 * below + mass - mass.sum(axis=0)

    return signs(signs(joint.astype(np.float64)).T).T


def concordance(joint: npt.NDArray[np.int64]) -> float:
    """Kendall's tau-a of two RDMs, from numbers of pairs in 256 classes of rank of each."""
    share = joint / joint.sum()
    return float(np.sum(share * sign_table(share)))


def variables(
    matrices: Sequence[Tiled], frame: Frame, *, bins: int = BINS, threads: int = 1
) -> list[Variable]:
    """Each RDM in bins."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda matrix: Variable(matrix, frame, bins), matrices))


def grams(
    found: Sequence[Variable],
    frame: Frame,
    *,
    joint: Mapping[tuple[int, int], npt.NDArray[np.int64]] | None = None,
    threads: int = 1,
) -> dict[str, Float64]:
    """Sums of products (k, k) of mid-ranks less 1/2 over each part; of the values: ``values``.

    For each two places in ``joint`` its array gets the numbers of pairs in 256 classes of rank of
    each. Takes 9 MB per RDM; threads change no number.
    """
    k, joint = len(found), joint or {}
    sums = {part: np.zeros((k, k)) for part in (*BITS, "values")}
    midranks = [{part: one.midranks(part) for part in BITS} for one in found]
    signs = [one.signs() for one in found]
    with ThreadPoolExecutor(threads) as pool:
        for at in tiles(frame.labels.size):
            codes = frame.codes(*at).ravel()
            where = {part: np.flatnonzero(codes & bit) for part, bit in BITS.items()}
            where["values"] = where[WHOLE]
            table = {part: np.empty((k, chosen.size)) for part, chosen in where.items()}

            def fill(v: int, at=at, where=where, table=table) -> UInt16:  # type: ignore[no-untyped-def]
                bins, values = found[v].tile(*at)
                flat = bins.ravel()
                for part in BITS:
                    np.take(midranks[v][part], flat[where[part]], out=table[part][v])
                table["values"][v] = values.ravel()[where[WHOLE]]
                return flat

            bins = list(pool.map(fill, range(k)))

            def classify(pair: tuple[int, int], codes=codes, bins=bins) -> None:  # type: ignore[no-untyped-def]
                i, j = pair
                add_joint(bins[i], bins[j], codes, signs[i], signs[j], joint[pair])

            list(pool.map(classify, joint))
            products = pool.map(lambda one: one @ one.T, table.values())
            for part, product in zip(table, products, strict=True):
                sums[part] += product
    return sums

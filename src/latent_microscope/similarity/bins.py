"""Ranks of many RDMs at once, tile by tile: memory does not grow with the number of images.

Pass one puts the values of an RDM into bins, whose edges are quantiles of a sample of them, and
counts each bin exactly; values that are often equal have a bin of their own, and so have all where
they are few. Pass two sums products of the bins' mid-ranks, all RDMs together; tiles of few images
are kept for it. A mid-rank is the mean rank in its bin, so that errors of ranks cancel: 10,900 bins
change a correlation by about 3e-7.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError
from latent_microscope.seeds import rng
from latent_microscope.similarity.frames import BITS, WHOLE, Frame, Tiled
from latent_microscope.similarity.ranks import NOT_FINITE, UInt16, ordered
from latent_microscope.similarity.rdms import Ints, n_pairs

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
BINS, SIGNS = 10_900, 256
_MOST = (1 << 16) - 3  # values that have a bin each; bins are numbered in 16 bits
_SAMPLED = 1 << 17  # pairs of a part, at least, whose values give its bins
_FEWEST = 32  # images at least whose pairs with all others these are
_KEPT = 1 << 23  # pairs, of 3,500 images at least, whose tiles are kept for the next pass
_CELL_BITS = 17  # of the largest number of cells of keys, of which most have one bin


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
def _take(midranks, bins, where, target):  # type: ignore[no-untyped-def]
    for t in range(where.size):
        target[t] = midranks[bins[where[t]]]


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

    def __init__(self, matrix: Tiled, frame: Frame, bins: int | None = None) -> None:
        self.matrix = matrix
        self._kept: dict[tuple[int, int], tuple[UInt16, Float32]] | None = None
        small = n_pairs(matrix.n) <= _KEPT
        self._edges = _edges(matrix, frame, bins or BINS, 2 * bins - 3 if bins else _MOST)
        low, high = self._edges[self._edges.size // 100], self._edges[-1]
        most = min(self._edges.size.bit_length() + 3, n_pairs(matrix.n).bit_length() - 2)
        bits = max(min(most, _CELL_BITS), 1)
        self._low, self._shift = low, np.uint32(max(int(high - low).bit_length() - bits, 0))
        above = np.where(self._edges > low, self._edges - low, 0) >> self._shift
        last = (1 << bits) - 1
        cells = np.minimum(above.astype(np.int64), last)
        each = np.bincount(cells, minlength=last + 1)
        self._starts = np.concatenate([[0], np.cumsum(each)]).astype(np.uint16)
        by_code = np.zeros((8, self._edges.size + 1), dtype=np.int64)
        if small:
            self._kept = {}
        for rows, others in frame.tiles():
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
        at = (rows.start, others.start)
        if self._kept and at in self._kept:
            return self._kept[at]
        values = self.matrix.tile(rows, others)
        bins = np.empty(values.shape, dtype=np.uint16)
        bits = np.ascontiguousarray(values).view(np.uint32).ravel()
        table = (self._edges, self._starts, self._low, self._shift)
        if not _place(bits, *table, bins.ravel()):
            raise InputError(NOT_FINITE)
        if self._kept is not None:
            self._kept[at] = bins, values
        return bins, values

    def signs(self) -> UInt16:
        """Class of each bin among 256 classes of rank."""
        return np.minimum((self.midranks() + 0.5) * SIGNS, SIGNS - 1).astype(np.uint16)

    def midranks(self, part: str = WHOLE) -> Float64:
        """Mid-rank of each bin among the pairs of a part, as a share of them, less 1/2."""
        counts = self.counts[list(BITS).index(part)]
        return (np.cumsum(counts) - 0.5 * counts) / max(counts.sum(), 1) - 0.5


def _distinct(keys: npt.NDArray[np.uint32]) -> tuple[npt.NDArray[np.uint32], Ints]:
    """Distinct keys, ascending, and how often each occurs, without which numpy would hash."""
    return np.unique(keys, return_counts=True)


def _edges(matrix: Tiled, frame: Frame, bins: int, most: int) -> npt.NDArray[np.uint32]:
    """Keys of the largest values of all bins but the last, quantiles of each part.

    A large part's are those of each image with some others, at random, so that no image's values,
    often near each other, are missing. Up to ``most`` values of the whole all have their own bin.
    """
    zero = np.array([1 << 31], dtype=np.uint32)  # of identical images
    found = [zero]
    for part, pairs in frame.n_pairs.items():
        if not pairs:
            continue
        images = int(np.count_nonzero(frame.partners(part)))
        count = max(1, min(2 * pairs // _SAMPLED, images // _FEWEST))
        (every,) = frame.blocks(part, 1, rng(0, "rank_bins"))
        chosen = every if count == 1 else frame.blocks(part, count, rng(0, "rank_bins"))[0]
        rest = every[~np.isin(every, chosen)]
        places = np.concatenate([rest, chosen])
        some, within, keys = matrix.among(places), frame.among(places, part), []
        for rows, others in within.tiles(rest.size or None):
            bits = some.tile(rows, others)[within.codes(rows, others) > 0].view(np.uint32)
            keys.append(_keys(bits))
        values, counts = _distinct(np.concatenate([zero[:0], *keys]))
        if part == WHOLE and count == 1 and values.size <= most:  # those of all parts
            return _distinct(np.concatenate([zero, values]))[0]
        if count == 1 and values.size <= max(most // 4, bins):
            found.append(values)
            continue
        often = values if values.size <= bins else values[counts * bins >= counts.sum()]
        place = np.cumsum(counts) * bins // max(counts.sum(), 1)
        found += [values[:-1][np.diff(place) > 0], often, often - np.uint32(1)]
    edges, _ = _distinct(np.concatenate(found))
    assert edges.size < 1 << 16  # at most two for each bin of each part
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
    matrices: Sequence[Tiled],
    frame: Frame,
    *,
    places: Ints | None = None,
    bins: int | None = None,
    names: Sequence[str] = (),
    threads: int = 1,
) -> list[Variable]:
    """Each RDM, or of the images at these places, in bins; errors tell its name, if it has one."""

    def one(place: int) -> Variable:
        try:
            matrix = matrices[place]
            return Variable(matrix if places is None else matrix.among(places), frame, bins)
        except InputError as error:
            if place < len(names) and names[place]:
                raise InputError(f"{names[place]}: {error}") from error
            raise

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, range(len(matrices))))


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
    signs = [one.signs() for one in found] if joint else []
    with ThreadPoolExecutor(threads) as pool:
        for at in frame.tiles():
            codes = frame.codes(*at).ravel()
            where = {part: np.flatnonzero(codes & bit) for part, bit in BITS.items()}
            where["values"] = where[WHOLE]
            table = {part: np.empty((k, chosen.size)) for part, chosen in where.items()}

            def fill(v: int, at=at, where=where, table=table) -> UInt16:  # type: ignore[no-untyped-def]
                bins, values = found[v].tile(*at)
                flat = bins.ravel()
                for part in BITS:
                    _take(midranks[v][part], flat, where[part], table[part][v])
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

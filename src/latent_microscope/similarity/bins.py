"""Bins of ranks: what a bootstrap needs of an RDM, in two bytes a pair.

Up to 65,534 pairs every group of equal values has a bin of its own and ranks made anew from bins
are exact. Above, there are 4096 bins of equal width in rank: a group of ties keeps its place, and a
rank is off by 1/8192 of the range at most. Then most values need no rank: the upper half of their
bits tells the bin, or, next to an edge of a bin, both halves do. That takes two passes of counting
instead of a sort.
"""

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from latent_microscope.similarity.ranks import Ranks, _ordered, average_ranks

UInt16 = npt.NDArray[np.uint16]

# A uint16 holds that many bins; above, that many bins are made.
_MOST_BINS, _BINS = 1 << 16, 1 << 12
# Most upper halves with an edge inside, of 0.4 MB of counts each; with more, all are ranked.
_MOST_EDGES = 1024
_HALF = 1 << 16


@dataclass(frozen=True, eq=False)
class Binned:
    """A variable over the pairs of a selection, in bins of its ranks.

    Attributes:
        bins: Bin of each pair, uint16.
        midranks: Mid-rank of each bin, as a share of all pairs.
    """

    bins: UInt16
    midranks: npt.NDArray[np.float32]


@numba.njit(cache=True, nogil=True)
def _bin(doubled, scale):  # type: ignore[no-untyped-def]
    return np.uint16(np.float64(doubled) * scale)


@numba.njit(cache=True, nogil=True)
def _of_ranks(doubled, scale, bins):  # type: ignore[no-untyped-def]
    for i in range(doubled.size):
        bins[i] = _bin(doubled[i], scale)


@numba.njit(cache=True, nogil=True)
def _upper_halves(bits, starts):  # type: ignore[no-untyped-def]
    """Count values by upper half: ``starts[h]`` becomes the number in lower halves."""
    for i in range(bits.size):
        starts[np.int64(_ordered(bits[i]) >> np.uint32(16)) + 1] += 1
    for h in range(starts.size - 1):
        starts[h + 1] += starts[h]


@numba.njit(cache=True, nogil=True)
def _edges(starts, scale, alone, slots):  # type: ignore[no-untyped-def]
    """Bin of each upper half, or its slot if it has an edge inside; returns the number of slots."""
    number = 0
    for h in range(slots.size):
        low, high = starts[h], starts[h + 1]
        slots[h] = -1
        if high > low:
            alone[h] = _bin(2 * low + 2, scale)
            if _bin(2 * high, scale) != alone[h]:
                slots[h] = number
                number += 1
    return number


@numba.njit(cache=True, nogil=True)
def _by_halves(bits, starts, alone, slots, counts, scale, bins):  # type: ignore[no-untyped-def]
    half = np.uint32(0xFFFF)
    for i in range(bits.size):
        key = _ordered(bits[i])
        slot = slots[np.int64(key >> np.uint32(16))]
        if slot >= 0:
            counts[slot, np.int64(key & half)] += np.uint32(1)
    table = np.empty(counts.shape, np.uint16)
    for h in range(slots.size):
        slot = slots[h]
        if slot >= 0:
            below = starts[h]
            for cell in range(counts.shape[1]):
                count = np.int64(counts[slot, cell])
                if count > 0:
                    table[slot, cell] = _bin(2 * below + count + 1, scale)
                    below += count
    for i in range(bits.size):
        key = _ordered(bits[i])
        upper = np.int64(key >> np.uint32(16))
        slot = slots[upper]
        bins[i] = alone[upper] if slot < 0 else table[slot, np.int64(key & half)]


@numba.njit(cache=True, nogil=True)
def _mass(bins, counts):  # type: ignore[no-untyped-def]
    for i in range(bins.size):
        counts[bins[i]] += 1


def bins_of(ranks: Ranks) -> tuple[UInt16, int]:
    """Bins of ranks, fine enough to rank any resample anew from them alone.

    Returns:
        Bins and their number.
    """
    number = len(ranks)
    if number < _MOST_BINS - 1:
        # Doubled ranks of neighbouring groups differ by 2 or more.
        return (ranks.doubled >> np.uint32(1)).astype(np.uint16), number + 1
    bins = np.empty(number, dtype=np.uint16)
    _of_ranks(ranks.doubled, _BINS / (2.0 * number + 2.0), bins)
    return bins, _BINS


def bins_of_values(values: npt.NDArray) -> tuple[UInt16, int]:
    """The bins that :func:`bins_of` gives the ranks of these values.

    Args:
        values: 1-d, finite; may be a memory map.

    Returns:
        Bins and their number.

    Raises:
        InputError: As :func:`~latent_microscope.similarity.ranks.average_ranks`.
    """
    number = values.size
    if values.dtype != np.float32 or values.ndim != 1 or number < _MOST_BINS - 1:
        return bins_of(average_ranks(values))
    bits = np.ascontiguousarray(values).view(np.uint32)
    starts = np.zeros(_HALF + 1, dtype=np.int64)
    _upper_halves(bits, starts)
    # Upper halves of what is not finite: 0x7F80 and above, and their mirror for negative numbers.
    if starts[0x0080] > 0 or starts[_HALF] > starts[0xFF80]:
        return bins_of(average_ranks(values))  # names the fault
    scale = _BINS / (2.0 * number + 2.0)
    alone, slots = np.zeros(_HALF, dtype=np.uint16), np.empty(_HALF, dtype=np.int32)
    edges = _edges(starts, scale, alone, slots)
    if edges > _MOST_EDGES:
        return bins_of(average_ranks(values))
    bins = np.empty(number, dtype=np.uint16)
    counts = np.zeros((edges, _HALF), dtype=np.uint32)
    _by_halves(bits, starts, alone, slots, counts, scale, bins)
    return bins, _BINS


def bin_counts(bins: UInt16, count: int) -> npt.NDArray[np.int64]:
    """Number of pairs in each of ``count`` bins (numpy's bincount would copy them as int64)."""
    mass = np.zeros(count, dtype=np.int64)
    _mass(bins, mass)
    return mass


def _with_midranks(bins: UInt16, count: int) -> Binned:
    share = bin_counts(bins, count) / bins.size
    return Binned(bins, (np.cumsum(share) - 0.5 * share).astype(np.float32))


def binned(ranks: Ranks) -> Binned:
    """Bins of a ranked variable; equal values share a bin."""
    return _with_midranks(*bins_of(ranks))


def binned_values(values: npt.NDArray) -> Binned:
    """Bins of a variable that is not ranked yet, see :func:`bins_of_values`."""
    return _with_midranks(*bins_of_values(values))

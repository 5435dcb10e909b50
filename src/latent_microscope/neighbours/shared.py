"""A pass over all pairs that calls one after another on the same array share."""

from collections import OrderedDict
from threading import Lock

from latent_microscope.neighbours.blocks import Floats, Neighbours, fingerprint
from latent_microscope.neighbours.pairs import all_pairs, neighbour_pass, similar_pairs
from latent_microscope.neighbours.similar import Overlaps

LISTED = 20
"""Neighbours listed at least: the detector looks at 20, all else at 10 unless asked for more."""
# What most calls ask of the overlaps.
_THRESHOLD, _PAIRS = 0.99, 100_000
_ARRAYS = 2
_MOST_BYTES = 1 << 26  # of the results of one array; larger ones are not kept

_kept: OrderedDict[str, tuple[Neighbours, Overlaps]] = OrderedDict()
_lock = Lock()


def nearest_distances(points: Floats, k: int, block_size: int | None = None) -> Floats:
    """(n, k or more) distances to the nearest others, ascending; not to be changed.

    With a ``block_size`` a pass of their own, else shared by calls with the same values.
    """
    n = len(points)
    k = min(k, n - 1)
    if block_size is not None or n * max(k, LISTED) * 16 > _MOST_BYTES:
        return neighbour_pass(points, k=k, block_size=block_size).distances
    key = fingerprint(points)
    with _lock:
        found = _kept.get(key)
    if found is None or found[0].distances.shape[1] < k:
        near, pairs = all_pairs(
            points, max(k, LISTED), overlap_threshold=_THRESHOLD, max_pairs=_PAIRS
        )
        assert pairs is not None
        for array in (near.distances, near.indices, pairs.pairs, pairs.similarity):
            array.flags.writeable = False
        found = near, pairs
    with _lock:
        _kept[key] = found
        _kept.move_to_end(key)
        while len(_kept) > _ARRAYS:
            _kept.popitem(last=False)
    return found[0].distances


def overlapping_pairs(
    points: Floats, threshold: float, max_pairs: int, block_size: int | None = None
) -> Overlaps:
    """The most similar pairs above a cosine, of the pass for neighbours if that is done."""
    if block_size is None and threshold == _THRESHOLD and max_pairs <= _PAIRS:
        with _lock:
            found = _kept.get(fingerprint(points))
        if found is not None:
            return found[1].above(threshold, max_pairs)
    return similar_pairs(points, threshold, max_pairs, block_size=block_size)

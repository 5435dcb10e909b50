"""Memory and time of steps that pass over all pairs of images of many RDMs, tile by tile."""

import os
from collections.abc import Callable
from typing import Any

from latent_microscope.planning.cluster import Resource

MOST_SORTED = 1 << 27
"""Pairs up to which Kendall's tau is exact; sorting takes 25 bytes of each."""
BLOCK = 10_000
"""Partners of an image in the bootstrap's blocks, of each of 3 parts, up to half as many again."""
_KEPT = 1 << 23  # pairs whose tiles are kept between passes, in 6.5 bytes
# Seconds of a slow core per pair and RDM (two passes), and of sorting; operations per second.
_PAIR, _SORTED, _SPEED = 1e-7, 4e-7, 1e10
_START, _SPARE = 30, 1.5  # minutes of libraries, compilation and checks; for slower machines

Number = Callable[[Any], int]
"""Of the wildcards of a job."""


def images_in(samples: str, expected: int) -> int:
    """Number of rows of a table; as expected where it is not made yet.

    Snakemake asks again before the job runs.
    """
    import pyarrow.parquet as pq  # every job's process reads this module

    if not os.path.exists(samples):
        return expected
    return int(pq.read_metadata(samples).num_rows)


def _pairs(n: int) -> float:
    return n * (n - 1) / 2


def rsa(
    images: Number,
    *,
    tau: Number | None = None,
    more: Number | None = None,
    transforms: Callable[[Any], list[str]] | None = None,
    checked: Number | None = None,
) -> tuple[Resource, Resource]:
    """Memory (MB) and time (minutes) of a step that compares the RDMs of its ``features``.

    Args:
        images: How many the config expects, for a plan before there are files.
        tau: Whether Kendall's tau is wanted.
        more: Number of further RDMs, of votes.
        transforms: What is applied to each of the features; softmax keeps them in float64.
        checked: Images whose RDMs a check of the bootstrap holds. With it influences of the images
            are wanted: three passes, tables of every two RDMs; nothing is sorted for tau.
    """

    def sizes_of(input: Any) -> list[float]:
        paths = [str(path) for path in input.features]
        return [os.path.getsize(path) / 1e6 if os.path.exists(path) else 0.0 for path in paths]

    def known(wildcards: Any, input: Any) -> tuple[int, int, float, float]:
        """Images, RDMs, MB of all features and of the largest."""
        sizes = sizes_of(input)
        rdms = len(sizes) + (more(wildcards) if more else 0)
        n = max(1, images_in(str(input.samples), images(wildcards)))
        return n, rdms, sum(sizes), max(sizes, default=0.0)

    def sorted_pairs(wildcards: Any, n: int) -> float:
        wanted = tau is not None and tau(wildcards)
        return _pairs(n) if wanted and _pairs(n) <= MOST_SORTED else 0.0

    def memory(wildcards: Any, input: Any, threads: int, attempt: int) -> int:
        n, rdms, every, largest = known(wildcards, input)
        each = 30 + 6.5e-6 * min(_pairs(n), _KEPT)
        copies = 0.25 * every + min(4 * every, 64 * rdms)  # of narrow features, in float64
        if transforms:
            soft = zip(sizes_of(input), transforms(wildcards), strict=True)
            copies += 4 * sum(size for size, transform in soft if transform == "softmax")
        # Linear CKA: blocks of the features and of their products, and those of all columns.
        columns = largest * 1e6 / 4 / n
        wide = min(12 * largest, 400) + min(8e-6 * columns**2, 512)
        if not getattr(input, "rdms", None):  # a tile of distances reads its images' features
            wide += 24e-6 * min(n, 512) * columns
        tables = 0.0
        if checked:
            held = _pairs(min(n, checked(wildcards))) * (rdms + 2)
            tables = 32e-6 * n * rdms**2 + 9e-6 * held
        per_thread = wide + 25e-6 * sorted_pairs(wildcards, n)
        whole = 2500 + each * rdms + copies + tables + threads * per_thread
        return int(whole + 8e-6 * sorted_pairs(wildcards, n)) * attempt

    def runtime(wildcards: Any, input: Any, threads: int, attempt: int) -> int:
        n, rdms, every, largest = known(wildcards, input)
        pairs, passes = _pairs(n), 2
        if checked:
            most = min(n, 3 * BLOCK // 2)
            pairs, passes = _pairs(most) * n / most * (3 if n > BLOCK else 1), 3
        seconds = pairs * (rdms * passes / 2 * _PAIR + passes * every * 1e6 / 2 / n / _SPEED)
        seconds += every * 1e6 * min(largest * 1e6 / 4 / n, n / 2) / _SPEED  # linear CKA
        seconds += sorted_pairs(wildcards, n) * rdms * _SORTED
        return int(_START + _SPARE * seconds / threads / 60) * attempt

    return memory, runtime


def ceilings(images: Number, splits: Number) -> tuple[Resource, Resource]:
    """Of noise ceilings: tiles of the RDMs of two halves of the votes in each thread."""

    def memory(wildcards: Any, threads: int, attempt: int) -> int:
        return (2500 + 300 * threads) * attempt

    def runtime(wildcards: Any, input: Any, threads: int, attempt: int) -> int:
        n = images_in(str(input.samples), images(wildcards))
        seconds = splits(wildcards) * _pairs(min(n, BLOCK)) * 3 * _PAIR
        return int(2 * _START + _SPARE * seconds / threads / 60) * attempt

    return memory, runtime

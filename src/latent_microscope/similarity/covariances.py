"""Influences on the rank covariances of every two of many RDMs, at the cost of a few.

:func:`~latent_microscope.similarity.influence.rank_covariance` reads two RDMs for each pair of
variables; for k RDMs that is k squared passes over tens of millions of pairs. Here the pairs are
read twice. What an image adds to a covariance is the sum over its pairs of F(x) G(y), a matrix
product of the image's rows, and of two functions of a bin, a product of the image's histogram of
bins with a table. (F and G are mid-ranks less their mean 1/2, which changes nothing but rounding.)
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import numpy.typing as npt

from latent_microscope.similarity.influence import Influence, centred, rank_covariance, selection
from latent_microscope.similarity.ranks import Binned, bin_counts
from latent_microscope.similarity.rdms import n_images

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

_TERMS = 512  # most terms that are summed in float32
_TILE = 1 << 16  # pairs at a time
_WIDTH = 32  # variables at a time, whose sums by bin stay in the cache
_ROWS = 32  # images at a time
_MOST_BINS = 4096  # small studies have a bin a value, and few pairs


@numba.njit(cache=True, nogil=True)
def _add_rows(bins, midranks, heavy, run, sums):  # type: ignore[no-untyped-def]
    """Add each pair's row of mid-ranks to its bin's row of ``sums``.

    In float32 for some 500 terms at most, then in float64: bins that hold many pairs (``heavy``)
    are carried over more often than the others.
    """
    width = run.shape[1]  # not a constant: an unrolled loop would not become vector instructions
    run[:] = 0.0
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
def _rows_of_images(bins, midranks, n, first, rows, counts):  # type: ignore[no-untyped-def]
    """Fill ``rows`` (images, n) with the mid-ranks of the pairs of the images from ``first`` on.

    They are 0 at the image itself; ``counts`` (images, bins) is the number of pairs in each bin.
    """
    images = rows.shape[0]
    counts[:] = 0
    for j in range(first + images - 1):
        base = j * (n - 1) - j * (j - 1) // 2 - j - 1
        for i in range(max(first, j + 1), first + images):  # pairs (j, i), neighbours in memory
            b = bins[base + i]
            rows[i - first, j] = midranks[b]
            counts[i - first, b] += 1
    for i in range(first, first + images):
        rows[i - first, i] = 0.0
        base = i * (n - 1) - i * (i - 1) // 2 - i - 1
        for j in range(i + 1, n):
            b = bins[base + j]
            rows[i - first, j] = midranks[b]
            counts[i - first, b] += 1


def _conditional_sums(variables: Sequence[Binned], midranks: Float32, of: Sequence[int]) -> Float64:
    """Sums of some variables' mid-ranks by bin of each variable: (variables, bins, ``of``)."""
    k, n_bins = midranks.shape
    width = -(-len(of) // 16) * 16
    sums = np.zeros((k, n_bins, width))
    run = np.empty((n_bins, width), dtype=np.float32)
    tile = np.zeros((_TILE, width), dtype=np.float32)
    number = variables[0].bins.size
    heavy = [
        np.flatnonzero(bin_counts(one.bins, n_bins) > number * (_TERMS / _TILE))
        for one in variables
    ]
    for start in range(0, number, _TILE):
        stop = min(start + _TILE, number)
        for column, u in enumerate(of):
            _gather(variables[u].bins[start:stop], midranks[u], column, tile)
        for v, variable in enumerate(variables):
            _add_rows(variable.bins[start:stop], tile, heavy[v], run, sums[v])
    return sums[:, :, : len(of)]


def _sums_of_images(
    variables: Sequence[Binned], midranks: Float32, tables: Float32, n: int, first: int
) -> Float64:
    """What the pairs of some images add to each covariance: (images, variables, variables)."""
    k, n_bins = midranks.shape
    images = min(_ROWS, n - first)
    rows = np.empty((k, images, n), dtype=np.float32)
    counts = np.empty((images, n_bins), dtype=np.float32)
    tabled = np.empty((images, k, k), dtype=np.float32)
    for v, variable in enumerate(variables):
        _rows_of_images(variable.bins, midranks[v], n, first, rows[v], counts)
        tabled[:, v, :] = counts @ tables[v]
    sums = np.empty((images, k, k))
    for image in range(images):
        of_image = np.ascontiguousarray(rows[:, image])
        sums[image] = of_image @ of_image.T
    sums += tabled
    sums += tabled.transpose(0, 2, 1)
    return sums


def rank_covariances(
    variables: Sequence[Binned], *, threads: int = 1
) -> Callable[[int, int], Influence]:
    """Covariances of the mid-ranks of every two variables over all pairs of images.

    A function of two places in ``variables`` (the same twice: a variance) that returns what
    :func:`~latent_microscope.similarity.influence.rank_covariance` does, to float32 rounding.
    Memory: 8 bytes per image and pair of variables, 16 kB to 32 kB per pair of variables. Threads
    change no number.
    """
    number = variables[0].bins.size
    n = n_images(number)
    whole = selection(n)
    if max(one.midranks.size for one in variables) > _MOST_BINS:
        return lambda i, j: rank_covariance(variables[i], variables[j], whole)
    k, n_bins = len(variables), max(one.midranks.size for one in variables)
    midranks = np.zeros((k, n_bins), dtype=np.float32)
    for v, one in enumerate(variables):
        midranks[v, : one.midranks.size] = one.midranks - np.float32(0.5)
    sums = np.empty((n, k, k))
    tables = np.empty((k, n_bins, k), dtype=np.float32)
    values = np.empty((k, k))

    def tabulate(of: Sequence[int]) -> None:
        part = _conditional_sums(variables, midranks, of)
        values[:, of] = np.einsum("vb,vbu->vu", midranks, part) / number
        above = part.sum(axis=1, keepdims=True) - np.cumsum(part, axis=1) + 0.5 * part
        tables[:, :, of] = above / number

    def add(first: int) -> None:
        sums[first : first + _ROWS] = _sums_of_images(variables, midranks, tables, n, first)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(tabulate, [range(u, min(u + _WIDTH, k)) for u in range(0, k, _WIDTH)]))
        list(pool.map(add, range(0, n, _ROWS)))

    return lambda i, j: Influence(float(values[i, j]), centred(sums[:, i, j], whole, number))

"""Uniqueness, originality and stability of samples, and isolated cores."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from latent_microscope.arrays import plain, whole
from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_matrix, as_vector, in_range, one_of
from latent_microscope.forensics.density import DEFAULT_RADIUS
from latent_microscope.neighbours.blocks import in_parallel, pair_distances, row_blocks
from latent_microscope.neighbours.copies import first_copies
from latent_microscope.neighbours.means import SourceScan, scan_sources, similar_counts
from latent_microscope.neighbours.pairs import counts_within
from latent_microscope.neighbours.shared import nearest_distances
from latent_microscope.seeds import derive
from latent_microscope.statistics.summaries import rank_correlation

VARIANTS = ("script", "notebook")
EPSILON = 1e-8
_SCRIPT_BINS = 5
_CHUNK_ELEMENTS = 1 << 19
_MOST_NOISE = 1e90

Floats = npt.NDArray[np.float64]
Ids = Sequence[int | str] | npt.NDArray[np.generic] | None


def row_entropy(values: Floats) -> Floats:
    """Shannon entropy (nats) of ``|value| + 1e-8``, normalised over the columns of each row."""
    weights = np.abs(values) + EPSILON
    weights /= weights.sum(axis=1, keepdims=True)
    return -np.einsum("ij,ij->i", weights, np.log(weights))


def uniqueness(
    sources: npt.ArrayLike, variant: str = "script", *, block_size: int | None = None
) -> Floats:
    """Uniqueness of every sample.

    ``script``: H·D·(1+V). ``notebook``: H·(1+C)·(1+V). H is the entropy of the normalised
    absolute sources of the row, V their population variance, D the mean Euclidean distance to all
    other rows (exact zeros left out), C the mean cosine distance to them (values <= 1e-6 left
    out). A row with nothing to compare with has D = C = 0.

    Args:
        sources: (n, k) independent sources, n >= 2.
        variant: ``script`` or ``notebook``.
        block_size: Side of the tiles of the pass over all pairs.

    Returns:
        n scores, float64.

    Raises:
        InputError: If ``sources`` is not a finite n×k matrix with two rows, or the variant is
            unknown.
    """
    matrix = as_matrix(sources, "sources")
    one_of(variant, "uniqueness variant", VARIANTS)
    script = variant == "script"
    pairs = scan_sources(matrix, distances=script, cosines=not script, block_size=block_size)
    return uniqueness_of(matrix, pairs, variant)


def uniqueness_of(sources: Floats, pairs: SourceScan, variant: str) -> Floats:
    """Uniqueness from the results of a pass over the sources."""
    factor = pairs.mean_distance if variant == "script" else 1.0 + pairs.mean_cosine
    return row_entropy(sources) * factor * (1.0 + sources.var(axis=1))


def isolated_cores(
    sources: npt.ArrayLike,
    scores: npt.ArrayLike,
    percentile: float,
    similarity: float = 0.60,
    max_neighbors: int = 7,
    *,
    block_size: int | None = None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Samples with a high score and few others in their direction.

    Args:
        sources: (n, k) independent sources.
        scores: n scores (uniqueness).
        percentile: A core's score lies strictly above this percentile of all scores.
        similarity: Other rows with a larger cosine similarity count as neighbours (notebook:
            0.95).
        max_neighbors: A core has at most so many neighbours.
        block_size: Rows of the blocks of the pass over all pairs.

    Returns:
        Indices of the cores, ascending, and the numbers of their neighbours (both int64).

    Raises:
        InputError: If the arrays do not fit each other or an option is out of range.
    """
    matrix = as_matrix(sources, "sources")
    values = as_vector(scores, "scores", len(matrix))
    in_range(percentile, "percentile", 0.0, 100.0)
    in_range(similarity, "similarity", -1.0, 1.0)
    most = in_range(max_neighbors, "max_neighbors", 0)
    candidates = np.flatnonzero(values > np.percentile(values, percentile)).astype(np.int64)
    counts = similar_counts(matrix, candidates, similarity, block_size=block_size)
    kept = counts <= most
    return candidates[kept], counts[kept]


def originality(
    latents: npt.ArrayLike,
    variant: str = "script",
    k: int = 10,
    radius: float = DEFAULT_RADIUS,
    n_attractors: int = 5,
    *,
    block_size: int | None = None,
) -> Floats:
    """Originality of every sample, in sample order.

    Spatial entropy × spectral entropy × (1 + isolation); see :func:`spatial_entropy`,
    :func:`spectral_entropy` and :func:`attractor_isolation`. The notebook's isolation is the
    distance to the nearest other sample.

    Args:
        latents: (n, d) latent means, n >= 2.
        variant: ``script`` or ``notebook``.
        k: Nearest distances in the histogram; capped at n - 1.
        radius: Radius of the attractor density (script only).
        n_attractors: Attractors looked at (script only); capped at n - 1.
        block_size: Rows of the blocks of the pass over all pairs.

    Returns:
        n scores, float64.

    Raises:
        InputError: If ``latents`` is not a finite n×d matrix or an option is out of range.
    """
    matrix = as_matrix(latents, "latents")
    one_of(variant, "originality variant", VARIANTS)
    k, n_attractors = whole(k, "k", 1), whole(n_attractors, "n_attractors", 1)
    radius = in_range(radius, "radius", 0.0)
    distances, counts = nearest_distances(matrix, k, block_size), None
    if variant == "script":
        counts = counts_within(matrix, distances, radius, block_size=block_size)
    return originality_of(matrix, distances[:, :k], counts, variant, n_attractors)


def originality_of(
    latents: Floats,
    distances: Floats,
    attractor_counts: npt.NDArray[np.int64] | None,
    variant: str,
    n_attractors: int = 5,
) -> Floats:
    """Originality from the (n, k) neighbour distances and, for script, the attractor counts."""
    if variant == "script" and attractor_counts is not None:
        isolation = attractor_isolation(latents, attractor_counts, n_attractors)
    else:
        isolation = distances[:, 0]
    return spatial_entropy(distances, variant) * row_entropy(latents) * (1.0 + isolation)


def attractor_isolation(
    latents: Floats, density: npt.NDArray[np.number], n_attractors: int = 5
) -> Floats:
    """Distance of each sample to the nearest of the first ``n_attractors`` others by density.

    Ranked by ``density``, ties by sample order, copies after the first of them, so that all copies
    of a sample are equally isolated; the sample itself is left out.
    """
    n = len(latents)
    top = np.lexsort((first_copies(latents), -np.asarray(density)))[: n_attractors + 1]
    rows = np.arange(n)
    distances = np.stack([pair_distances(latents, rows, np.full(n, t)) for t in top], axis=1)
    rank = np.full(n, len(top) - 1)
    rank[top] = np.arange(len(top))
    # A sample that is not among the first ones leaves out the last column, an attractor itself.
    if len(top) > 1:
        distances[rows, rank] = np.inf
    return distances.min(axis=1)


def spatial_entropy(distances: Floats, variant: str = "script") -> Floats:
    """Entropy (nats) of the histogram of each row of neighbour distances, counts + 1e-8."""
    n = len(distances)
    low, high = distances.min(axis=1), distances.max(axis=1)
    bins = np.full(n, _SCRIPT_BINS) if variant == "script" else auto_bins(distances)
    entropy = np.empty(n)
    for count in np.unique(bins):
        rows = np.flatnonzero(bins == count)
        entropy[rows] = row_entropy(histograms(distances[rows], low[rows], high[rows], int(count)))
    return entropy


def auto_bins(values: Floats) -> npt.NDArray[np.int64]:
    """Number of bins of ``numpy.histogram(row, bins="auto")`` for every row (numpy >= 2.0)."""
    k = values.shape[1]
    spread = np.ptp(values, axis=1)
    upper, lower = np.percentile(values, [75, 25], axis=1)
    diaconis = np.maximum(2.0 * (upper - lower) * k ** (-1.0 / 3.0), spread / np.sqrt(k) / 2.0)
    width = np.minimum(diaconis, spread / (np.log2(k) + 1.0))
    bins = np.ones(len(values), dtype=np.int64)
    usable = width > 0.0
    bins[usable] = np.ceil(spread[usable] / width[usable]).astype(np.int64)
    return bins


def histograms(values: Floats, low: Floats, high: Floats, bins: int) -> Floats:
    """Counts of each row in equal bins from its ``low`` to its ``high``, as ``numpy.histogram``."""
    flat = low == high
    first = np.where(flat, low - 0.5, low)[:, None]
    last = np.where(flat, high + 0.5, high)[:, None]
    edges = np.arange(bins + 1) * ((last - first) / bins) + first
    edges[:, -1:] = last
    # Comparing with the inner edges leaves no rounding to correct: bin = inner edges reached.
    index = np.zeros(values.shape, dtype=np.int64)
    for edge in range(1, bins):
        index += values >= edges[:, edge, None]
    counts = np.zeros((len(values), bins))
    np.add.at(counts, (np.arange(len(values))[:, None], index), 1.0)
    return counts


def sample_keys(ids: Ids, n: int) -> list[int]:
    """A 64-bit key per sample: row number, integer id or hash of a string id."""
    if ids is None:
        return list(range(n))
    ids = plain(ids)
    listed = ids.tolist() if hasattr(ids, "tolist") else list(ids)
    if len(listed) != n:
        raise InputError(f"ids has {len(listed)} entries for {n} samples; give one per sample")
    keys = []
    for row, value in enumerate(listed):
        if isinstance(value, int | np.integer):
            keys.append(int(value) % 2**64)
        elif isinstance(value, str):
            # Names of files may be no UTF-8: Python keeps their bytes as surrogates.
            name = value.encode(errors="surrogatepass")
            digest = hashlib.blake2b(name, digest_size=8).digest()
            keys.append(int.from_bytes(digest, "little"))
        else:
            raise InputError(f"ids row {row} is {value!r}; give integers or strings")
    return keys


def _normal(keys: npt.NDArray[np.uint64], shape: tuple[int, int], root: int) -> Floats:
    """Standard normal draws of some samples, each from its own Philox stream."""
    philox = np.random.Philox(key=np.array([root, 0], dtype=np.uint64))
    generator = np.random.Generator(philox)
    fresh = philox.state
    draws = np.empty((len(keys), *shape))
    for row, key in enumerate(keys):
        fresh["state"]["key"][1] = key
        philox.state = fresh
        generator.standard_normal(out=draws[row])
    return draws


def stability(
    latents: npt.ArrayLike,
    noise: float = 0.05,
    n_draws: int = 10,
    seed: int = 0,
    *,
    ids: Ids = None,
    block_size: int | None = None,
) -> Floats:
    """Direction and spread of noisy copies of every latent.

    cosine(z_i, mean of the draws) / (1 + mean over coordinates of the draws' variance, ddof 0),
    with draws z_i + N(0, noise²). The draws of a sample depend on (seed, id) only, so neither
    the order of samples nor the block size matters; equal latents share the draws of one of their
    ids. A latent of zeros has cosine 0.

    Args:
        latents: (n, d) latent means.
        noise: Standard deviation of the noise, latent units (notebook: 0.005).
        n_draws: Noisy copies of each sample.
        seed: Root seed.
        ids: Sample ids, integers or strings; by default the row number.
        block_size: Samples handled at once.

    Returns:
        n scores, float64.

    Raises:
        InputError: If ``latents`` is not a finite n×d matrix, or an option is out of range.
    """
    matrix = as_matrix(latents, "latents", min_rows=1)
    noise = in_range(noise, "noise", 0.0, _MOST_NOISE)
    n_draws, seed = whole(n_draws, "n_draws", 1), whole(seed, "seed")
    n, d = matrix.shape
    if block_size is None:
        block_size = max(1, _CHUNK_ELEMENTS // (n_draws * d))
    own, first = np.array(sample_keys(ids, n), dtype=np.uint64), first_copies(matrix)
    least = own.copy()
    np.minimum.at(least, first, own)
    keys = least[first]
    root = derive(seed, "stability")

    def score(part: slice) -> Floats:
        draws = _normal(keys[part], (n_draws, d), root)
        mean = draws.mean(axis=1)
        # Sum of squares from the centred draws: no cancellation, one pass less than var().
        draws -= mean[:, None, :]
        flat = draws.reshape(len(draws), -1)
        spread = np.einsum("ij,ij->i", flat, flat) * (noise * noise / (n_draws * d))
        z = matrix[part]
        shifted = z + noise * mean
        norms = np.linalg.norm(z, axis=1) * np.linalg.norm(shifted, axis=1)
        dot = np.einsum("ij,ij->i", z, shifted)
        cosine = np.divide(dot, norms, out=np.zeros_like(dot), where=norms > 0.0)
        return cosine / (1.0 + spread)

    return np.concatenate(list(in_parallel(score, row_blocks(n, block_size))))


def stability_report(
    latents: npt.ArrayLike, scores: npt.ArrayLike, noise: float, n_draws: int, seed: int, ids: Ids
) -> dict[str, float]:
    """Spearman of stability with ‖z‖, and with the stability of a second set of draws."""
    matrix = as_matrix(latents, "latents")
    second = stability(matrix, noise, n_draws, derive(seed, "stability-repeat"), ids=ids)
    return {
        "spearman_norm": rank_correlation(scores, np.linalg.norm(matrix, axis=1)),
        "reliability": rank_correlation(scores, second),
    }

"""The published funnels: authentic cores and authentic signatures."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.arrays import whole
from latent_microscope.forensics.checks import (
    as_distances,
    as_matrix,
    as_vector,
    in_range,
    one_of,
)
from latent_microscope.forensics.density import DEFAULT_RADIUS, tie_note, tie_share
from latent_microscope.forensics.sample_scores import (
    VARIANTS,
    isolated_cores,
    originality_of,
    stability,
    uniqueness,
)
from latent_microscope.neighbours.blocks import Floats, Ints
from latent_microscope.neighbours.pairs import counts_within
from latent_microscope.neighbours.shared import nearest_distances


def authentic_cores(
    sources: npt.ArrayLike,
    latents: npt.ArrayLike,
    uniqueness_percentile: float = 90,
    stability_percentile: float = 45,
    *,
    variant: str = "script",
    similarity: float = 0.60,
    max_neighbors: int = 7,
    noise: float = 0.05,
    n_draws: int = 10,
    seed: int = 0,
    ids: Sequence[int | str] | npt.NDArray[np.generic] | None = None,
    uniqueness_scores: npt.ArrayLike | None = None,
    stability_scores: npt.ArrayLike | None = None,
    block_size: int | None = None,
) -> pd.DataFrame:
    """Cores that pass the funnel percentile → isolation → stability.

    Args:
        sources: (n, k) independent sources.
        latents: (n, d) latent means of the same samples.
        uniqueness_percentile: Uniqueness lies strictly above this percentile of all samples.
        stability_percentile: Stability lies strictly above this percentile of all samples.
        variant: Variant of uniqueness.
        similarity: Neighbours have a larger cosine similarity (notebook: 0.95).
        max_neighbors: Most neighbours of a core.
        noise: Noise of stability (notebook: 0.005).
        n_draws: Draws of stability.
        seed: Root seed of stability.
        ids: Sample ids that key the draws.
        uniqueness_scores: Uniqueness if already known.
        stability_scores: Stability if already known.
        block_size: Block size of the passes over all pairs.

    Returns:
        Table ``index``, ``uniqueness``, ``neighbors``, ``stability``, ``validation_score``
        (uniqueness × stability), best first, ties by index. ``attrs`` counts the funnel:
        ``above_percentile``, ``isolated``, ``validated``.

    Raises:
        InputError: If the arrays do not fit each other or an option is out of range.
    """
    s = as_matrix(sources, "sources")
    z = as_matrix(latents, "latents")
    in_range(stability_percentile, "stability_percentile", 0.0, 100.0)
    if uniqueness_scores is None:
        uniqueness_scores = uniqueness(s, variant, block_size=block_size)
    if stability_scores is None:
        stability_scores = stability(z, noise, n_draws, seed, ids=ids)
    u = as_vector(uniqueness_scores, "uniqueness_scores", len(s))
    steady = as_vector(stability_scores, "stability_scores", len(s))
    as_vector(steady, "stability_scores", len(z))
    index, neighbors = isolated_cores(
        s, u, uniqueness_percentile, similarity, max_neighbors, block_size=block_size
    )
    kept = steady[index] > np.percentile(steady, stability_percentile)
    table = pd.DataFrame(
        {
            "index": index[kept],
            "uniqueness": u[index[kept]],
            "neighbors": neighbors[kept],
            "stability": steady[index[kept]],
            "validation_score": u[index[kept]] * steady[index[kept]],
        }
    )
    table = table.sort_values(
        ["validation_score", "index"], ascending=[False, True], ignore_index=True
    )
    above = int(np.count_nonzero(u > np.percentile(u, uniqueness_percentile)))
    table.attrs.update(above_percentile=above, isolated=len(index), validated=len(table))
    return table


def authentic_signatures(
    latents: npt.ArrayLike,
    low: float = 0.01,
    high: float = 0.1,
    top: int = 15,
    *,
    variant: str = "script",
    k: int = 10,
    radius: float = DEFAULT_RADIUS,
    n_attractors: int = 5,
    distances: npt.NDArray[np.float64] | None = None,
    block_size: int | None = None,
) -> pd.DataFrame:
    """The most original samples among those neither alone nor in a crowd.

    Args:
        latents: (n, d) latent means.
        low: The attractor density lies strictly above (notebook: 0.005) …
        high: … and strictly below (notebook: 0.15).
        top: Most rows of the table.
        variant: Variant of originality.
        k: As in :func:`~latent_microscope.forensics.sample_scores.originality`.
        radius: Radius of the attractor density (also of originality's attractors).
        n_attractors: As in originality.
        distances: (n, k or more) ascending distances to the nearest others, if already known.
        block_size: Rows of the blocks of the pass over all pairs.

    Returns:
        Table ``index``, ``originality``, ``density``, most original first, ties by index.
        ``attrs``: ``total`` within the band, ``radius``, ``tie_share`` of the densities and
        ``note`` (a message if at least 95 % tie, else None).

    Raises:
        InputError: If ``latents`` is not a finite n×d matrix or an option is out of range.
    """
    matrix = as_matrix(latents, "latents")
    radius = in_range(radius, "radius", 0.0)
    k = whole(k, "k", 1)
    if distances is None:
        distances = nearest_distances(matrix, k, block_size)
    else:
        distances = as_distances(distances, len(matrix), min(k, len(matrix) - 1))
    counts = counts_within(matrix, distances, radius, block_size=block_size)
    table = signatures_of(
        matrix, distances[:, :k], counts, low, high, top, variant=variant, n_attractors=n_attractors
    )
    table.attrs["radius"] = radius
    return table


def signatures_of(
    latents: Floats,
    distances: Floats,
    counts: Ints,
    low: float,
    high: float,
    top: int = 15,
    *,
    variant: str,
    n_attractors: int,
) -> pd.DataFrame:
    """:func:`authentic_signatures` from (n, k) neighbour distances and n counts within a radius."""
    one_of(variant, "originality variant", VARIANTS)
    top, n_attractors = whole(top, "top", 0), whole(n_attractors, "n_attractors", 1)
    low, high = in_range(low, "low", -np.inf), in_range(high, "high", -np.inf)
    density = counts / len(latents)
    scores = originality_of(latents, distances, counts, variant, n_attractors)
    index = np.flatnonzero((density > low) & (density < high)).astype(np.int64)
    best = index[np.lexsort((index, -scores[index]))][:top]
    table = pd.DataFrame({"index": best, "originality": scores[best], "density": density[best]})
    table.attrs.update(
        total=len(index), tie_share=tie_share(density), note=tie_note(density, n_attractors)
    )
    return table

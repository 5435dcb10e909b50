"""Detector of authentic samples: tight populations against samples scattered between them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors

from latent_microscope.arrays import whole
from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_distances, as_matrix, as_vector
from latent_microscope.forensics.mixtures import chord_cut, density_mixture
from latent_microscope.forensics.populations import (
    Populations,
    find_clusters,
    find_populations,
    separate_populations,
    several_modes,
)
from latent_microscope.neighbours.copies import first_copies
from latent_microscope.neighbours.shared import nearest_distances

# With fewer neighbours even one small Gaussian cloud shows two modes.
NEIGHBOURS = (10, 20)
# Duplicates have no finite log density: distances count as at least this share of the median.
_FLOOR = 0.05
_MIN_ROWS = 10
# Share of the dense samples that the populations must explain.
_EXPLAINED = 0.9
# Share of the populations that a refined selection must keep.
_KEPT = 0.7
# An error this many standard deviations from that of its neighbours is not of their population.
_MAX_DEVIATION = 5.0
_ERROR_NEIGHBOURS = 11

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Detection:
    """Result of the detector."""

    mask: Mask  # n booleans, samples called authentic
    score: Floats  # n scores, higher = more authentic
    k: int  # neighbours whose density separates two populations best
    separation: float  # Ashman's D of the two at that k; at most 2: not separated
    populations: int  # tight groups behind the score; 0: density alone


def _floored(distances: Floats) -> Floats:
    """Distances, none below a small share of the median positive one."""
    positive = distances[distances > 0.0]
    if positive.size == 0:
        return np.ones_like(distances)
    return np.maximum(distances, _FLOOR * np.median(positive))


def detect(
    latents: npt.ArrayLike,
    *,
    neighbours: tuple[int, ...] = NEIGHBOURS,
    block_size: int | None = None,
    distances: Floats | None = None,
) -> Detection:
    """:func:`detect_authentic` of latents alone, with what it rests on."""
    matrix = as_matrix(latents, "latents", min_rows=_MIN_ROWS)
    wanted = [whole(k, "neighbours", 1) for k in np.ravel(neighbours).tolist()]
    if not wanted:
        raise InputError("neighbours is empty; give at least one number of neighbours")
    ks = sorted({min(k, len(matrix) - 1) for k in wanted})
    nearest = None if distances is None else as_distances(distances, len(matrix), 1)
    if nearest is None or nearest.shape[1] < ks[-1]:
        nearest = nearest_distances(matrix, ks[-1], block_size)
    best = None
    for k in ks:
        density = -np.log(_floored(nearest[:, :k].mean(axis=1)))
        mixture = density_mixture(density)
        if best is None or mixture.separation > best[2].separation:
            best = (k, density, mixture)
    assert best is not None
    k, density, mixture = best
    dense = density > mixture.threshold
    everything = np.ones(len(matrix), dtype=bool)
    called, score, count = dense, density, 0
    clusters = find_clusters(matrix)
    for found, explained in (
        (find_populations(matrix, clusters, density, mixture), dense),
        (separate_populations(matrix, clusters), everything),
    ):
        if found is not None and _explained(matrix, explained, found) >= _EXPLAINED:
            mask, refined = _refine(matrix, density, found)
            core = found.labels >= 0
            if np.count_nonzero(mask & core) >= _KEPT * np.count_nonzero(core):
                called, score, count = mask, refined, found.count
                break
    first = first_copies(matrix)
    called, score = called[first], score[first]
    # Nothing is authentic if what was called so is one cloud.
    mask = called & several_modes(matrix[called])
    return Detection(mask, score, k, mixture.separation, count)


def reject_by_error(
    latents: npt.ArrayLike, mask: Mask, score: Floats, errors: npt.ArrayLike
) -> tuple[Mask, Floats]:
    """Mask and score without samples whose reconstruction error differs from their neighbours'.

    Compared with the nearest samples called authentic, since populations may be reconstructed
    unequally well; the spread is that of all of them.
    """
    matrix = as_matrix(latents, "latents")
    values = as_vector(errors, "errors", len(matrix))
    if (values <= 0.0).any():
        raise InputError(
            f"errors: row {int(np.argmin(values))} is {values.min():g}; reconstruction errors must "
            "be above 0"
        )
    called = np.flatnonzero(mask)
    if called.size == 0:
        return mask, score
    search = NearestNeighbors(n_neighbors=min(_ERROR_NEIGHBOURS, called.size)).fit(matrix[called])
    nearest = called[search.kneighbors(matrix, return_distance=False)]
    logs = np.log(values)
    deviation = np.abs(logs - np.median(logs[nearest], axis=1))
    spread = 1.4826 * float(np.median(deviation[mask]))
    if spread <= 0.0:
        return mask, score
    excess = np.log(np.maximum(deviation / (_MAX_DEVIATION * spread), 1.0))
    kept = mask & (excess == 0.0)
    # What is left out ranks below what is kept: the mask stays a threshold on the score.
    ceiling = np.where(mask & ~kept, score[kept].min(initial=np.inf), np.inf)
    return kept, np.minimum(score, ceiling) - excess


def detect_authentic(
    latents: npt.ArrayLike,
    *,
    neighbours: tuple[int, ...] = NEIGHBOURS,
    block_size: int | None = None,
    distances: Floats | None = None,
    errors: npt.ArrayLike | None = None,
) -> tuple[Mask, Floats]:
    """Which samples belong to the tight populations of the latents.

    The log of the kNN density, at the k that separates two modes best, is split by a
    two-component mixture; HDBSCAN groups the certainly dense samples into populations. Each
    sample's score is the mean of two logs: its kNN distance relative to that of the nearest
    population, and its distance to that population's centre in the space of the centres, whitened
    by the spread within populations. A mixture of a log-normal (authentic) and a power law
    (samples along chords) cuts that score. If no two populations explain the dense samples, and no
    clusters far apart explain nearly all of them, the density alone decides.

    Nothing is called authentic where there are no populations: if the density has no two modes
    either (Ashman's D at most 2), or if the samples to be called authentic may be one cloud (dip
    test on their principal axes at 5 %, see ``forensics.populations``). The score is given all the
    same. Many populations of few samples each look like one cloud.

    With ``errors``, samples in a population that are reconstructed differently from it are left
    out, such as mixtures with hardly any of a second person. No labels and no number of people are
    used.

    Args:
        latents: (n, d) latent means, n >= 10.
        neighbours: Candidates for the number of nearest neighbours; capped at n - 1.
        block_size: Rows of the blocks of the pass over all pairs.
        distances: (n, k) ascending distances to the nearest others, if already known; used if
            there are enough for ``neighbours``.
        errors: n reconstruction errors, above 0, such as those of ``encoding.parquet``.

    Returns:
        Mask of the authentic samples and the score (higher is more authentic).

    Raises:
        InputError: If ``latents`` is not a finite n×d matrix with ten rows, a number of
            neighbours is below 1, or ``errors`` are not n positive numbers.
    """
    found = detect(latents, neighbours=neighbours, block_size=block_size, distances=distances)
    if errors is None:
        return found.mask, found.score
    return reject_by_error(latents, found.mask, found.score, errors)


def _explained(latents: Floats, dense: Mask, found: Populations) -> float:
    """Share of the dense samples that lie as near to a population as its own samples do."""
    relative = found.relative_distance(latents[dense])
    return float(np.mean(relative <= found.reach))


def _refine(latents: Floats, density: Floats, found: Populations) -> tuple[Mask, Floats]:
    core = found.labels >= 0
    near = found.nearest_population(latents)
    level = np.array([np.median(density[found.labels == p]) for p in range(found.count)])
    aligned = density - level[near] + np.median(level)
    space = found.discriminant_space(latents)
    points, centres = latents @ space, found.centres @ space
    distance = cdist(points, centres).min(axis=1)
    floor = _FLOOR * np.median(distance[core])
    central = -np.log(np.maximum(distance, floor if floor > 0.0 else 1e-300))
    score = 0.5 * (aligned + central)
    return chord_cut(np.exp(-score)), score

"""Tight populations among latents: groups of dense samples, their centres and their spread."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist, pdist, squareform
from sklearn.cluster import HDBSCAN

from latent_microscope.forensics.mixtures import DensityMixture

_MIN_CLUSTER = 5
_MIN_POPULATION = 3
# A cluster is a population if at least this share of it is certainly dense.
_DENSE_SHARE = 0.5
_CERTAIN = 0.99
_SHRINKAGE = 0.05
_REACH = 5.0
# Without a split of the density, populations are clusters at least a third as large as the largest
# whose centres lie at least ten spreads apart.
_RELATIVE_SIZE = 1 / 3
_TIGHTNESS = 10.0
# Clusters of more samples are found among evenly spaced ones: HDBSCAN takes n² distances.
_MAX_ROWS = 2000

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Populations:
    """Two or more tight groups of samples."""

    labels: Ints  # n group numbers, −1 for samples of none
    centres: Floats  # (count, d) means
    spreads: Floats  # root mean square distance of each group's samples to its centre
    samples: Floats  # the grouped latents, m×d, and their groups
    groups: Ints  # m group numbers
    reach: float = _REACH  # distance to a centre, in spreads, that still belongs to the group

    @property
    def count(self) -> int:
        """Number of populations."""
        return len(self.centres)

    def relative_distance(self, latents: Floats) -> Floats:
        """Distance to the nearest centre in units of that population's spread."""
        floor = 0.1 * float(np.median(self.spreads))
        return (cdist(latents, self.centres) / np.maximum(self.spreads, floor)).min(axis=1)

    def nearest_population(self, latents: Floats) -> Ints:
        """Population of the nearest grouped sample."""
        nearest = np.empty(len(latents), dtype=np.int64)
        for start in range(0, len(latents), 1024):
            block = latents[start : start + 1024]
            nearest[start : start + 1024] = cdist(block, self.samples).argmin(axis=1)
        return self.groups[nearest]

    def discriminant_space(self, latents: Floats) -> Floats:
        """Linear map to the space of the centres, whitened by the spread within populations."""
        offsets = self.centres - self.centres.mean(axis=0)
        _, scale, directions = np.linalg.svd(offsets, full_matrices=False)
        rank = min(int(np.count_nonzero(scale > 1e-6 * scale[0])), self.count - 1)
        basis = directions[:rank].T
        residuals = (self.samples - self.centres[self.groups]) @ basis
        within = residuals.T @ residuals / max(len(residuals) - self.count, 1)
        mean = np.trace(within) / rank
        if mean <= 0.0:  # all populations are points
            return basis
        shrunk = (1.0 - _SHRINKAGE) * within + _SHRINKAGE * mean * np.eye(rank)
        return basis @ np.linalg.cholesky(np.linalg.inv(shrunk))


def find_populations(
    latents: Floats, clusters: Sequence[Mask], density: Floats, mixture: DensityMixture
) -> Populations | None:
    """Clusters most of whose samples are certainly dense; None if fewer than two."""
    certain = mixture.probability_dense(density) > _CERTAIN
    if np.count_nonzero(certain) < 2 * _MIN_POPULATION:
        return None
    groups = []
    for members in clusters:
        inside = members & certain
        n = np.count_nonzero(inside)
        if n >= _MIN_POPULATION and n >= _DENSE_SHARE * np.count_nonzero(members):
            groups.append(inside)
    return _populations(latents, groups)


def separate_populations(latents: Floats, clusters: Sequence[Mask]) -> Populations | None:
    """Large clusters far apart for their spread; None if fewer than two.

    For latents whose density has one mode per population, so that no split of it is right.
    """
    largest = max((np.count_nonzero(members) for members in clusters), default=0)
    groups = []
    for members in clusters:
        rows = np.flatnonzero(members)
        if len(rows) >= _RELATIVE_SIZE * largest:
            # Robust to what hangs on at the border: within reach of the nearer half.
            distance = np.linalg.norm(latents[rows] - np.median(latents[rows], axis=0), axis=1)
            core = np.zeros(len(latents), dtype=bool)
            core[rows[distance <= _REACH * np.median(distance)]] = True
            groups.append(core)
    found = _populations(latents, groups)
    if found is None:
        return None
    apart = pdist(found.centres).min()
    return found if apart >= _TIGHTNESS * found.spreads.max() else None


def find_clusters(latents: Floats) -> list[Mask]:
    """Masks of the members of HDBSCAN's clusters."""
    n = len(latents)
    rows = np.arange(n) if n <= _MAX_ROWS else np.linspace(0, n - 1, _MAX_ROWS).astype(np.int64)
    model = HDBSCAN(min_cluster_size=_MIN_CLUSTER, min_samples=_MIN_CLUSTER, copy=True)
    labels = np.full(n, -1)
    labels[rows] = model.fit_predict(latents[rows])
    return [labels == cluster for cluster in range(int(labels.max()) + 1)]


def _populations(latents: Floats, groups: list[Mask]) -> Populations | None:
    if len(groups) < 2:
        return None
    labels = np.full(len(latents), -1, dtype=np.int64)
    for number, members in enumerate(groups):
        labels[members] = number
    grouped = labels >= 0
    samples, of = latents[grouped], labels[grouped]
    centres = np.stack([samples[of == p].mean(axis=0) for p in range(len(groups))])
    squares = ((samples - centres[of]) ** 2).sum(axis=1)
    spreads = np.sqrt(np.bincount(of, squares) / np.bincount(of))
    # Groups whose centres lie within each other's reach are one: HDBSCAN has cut it in two.
    apart = squareform(pdist(centres)) / np.maximum.outer(spreads, spreads).clip(1e-300)
    count, piece = connected_components(apart <= _REACH)
    if count < len(groups):
        whole = [np.isin(labels, np.flatnonzero(piece == k)) for k in range(count)]
        return _populations(latents, whole)
    return Populations(labels, centres, spreads, samples, of)

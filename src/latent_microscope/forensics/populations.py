"""Tight populations among latents: groups of dense samples, or one single cloud."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh
from scipy.optimize import isotonic_regression
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist, pdist, squareform

from latent_microscope.forensics.mixtures import DensityMixture
from latent_microscope.neighbours.copies import value_order
from latent_microscope.neighbours.mst import single_linkage, spanning_tree, tree_labels
from latent_microscope.neighbours.pairs import neighbour_pass

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
# Clusters of more samples are found among some of them, evenly spaced by their values.
_MAX_ROWS = 2000
_NEIGHBOURS = 15  # listed, of which most of the tree is found
# Axes of the dip test, and the quantile of √n·dip of uniform samples at 1 - 0.05/4, which rises
# with n: 10,000 simulations give 0.603 at 500 values, 0.624 at 4,000.
_AXES = 4
_CRITICAL = 0.63
_ROUNDING = 1e-12  # of the largest variance

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
        distance, spreads = cdist(latents, self.centres), np.maximum(self.spreads, floor)
        outside = np.where(distance > 0.0, np.inf, 0.0)  # of a population that is a point
        return np.divide(distance, spreads, out=outside, where=spreads > 0.0).min(axis=1)

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
    """Masks of the members of HDBSCAN's clusters, which the order of the rows does not change."""
    n = len(latents)
    rows = value_order(latents)
    if n > _MAX_ROWS:
        rows = rows[np.linspace(0, n - 1, _MAX_ROWS).astype(np.int64)]
    points = np.ascontiguousarray(latents[rows])
    near = neighbour_pass(points, k=min(_NEIGHBOURS, len(points) - 1))
    labels = np.full(n, -1)
    tree = spanning_tree(points, near, _MIN_CLUSTER - 1)  # a sample is the first of its neighbours
    labels[rows] = tree_labels(single_linkage(tree), _MIN_CLUSTER)[0]
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


def _minorant(x: Floats, y: Floats) -> tuple[Floats, Ints]:
    """Greatest convex minorant of the points (x ascending, y), and where it bends."""
    gaps = np.diff(x)
    slopes = isotonic_regression(np.diff(y) / gaps, weights=gaps).x
    bends = np.concatenate([[0], np.flatnonzero(np.diff(slopes)) + 1, [len(x) - 1]])
    return np.interp(x, x[bends], y[bends]), bends


def dip(values: npt.ArrayLike) -> float:
    """Largest distance of the empirical distribution from the nearest unimodal one.

    Source: Hartigan and Hartigan 1985, Annals of Statistics 13: convex below, concave above a modal
    interval that shrinks until the distance outside it is the larger one.
    """
    x, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
    upto = np.cumsum(counts) / counts.sum()
    below = upto - counts / counts.sum()
    x = (x - x[0]) / max(float(x[-1] - x[0]), 1e-300)
    low, high, found = 0, len(x) - 1, 0.0
    while low < high:
        part = slice(low, high + 1)
        convex, at = _minorant(x[part], below[part])
        concave, beside = _minorant(x[part], -upto[part])
        concave = -concave
        widest = int(np.argmax(concave - convex))
        if concave[widest] - convex[widest] <= found:
            break
        start, stop = int(at[at <= widest][-1]), int(beside[beside >= widest][0])
        # Without the ends, which may be the mode, where a unimodal distribution may jump.
        left = (upto[part] - convex)[:start]
        right = (concave - below[part])[stop + 1 :]
        found = max(found, float(left.max(initial=0.0)), float(right.max(initial=0.0)))
        if stop - start == high - low:
            break
        low, high = low + start, low + stop
    return found / 2.0


def several_modes(points: Floats) -> bool:
    """Whether points (n, d) form more than one cloud: a test at 5 % without random numbers.

    Dip test on each of the first four principal axes at a quarter of the level, with the uniform's
    critical value, which is least favourable. So one cloud is kept whole wherever its projections
    are unimodal: Gaussian and other log-concave clouds (ball, cube, exponential), elliptical ones
    with heavy tails, of any covariance. It does not hold on curved sheets (a ring is bimodal), nor
    for coordinates of few distinct values.
    """
    n, d = points.shape
    if n < 2:
        return False
    centred = points - points.mean(axis=0)
    scale = float(np.abs(centred).max())
    if scale == 0.0:
        return False
    centred /= scale
    products = centred @ centred.T if n < d else centred.T @ centred
    last = len(products) - 1
    sizes, vectors = eigh(products, subset_by_index=(max(last - _AXES + 1, 0), last))
    # What is smaller is rounding, whose steps look like modes.
    vectors = vectors[:, sizes > _ROUNDING * sizes[-1]]
    projections = vectors if n < d else centred @ vectors
    critical = _CRITICAL / np.sqrt(n)
    return any(dip(projection) > critical for projection in projections.T)

"""Our own detector of authentic samples: two populations of local density.

Authentic samples of one person crowd around that person; interpolations lie scattered between
people. The published funnel looks for the opposite (unique samples) and finds none of them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.mixture import GaussianMixture

from latent_microscope.forensics.checks import as_matrix, in_range
from latent_microscope.forensics.pairs import neighbour_pass

# Duplicates have no finite log density: distances count as at least this share of the median.
_FLOOR = 0.05
# Two components closer than this (Ashman's D) are one population cut in two.
_SEPARATION = 2.0
_MIN_ROWS = 10

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DensityMixture:
    """Two Gaussian components of the log density.

    Attributes:
        means: Means, sparse component first.
        deviations: Standard deviations.
        weights: Weights.
        separation: Ashman's D; below 2 the two are not told apart.
        threshold: Log density above which the dense component is the likelier one; infinite
            where the components are not told apart.
    """

    means: tuple[float, float]
    deviations: tuple[float, float]
    weights: tuple[float, float]
    separation: float
    threshold: float


def log_density(latents: Floats, k: int, block_size: int | None = None) -> Floats:
    """Minus the log of the mean distance to the k nearest others, kept finite for duplicates."""
    distance = neighbour_pass(latents, k=k, block_size=block_size).distances.mean(axis=1)
    positive = distance[distance > 0.0]
    if positive.size == 0:
        return np.zeros(len(latents))
    return -np.log(np.maximum(distance, _FLOOR * np.median(positive)))


def _two_means(values: Floats) -> float:
    """The cut of sorted values that leaves the least variance within its two sides."""
    ordered = np.sort(values)
    n = len(ordered)
    left = np.arange(1, n)
    sums = np.cumsum(ordered)[:-1]
    between = (sums / left - ordered.mean()) ** 2 * left / (n - left)
    cut = int(np.argmax(between))
    return float((ordered[cut] + ordered[cut + 1]) / 2.0)


def fit_mixture(values: Floats) -> DensityMixture:
    """Two Gaussians on log densities, started from the best cut; deterministic."""
    dense = values > _two_means(values)
    if dense.all() or not dense.any():
        centre = float(values.mean())
        return DensityMixture((centre, centre), (0.0, 0.0), (1.0, 0.0), 0.0, np.inf)
    sides = (values[~dense], values[dense])
    # The regularisation keeps a component of duplicates from collapsing to a spike.
    floor = 1e-4 * float(values.var())
    model = GaussianMixture(
        2,
        weights_init=[len(side) / len(values) for side in sides],
        means_init=[[side.mean()] for side in sides],
        precisions_init=[[[1.0 / (side.var() + floor)]] for side in sides],
        reg_covar=floor,
        max_iter=1000,
        tol=1e-6,
        random_state=0,
    ).fit(values[:, None])
    order = np.argsort(model.means_.ravel(), kind="stable")
    means = model.means_.ravel()[order]
    deviations = np.sqrt(model.covariances_.ravel()[order])
    weights = model.weights_[order]
    separation = float(np.sqrt(2.0) * (means[1] - means[0]) / np.hypot(*deviations))
    threshold = _crossing(means, deviations, weights) if separation > _SEPARATION else np.inf
    return DensityMixture(
        (float(means[0]), float(means[1])),
        (float(deviations[0]), float(deviations[1])),
        (float(weights[0]), float(weights[1])),
        separation,
        threshold,
    )


def _crossing(means: Floats, deviations: Floats, weights: Floats) -> float:
    """Where between the means the dense component becomes the likelier one.

    A wide sparse component can win again far out; a threshold is monotone in density.
    """
    grid = np.linspace(means[0], means[1], 4001)[:, None]
    joint = np.log(weights / deviations) - 0.5 * ((grid - means) / deviations) ** 2
    dense = joint[:, 1] > joint[:, 0]
    return float(grid[np.argmax(dense), 0]) if dense.any() else float(means[1])


def detect_authentic(
    latents: npt.ArrayLike, *, k: int = 10, block_size: int | None = None
) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Which samples belong to the dense of two populations.

    The log of the kNN density is split by a two-component Gaussian mixture. No label and no
    number of people is used. When density shows no two populations (Ashman's D at most 2, as in
    one Gaussian cloud) nothing is called authentic.

    Args:
        latents: (n, d) latent means, n >= 10.
        k: Nearest neighbours; capped at n - 1.
        block_size: Rows of the blocks of the pass over all pairs.

    Returns:
        Mask of the authentic samples and the score (log density; higher is more authentic).

    Raises:
        InputError: If ``latents`` is not a finite n×d matrix with ten rows or ``k`` is below 1.
    """
    matrix = as_matrix(latents, "latents", min_rows=_MIN_ROWS)
    score = log_density(matrix, int(in_range(k, "k", 1)), block_size)
    return score > fit_mixture(score).threshold, score

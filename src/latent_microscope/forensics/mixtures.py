"""Two-component mixtures behind the thresholds of the detector of authentic samples."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from sklearn.mixture import GaussianMixture

# Two components closer than this (Ashman's D) are one population cut in two.
_SEPARATION = 2.0
_MAX_ITER = 200

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DensityMixture:
    """Two Gaussian components of the log density."""

    means: tuple[float, float]  # means, sparse component first
    deviations: tuple[float, float]  # standard deviations
    weights: tuple[float, float]  # weights
    separation: float  # Ashman's D; at most 2: not separated
    threshold: float  # log density from which the dense component is more likely; infinite: none

    def probability_dense(self, values: Floats) -> Floats:
        """Posterior probability of the dense component; 0 below the threshold."""
        if not np.isfinite(self.threshold):
            return np.zeros(len(values))
        sparse, dense = (
            np.log(weight) + norm.logpdf(values, mean, deviation)
            for mean, deviation, weight in zip(
                self.means, self.deviations, self.weights, strict=True
            )
        )
        odds = np.exp(np.clip(sparse - dense, -700.0, 700.0))
        return np.where(values > self.threshold, 1.0 / (1.0 + odds), 0.0)


def _two_means(values: Floats) -> float:
    """The cut of sorted values that leaves the least variance within its two sides."""
    ordered = np.sort(values)
    n = len(ordered)
    left = np.arange(1, n)
    sums = np.cumsum(ordered)[:-1]
    between = (sums / left - ordered.mean()) ** 2 * left / (n - left)
    cut = int(np.argmax(between))
    return float((ordered[cut] + ordered[cut + 1]) / 2.0)


def density_mixture(values: Floats) -> DensityMixture:
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
    """Where between the means the dense component becomes the more likely one."""
    grid = np.linspace(means[0], means[1], 4001)[:, None]
    joint = np.log(weights / deviations) - 0.5 * ((grid - means) / deviations) ** 2
    dense = joint[:, 1] > joint[:, 0]
    return float(grid[np.argmax(dense), 0]) if dense.any() else float(means[1])


def chord_cut(distances: Floats) -> npt.NDArray[np.bool_]:
    """Mask of samples nearer than where a power law becomes more likely than a log-normal.

    Distances within a population are log-normal; interpolations lie along chords, at distances
    that follow a power law. Expectation–maximisation from two Gaussians of the log distance.
    """
    near = -np.log(distances)
    near = near > density_mixture(near).threshold
    if not near.any():
        return near
    largest = float(np.quantile(distances, 0.995)) * 1.0001
    share = np.minimum(distances / largest, 1.0)
    logs = np.log(share)
    posterior = near.astype(np.float64)
    for _ in range(_MAX_ITER):
        weight = posterior.mean()
        scattered = 1.0 - posterior
        exponent = scattered.sum() / max(-float(scattered @ logs), 1e-9)
        exponent = min(max(exponent, 0.2), 6.0)
        mean = float(posterior @ logs) / posterior.sum()
        deviation = np.sqrt(float(posterior @ (logs - mean) ** 2) / posterior.sum() + 1e-4)
        # Both as densities of the distance, not of its log.
        tight = np.log(weight) + norm.logpdf(logs, mean, deviation) - logs
        loose = np.log1p(1e-12 - weight) + np.log(exponent) + (exponent - 1.0) * logs
        updated = 1.0 / (1.0 + np.exp(np.clip(loose - tight, -500.0, 500.0)))
        change = float(np.abs(updated - posterior).max())
        posterior = updated
        if change < 1e-5 or posterior.sum() < 1.0:
            break
    likely = share[posterior > 0.5]
    return share <= likely.max() if likely.size else np.zeros(len(distances), dtype=bool)

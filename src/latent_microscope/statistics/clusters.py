"""Standard errors of contrasts of means whose samples come in clusters (images of people)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Below it the t law no longer holds (Tipton 2015); five equal people have 4.
MIN_FREEDOM = 4.0
# Of the working variance, the share that the spread between clusters has to show.
_MIN_SEEN = 0.5


@dataclass(frozen=True)
class ClusteredError:
    """Error of m estimates; the effective number of clusters is ``freedom + 1``."""

    error: Floats  # (m,) standard errors, NaN where ``freedom`` is below :data:`MIN_FREEDOM`
    freedom: Floats  # (m,) degrees of freedom of Student's t, from weights and leverage
    correlation: Floats  # (m,) of two samples of a cluster, estimated, in [0, 1]


def clustered_error(
    residuals: npt.ArrayLike, weights: npt.ArrayLike, strata: Ints, clusters: Ints
) -> ClusteredError:
    """Cluster-robust error of ``sum(weights * values)``, with few or unequal clusters.

    Sums of residuals within a cluster and stratum are divided by the root of 1 - leverage, their
    share of the stratum (CR2), and the variance is scaled to be unbiased in a working model:
    errors of one variance in a stratum, of one correlation in a cluster. The degrees of freedom
    are Satterthwaite's in that model. They depend on the sizes of clusters, not on what was
    observed in them: the residuals of a cluster that fills a stratum are near 0 by construction.

    Source: Bell and McCaffrey 2002; Imbens and Kolesár 2016; Pustejovsky and Tipton 2018.

    Args:
        residuals: (n, m) or (n,) values minus the mean of their stratum.
        weights: (n, m) or (n,) weights in the estimate, one absolute value within a stratum.
        strata: (n,) codes of the groups whose means the estimate contrasts.
        clusters: (n,) codes of the clusters.
    """
    r = np.asarray(residuals, dtype=np.float64)
    r = r[:, None] if r.ndim == 1 else r
    w = np.asarray(weights, dtype=np.float64)
    w = np.broadcast_to(w[:, None] if w.ndim == 1 else w, r.shape)
    k = np.unique(strata, return_inverse=True)[1]
    g = np.unique(clusters, return_inverse=True)[1]
    shape = (int(g.max()) + 1, int(k.max()) + 1)
    counts = np.bincount(g * shape[1] + k, minlength=shape[0] * shape[1]).reshape(shape)
    sizes = counts.astype(np.float64)
    found = np.empty((3, r.shape[1]))
    for j in range(r.shape[1]):
        sums, scale = _sums(r[:, j], w[:, j], k, g, shape)
        found[:, j] = _error(sums, scale, sizes)
    return ClusteredError(*found)


def _sums(
    residuals: Floats, weights: Floats, k: Ints, g: Ints, shape: tuple[int, int]
) -> tuple[Floats, Floats]:
    """Weighted sums (G, K), and weight times standard deviation by stratum (K,), with its sign."""
    values = residuals * weights
    sums = np.bincount(g * shape[1] + k, values, shape[0] * shape[1]).reshape(shape)
    squares = np.bincount(k, values**2, shape[1]) / np.bincount(k, minlength=shape[1])
    return sums, np.copysign(np.sqrt(squares), np.bincount(k, weights, shape[1]))


def _error(sums: Floats, scale: Floats, sizes: Floats) -> tuple[float, float, float]:
    """Error, degrees of freedom and correlation of one estimate."""
    total = sizes.sum(axis=0)
    room = 1.0 - sizes / total
    # A cluster that is a whole stratum shows nothing of its spread.
    adjusted = np.divide(1.0, np.sqrt(room), out=np.zeros_like(room), where=room > 1e-12)
    rho = correlation_within(sums, scale, sizes)
    expected, squared, truth = working_moments(sizes, scale, adjusted, rho)
    seen = expected / truth if truth > 0.0 else 0.0
    if seen < _MIN_SEEN:
        return float("nan"), 0.0, rho
    freedom = expected**2 / squared
    if freedom < MIN_FREEDOM:
        return float("nan"), freedom, rho
    spread = float(np.sum((sums * adjusted).sum(axis=1) ** 2))
    return float(np.sqrt(spread / seen)), freedom, rho


def correlation_within(sums: Floats, scale: Floats, sizes: Floats) -> float:
    """Correlation of two samples of a cluster, each cluster weighted by its samples; in [0, 1]."""
    ends = np.where(scale != 0.0, scale, 1.0)
    of = sizes.sum(axis=1)
    several = of > 1.0
    if not several.any():
        return 0.0
    standard = (sums / ends).sum(axis=1)[several]
    pairs = (standard**2 - of[several]) / (of[several] - 1.0)
    return float(np.clip(pairs.sum() / of[several].sum(), 0.0, 1.0))


def working_moments(
    sizes: Floats, scale: Floats, adjusted: Floats, rho: float
) -> tuple[float, float, float]:
    """Trace of B, trace of B², and the variance of the estimate, in the working model.

    B (G, G): covariance of the clusters' adjusted sums of residuals. It is diagonal but for a part
    of rank 2 K, so nothing of size G² is needed.
    """
    total = sizes.sum(axis=0)
    a = adjusted * scale
    # Covariance of a cluster's sums of errors: (1 - rho) diag(sizes) + rho sizes sizes'.
    r = (1.0 - rho) * a * sizes + rho * (a * sizes).sum(axis=1, keepdims=True) * sizes
    q = a * sizes / total
    between = rho * sizes.T @ sizes + (1.0 - rho) * np.diag(total)
    own = (a * r).sum(axis=1)
    diagonal = own - 2.0 * (r * q).sum(axis=1) + ((q @ between) * q).sum(axis=1)
    low_rank = np.concatenate([q, r], axis=1)
    k = len(total)
    middle = np.block([[between, -np.eye(k)], [-np.eye(k), np.zeros((k, k))]])
    product = middle @ (low_rank.T @ low_rank)
    squared = np.sum(own**2) + 2.0 * np.sum(own * (diagonal - own)) + np.trace(product @ product)
    return float(diagonal.sum()), float(squared), float(scale @ between @ scale)

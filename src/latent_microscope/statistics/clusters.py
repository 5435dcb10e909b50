"""Standard errors of contrasts of means whose samples come in clusters (images of people)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Below it neither the error nor the t law can be trusted (Tipton 2015 advises four).
MIN_FREEDOM = 3.0
# By the sizes of clusters alone: one with 40 % of the samples of a side leaves at most 6.2.
MIN_EFFECTIVE = 6.5
FEWEST = 7  # clusters of one size that reach it
# Of the working variance, the share that the spread between clusters has to show.
_MIN_SEEN = 0.5


@dataclass(frozen=True)
class ClusteredError:
    """Error of m estimates; each field is (m,)."""

    error: Floats  # standard error; NaN where too few clusters carry the estimate
    freedom: Floats  # degrees of freedom of Student's t, from weights and leverage
    effective: Floats  # of clusters, from weights alone: the fewer of both sides of the contrast
    correlation: Floats  # of two samples of a cluster, estimated, in [0, 1]


def clustered_error(
    residuals: npt.ArrayLike,
    weights: npt.ArrayLike,
    strata: Ints,
    clusters: Ints,
    deviations: npt.ArrayLike | None = None,
) -> ClusteredError:
    """Cluster-robust error of ``sum(weights * values)``, with few or unequal clusters.

    Sums of residuals within a cluster and stratum are divided by the root of 1 - leverage, their
    share of the stratum (CR2), and the variance is scaled to be unbiased in a working model:
    errors of one variance in a stratum, of one correlation in a cluster. The error is no smaller
    than that of the working model, which knows what a few clusters do not show by chance. The
    degrees of freedom are Satterthwaite's in that model, with the correlation one standard error
    above its estimate. They depend on the sizes of clusters, not
    on what was observed in them: the residuals of a cluster that fills a stratum are near 0 by
    construction.

    Not available (NaN): fewer than :data:`MIN_FREEDOM` degrees of freedom or
    :data:`MIN_EFFECTIVE` effective clusters.

    Source: Bell and McCaffrey 2002; Imbens and Kolesár 2016; Pustejovsky and Tipton 2018.

    Args:
        residuals: (n, m) or (n,) values minus the mean of their stratum.
        weights: (n, m) or (n,) weights in the estimate, one value within a stratum.
        strata: (n,) codes of the groups whose means the estimate contrasts.
        clusters: (n,) codes of the clusters.
        deviations: (strata, m) standard deviations; by default of the residuals.
    """
    r = np.asarray(residuals, dtype=np.float64)
    r = r[:, None] if r.ndim == 1 else r
    w = np.asarray(weights, dtype=np.float64)
    w = np.broadcast_to(w[:, None] if w.ndim == 1 else w, r.shape)
    k = np.unique(strata, return_inverse=True)[1]
    g = np.unique(clusters, return_inverse=True)[1]
    shape = (int(g.max()) + 1, int(k.max()) + 1)
    cell, cells = g * shape[1] + k, shape[0] * shape[1]
    sizes = np.bincount(cell, minlength=cells).reshape(shape).astype(np.float64)
    total = sizes.sum(axis=0)
    found = np.empty((4, r.shape[1]))
    for j in range(r.shape[1]):
        weight = np.bincount(k, w[:, j]) / total
        sums = np.asarray(np.bincount(cell, r[:, j] * w[:, j], cells), np.float64).reshape(shape)
        if deviations is None:
            spread = np.sqrt(np.bincount(k, r[:, j] ** 2) / total)
        else:
            spread = np.asarray(deviations, dtype=np.float64)[:, j]
        standard = r[:, j] / np.where(spread > 0.0, spread, 1.0)[k]
        correlation = correlation_within(standard, g)
        found[:, j] = _error(sums, weight * spread, sizes, correlation)
    return ClusteredError(*found)


def _error(
    sums: Floats, scale: Floats, sizes: Floats, correlation: tuple[float, float]
) -> tuple[float, float, float, float]:
    """Error, degrees of freedom, effective clusters and correlation of one estimate."""
    rho, most = correlation
    if not scale.any():
        return 0.0, float("nan"), float("nan"), 0.0
    effective = min(
        effective_number((np.abs(scale) * sizes)[:, scale * side > 0.0].sum(axis=1))
        for side in (-1.0, 1.0)
        if (scale * side > 0.0).any()
    )
    room = 1.0 - sizes / sizes.sum(axis=0)
    # A cluster that is a whole stratum shows nothing of its spread.
    adjusted = np.divide(1.0, np.sqrt(room), out=np.zeros_like(room), where=room > 1e-12)
    # Too low a correlation lets a few clusters pass for many.
    expected, squared, truth = working_moments(sizes, scale, adjusted, most)
    freedom = expected**2 / squared if expected >= _MIN_SEEN * truth else 0.0
    if freedom < MIN_FREEDOM or effective < MIN_EFFECTIVE:
        return float("nan"), freedom, effective, rho
    expected, _, truth = working_moments(sizes, scale, adjusted, rho)
    robust = float(np.sum((sums * adjusted).sum(axis=1) ** 2)) * truth / expected
    return float(np.sqrt(max(robust, truth))), freedom, effective, rho


def effective_number(weights: Floats) -> float:
    """Number of equal weights that say as much: Kish's (sum w)² / sum w²."""
    return float(weights.sum() ** 2 / np.sum(weights**2))


def correlation_within(standard: Floats, clusters: Ints) -> tuple[float, float]:
    """Correlation of two samples of a cluster, and one standard error above it; in [0, 1].

    Mean products of two standardised residuals, averaged over clusters of several samples. Each
    counts the same: the residuals of a dominant one are near 0 by construction. With one such
    cluster nothing is known: 1.
    """
    sizes = np.bincount(clusters).astype(np.float64)
    several = sizes > 1.0
    count = int(several.sum())
    if count < 2:
        return float(count), float(count)
    products = np.bincount(clusters, standard) ** 2 - np.bincount(clusters, standard**2)
    each = products[several] / (sizes * (sizes - 1.0))[several]
    mean, error = each.mean(), each.std(ddof=1) / np.sqrt(count)
    return float(np.clip(mean, 0.0, 1.0)), float(np.clip(mean + error, 0.0, 1.0))


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


def resampling_units(identities: npt.ArrayLike) -> npt.NDArray[np.int64] | None:
    """Codes of people, unknown ones (-1) as single people; None if all are unknown."""
    known = np.asarray(identities, dtype=np.int64)
    if (known < 0).all():
        return None
    return np.where(known >= 0, known, -1 - np.arange(len(known)))

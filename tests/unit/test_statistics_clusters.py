"""Cluster-robust errors against matrices written out and against closed forms."""

import numpy as np
import pytest
from scipy.stats import t as student

from latent_microscope.statistics.clusters import clustered_error, working_moments


def test_equal_clusters_give_the_t_of_their_means() -> None:
    values = np.random.default_rng(0).normal(size=40)
    found = clustered_error(
        values - values.mean(), np.full(40, 1 / 40), np.zeros(40, int), np.repeat(np.arange(8), 5)
    )
    means = values.reshape(8, 5).mean(axis=1)
    assert found.error[0] == pytest.approx(means.std(ddof=1) / np.sqrt(8))
    assert found.freedom[0] == pytest.approx(7.0)


def test_independent_samples_give_welch() -> None:
    generator = np.random.default_rng(1)
    a, b = generator.normal(size=9), 3.0 * generator.normal(size=25)
    residuals = np.concatenate([a - a.mean(), b - b.mean()])
    strata = np.repeat([0, 1], [9, 25])
    weights = np.where(strata == 0, 1 / 9, -1 / 25)
    found = clustered_error(residuals, weights, strata, np.arange(34))
    assert found.error[0] == pytest.approx(np.sqrt(a.var(ddof=1) / 9 + b.var(ddof=1) / 25))
    # Welch's, with the variances that divide by n.
    parts = np.array([a.var() / 9, b.var() / 25])
    assert found.freedom[0] == pytest.approx(parts.sum() ** 2 / (parts**2 / [8, 24]).sum())


def test_moments_equal_the_matrices_written_out() -> None:
    generator = np.random.default_rng(2)
    clusters, strata = generator.integers(0, 7, 60), (generator.random(60) < 0.3).astype(int)
    counts = np.zeros((7, 2))
    np.add.at(counts, (clusters, strata), 1.0)
    scale, rho = np.array([0.5, -0.2]), 0.4
    adjusted = 1.0 / np.sqrt(1.0 - counts / counts.sum(axis=0))
    omega = (1 - rho) * np.eye(60) + rho * (clusters[:, None] == clusters)
    own = np.eye(7)[:, clusters] - (counts / counts.sum(axis=0))[:, strata]
    linear = adjusted[:, strata] * scale[strata] * own
    b = linear @ omega @ linear.T
    expected = (np.trace(b), np.trace(b @ b), scale[strata] @ omega @ scale[strata])
    assert working_moments(counts, scale, adjusted, rho) == pytest.approx(expected)


# Seeds where the robust variance is the larger one, and where that of the working model is.
@pytest.mark.parametrize(
    ("within", "seed", "larger"),
    [(0.0, 8, "robust"), (0.7, 8, "robust"), (0.3, 9, "working"), (0.3, 10, "working")],
)
def test_error_and_freedom_equal_the_matrices_written_out(
    within: float, seed: int, larger: str
) -> None:
    generator = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(14), [9, 7, 5, 5, 4, 4, 3, 3, 2, 2, 2, 1, 1, 1])
    n = len(clusters)
    strata = (generator.random(n) < 0.4).astype(int)
    same = clusters[:, None] == clusters
    values = np.sqrt(within) * generator.normal(size=14)[clusters] + generator.normal(size=n)
    groups = np.eye(2)[strata]
    hat = groups @ np.diag(1.0 / groups.sum(axis=0)) @ groups.T
    residuals = values - hat @ values
    weights = np.where(strata == 1, 1.0, -1.0) / groups.sum(axis=0)[strata]
    spread = np.sqrt((groups.T @ residuals**2) / groups.sum(axis=0))[strata]

    standard = residuals / spread
    sizes = np.bincount(clusters)
    each = np.array(
        [
            np.mean([standard[i] * standard[j] for i in own for j in own if i != j])
            for own in (np.flatnonzero(clusters == g) for g in np.flatnonzero(sizes > 1))
        ]
    )
    rho = max(each.mean(), 0.0)
    most = max(each.mean() + np.std(each, ddof=1) / np.sqrt(len(each)), 0.0)

    def moments(rho: float) -> tuple[float, float, float, np.ndarray]:
        omega = (rho * same + (1.0 - rho) * np.eye(n)) * np.outer(spread, spread)
        rows = []
        for g in range(14):
            own = (clusters == g)[:, None] * groups
            leverage = (own.sum(axis=0) / groups.sum(axis=0))[strata]
            rows.append(((clusters == g) * weights / np.sqrt(1 - leverage)) @ (np.eye(n) - hat))
        b = np.array(rows) @ omega @ np.array(rows).T
        return np.trace(b), np.trace(b @ b), weights @ omega @ weights, np.array(rows) @ values

    found = clustered_error(residuals, weights, strata, clusters)
    expected, squared, _, _ = moments(most)
    assert found.freedom[0] == pytest.approx(expected**2 / squared)
    expected, _, truth, sums = moments(rho)
    robust = np.sum(sums**2) * truth / expected
    assert larger == ("robust" if robust > truth else "working")
    assert found.error[0] ** 2 == pytest.approx(max(robust, truth))
    assert found.correlation[0] == pytest.approx(rho)


@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_error_with_one_large_cluster_is_unbiased_and_t_has_its_level(rho: float) -> None:
    generator = np.random.default_rng(3)
    clusters = np.concatenate([np.zeros(20, int), np.repeat(np.arange(1, 41), 2)])
    strata = (generator.random(100) < 0.5).astype(int)
    weights = np.where(strata == 1, 1 / strata.sum(), -1 / (1 - strata).sum())
    shared, own = generator.normal(size=(41, 1000)), generator.normal(size=(100, 1000))
    values = np.sqrt(rho) * shared[clusters] + np.sqrt(1 - rho) * own
    means = np.stack([values[strata == k].mean(axis=0) for k in (0, 1)])
    found = clustered_error(values - means[strata], weights, strata, clusters)
    # The larger of two unbiased variances: never below, and not far above.
    assert 0.95 < np.mean(found.error**2) / (weights @ values).var() < 1.15
    t = np.abs(weights @ values) / found.error
    assert 0.025 < np.mean(t > student.ppf(0.975, found.freedom)) < 0.065
    assert np.mean(found.correlation) == pytest.approx(rho, abs=0.08)


def test_a_cluster_that_holds_a_stratum_or_most_of_all_is_not_available() -> None:
    values = np.random.default_rng(4).normal(size=60)
    alone = np.repeat([0, 1], [30, 30])
    weights = np.where(alone == 0, 1 / 30, -1 / 30)
    people = np.where(alone == 0, 0, np.arange(60))
    found = clustered_error(values, weights, alone, people)
    assert np.isnan(found.error[0])
    assert found.freedom[0] == 0.0
    shared = np.repeat(np.random.default_rng(5).normal(size=31), [30] + [1] * 30)
    people = np.concatenate([np.zeros(30, int), np.arange(1, 31)])
    one = clustered_error(shared - shared.mean(), np.full(60, 1 / 60), np.zeros(60, int), people)
    assert np.isnan(one.error[0])
    assert one.effective[0] < 6.5

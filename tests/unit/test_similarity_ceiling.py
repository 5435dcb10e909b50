"""Noise ceilings in worlds whose truth is known."""

import numpy as np
import pytest
from scipy.special import gammaln
from scipy.stats import dirichlet_multinomial

from latent_microscope.errors import InputError
from latent_microscope.seeds import rng as stream
from latent_microscope.similarity import compare, noise_ceiling, partial_compare, rdm
from latent_microscope.similarity.behaviour import softmax
from latent_microscope.similarity.ceiling import (
    TOO_FEW,
    UNANIMOUS,
    root_spearman_brown,
    share_error,
    simulated_truth,
)
from latent_microscope.similarity.populations import (
    dirichlet_strength,
    fit_population,
    log_likelihood,
)
from latent_microscope.similarity.rdms import pairs_within
from latent_microscope.similarity.votes import halve_votes, vote_shares


def world(
    n: int = 120, votes: int = 51, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 4
    truth = softmax(2.5 * np.eye(4)[labels] + rng.normal(size=(n, 4)))
    return rng.multinomial(votes, truth), truth, labels


def test_root_spearman_brown() -> None:
    assert root_spearman_brown(0.726) == pytest.approx(0.917, abs=5e-4)
    assert root_spearman_brown(1.0) == 1.0
    assert np.isnan(root_spearman_brown([-0.2, 0.0])).all()


def test_ceiling_is_the_mean_of_its_draws() -> None:
    counts, _, _ = world()
    result = noise_ceiling(counts, n_splits=4, seed=3)
    assert result.draws.shape == (4,)
    assert len(set(result.draws)) == 4
    assert result.lower == result.draws.mean()
    assert result.spread == pytest.approx(result.draws.std(ddof=1))
    assert result.upper == root_spearman_brown(result.lower)
    assert result.lower < result.upper < 1
    again = noise_ceiling(counts, n_splits=2, seed=3)
    np.testing.assert_array_equal(again.draws, result.draws[:2])
    assert noise_ceiling(counts, n_splits=2, seed=4).lower != again.lower
    first, second = halve_votes(counts, stream(3, "noise_ceiling", 0))
    by_hand = compare(rdm(vote_shares(first)), rdm(vote_shares(second)))
    assert result.draws[0] == by_hand
    assert np.isnan(noise_ceiling(counts, n_splits=1).spread)


def test_upper_is_near_the_score_of_the_truth_and_rises_with_votes() -> None:
    uppers = []
    for votes in (20, 80, 320):
        counts, truth, _ = world(votes=votes)
        result = noise_ceiling(counts, n_splits=4)
        reached = compare(rdm(truth), rdm(vote_shares(counts)))
        assert result.lower < reached
        assert result.upper == pytest.approx(reached, abs=0.06)
        uppers.append(result.upper)
    assert uppers == sorted(uppers)


def test_controls_and_pairs() -> None:
    counts, _, labels = world()
    label = rdm(np.eye(4)[labels])
    plain = noise_ceiling(counts, n_splits=2)
    partial = noise_ceiling(counts, n_splits=2, controls=[label])
    one, two = (rdm(vote_shares(h)) for h in halve_votes(counts, stream(0, "noise_ceiling", 0)))
    assert partial.draws[0] == pytest.approx(partial_compare(one, two, label), abs=1e-12)
    assert partial.lower < plain.lower
    within = pairs_within(labels)
    inside = noise_ceiling(counts, n_splits=2, pairs=within)
    assert inside.draws[0] == compare(one, two, pairs=within)
    with pytest.raises(InputError, match="pearson"):
        noise_ceiling(counts, method="pearson", controls=[label])


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "jensenshannon", "correlation"])
@pytest.mark.parametrize("method", ["spearman", "pearson", "rho-a"])
def test_every_metric_and_method(metric: str, method: str) -> None:
    counts, _, _ = world()
    assert 0 < noise_ceiling(counts, metric, method, n_splits=1).lower < 1


def test_mistakes() -> None:
    counts, _, _ = world(10)
    with pytest.raises(InputError, match="n_splits"):
        noise_ceiling(counts, n_splits=0)
    counts[4] = [1, 0, 0, 0]
    with pytest.raises(InputError, match="Row 4"):
        noise_ceiling(counts)


def test_log_likelihood_is_the_dirichlet_multinomial_of_scipy() -> None:
    counts = np.array([[3, 0, 2], [1, 1, 0], [0, 7, 0]])
    centres = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    found = log_likelihood(counts, centres, 4.0)
    for i, row in enumerate(counts):
        # Without the number of orders of the votes.
        orders = gammaln(row.sum() + 1) - gammaln(row + 1).sum()
        expected = [dirichlet_multinomial(4.0 * c, row.sum()).logpmf(row) for c in centres]
        np.testing.assert_allclose(found[i] + orders, expected)
    near = log_likelihood(counts, centres, np.inf)
    np.testing.assert_allclose(log_likelihood(counts, centres, 1e8), near, atol=1e-4)


@pytest.mark.parametrize("strength", [1.0, 10.0])
def test_dirichlet_strength_is_recovered(strength: float) -> None:
    rng = np.random.default_rng(0)
    centre = np.array([0.7, 0.2, 0.1])
    counts = rng.multinomial(50, rng.dirichlet(strength * centre, 4000))
    assert dirichlet_strength(counts, centre) == pytest.approx(strength, rel=0.06)
    assert dirichlet_strength(rng.multinomial(50, centre, size=4000), centre) > 1000


def test_a_truth_varies_as_its_population_does() -> None:
    """Draws vary as the truth does; a posterior mean varies less and must not stand for it."""
    rng = np.random.default_rng(4)
    truth = rng.dirichlet([3.0, 2.0, 1.0], 3000)
    counts = rng.multinomial(4, truth)
    variance = truth.var(axis=0).sum()
    drawn = simulated_truth(counts, np.random.default_rng(1))
    np.testing.assert_allclose(drawn.sum(axis=1), 1.0)
    assert drawn.var(axis=0).sum() == pytest.approx(variance, rel=0.1)
    # Given the votes: as close to them as the truth is.
    far = np.mean((truth - vote_shares(counts)) ** 2)
    assert np.mean((drawn - vote_shares(counts)) ** 2) == pytest.approx(far, rel=0.1)


def test_groups_come_from_the_votes_only_where_they_differ() -> None:
    counts, _, labels = world(400)
    population = fit_population(counts, np.random.default_rng(0))
    assert population.centres.shape == (4, 4)
    assert (population.shares.argmax(axis=1) == labels).mean() > 0.85
    same = np.random.default_rng(0).multinomial(20, np.full(4, 0.25), size=400)
    assert len(fit_population(same, np.random.default_rng(0)).centres) == 1


@pytest.mark.parametrize("votes", [[4] * 100 + [100] * 100, [30] * 200])
def test_identical_images_have_no_ceiling_above_0(votes: list[int]) -> None:
    found = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        counts = rng.multinomial(votes, [0.4, 0.3, 0.2, 0.1])
        result = noise_ceiling(counts, n_splits=1, n_simulated=2, seed=seed)
        assert result.status == ""
        found.append(result.ceiling)
    assert np.mean(found) < 0.05
    assert min(found) == 0.0


@pytest.mark.parametrize("method", ["spearman", "rho-a"])
def test_the_ceiling_is_the_score_of_the_truth(method: str) -> None:
    """Four votes each, in a population that is not Dirichlet; root Spearman-Brown says 0.19."""
    errors, halves = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        truth = softmax(rng.normal(size=(300, 10)))
        counts = rng.multinomial(4, truth)
        result = noise_ceiling(counts, method=method, n_splits=1, n_simulated=2, seed=seed)
        true = compare(rdm(truth), rdm(vote_shares(counts)), method)
        errors.append(result.ceiling - true)
        halves.append(result.lower - true)
    assert abs(np.mean(errors)) < 0.04
    assert np.mean(halves) < -0.15


def test_a_ceiling_of_too_few_votes_is_not_available() -> None:
    counts = np.random.default_rng(0).multinomial(2, [0.4, 0.6], size=30)
    result = noise_ceiling(counts, n_splits=1)
    assert np.isnan(result.ceiling)
    assert result.status == TOO_FEW
    assert np.isfinite(result.lower)
    # Two answers have one dimension, three equal ones two.
    assert share_error(counts) == pytest.approx(np.sqrt(2 / (30 * 0.5)))
    three = np.full((8, 3), 4)
    assert share_error(three) == pytest.approx(np.sqrt(2 / (2 * 8 * 11 / 12)))
    assert np.isnan(noise_ceiling(world(20)[0], n_splits=1, n_simulated=0).ceiling)
    # Four classes: 20 images of each, or 10 with 20 votes.
    for n, votes, status in ((80, 8, ""), (79, 8, TOO_FEW), (40, 20, ""), (39, 20, TOO_FEW)):
        labels = np.arange(n) % 4
        some = (votes - 2) * np.eye(4, dtype=int)[labels] + 2 * np.eye(4, dtype=int)[labels - 1]
        some[::2] += np.eye(4, dtype=int)[labels[::2]] - np.eye(4, dtype=int)[labels[::2] - 1]
        assert noise_ceiling(some, n_splits=1, n_simulated=1).status == status
    clear = 9 * np.eye(3, dtype=int)[np.arange(60) % 3]
    clear[:3] = [6, 3, 0]  # 57 of 60 images: 95 %
    assert noise_ceiling(clear, n_splits=1).status == ""
    clear[2] = [0, 0, 9]
    assert noise_ceiling(clear, n_splits=1).status == UNANIMOUS

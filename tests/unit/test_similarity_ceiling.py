"""Noise ceilings in worlds whose truth is known."""

import numpy as np
import pytest

from latent_microscope.errors import InputError
from latent_microscope.seeds import rng as stream
from latent_microscope.similarity import compare, noise_ceiling, partial_compare, rdm
from latent_microscope.similarity.behaviour import softmax
from latent_microscope.similarity.ceiling import (
    dirichlet_strength,
    root_spearman_brown,
    simulated_ceilings,
    simulated_truth,
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
    with pytest.raises(InputError, match="oracle"):
        simulated_ceilings(world(10)[0], truths=["oracle"])


@pytest.mark.parametrize("strength", [1.0, 10.0])
def test_dirichlet_strength_is_recovered(strength: float) -> None:
    rng = np.random.default_rng(0)
    prior = np.tile([0.7, 0.2, 0.1], (4000, 1))
    truth = rng.dirichlet(strength * prior[0], 4000)
    counts = rng.multinomial(50, truth)
    assert dirichlet_strength(counts, prior) == pytest.approx(strength, rel=0.06)


def test_simulated_ceilings() -> None:
    counts, _, labels = world()
    table = simulated_ceilings(counts, n_draws=3, labels=labels)
    assert table["truth"].tolist() == ["smoothed", "dirichlet"]
    half, ceiling, estimate, bias = (
        table[name].to_numpy(dtype=np.float64)
        for name in ("split_half", "ceiling", "estimate", "bias")
    )
    assert ((half < ceiling) & (ceiling < 1)).all()
    np.testing.assert_allclose(bias, estimate - ceiling)
    # A posterior mean has too little spread, hence more noise beside it.
    assert ceiling[0] < ceiling[1]
    for truth in ("smoothed", "dirichlet"):
        p = simulated_truth(counts, truth, np.random.default_rng(0), labels)
        np.testing.assert_allclose(p.sum(axis=1), 1.0)
        assert p.min() > 0
        assert np.abs(p - vote_shares(counts)).mean() < 0.06

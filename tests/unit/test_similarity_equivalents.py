"""Annotator equivalents: draws, curve, interpolation and censoring."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import entropy

from latent_microscope.errors import InputError
from latent_microscope.similarity import annotator_equivalents
from latent_microscope.similarity.behaviour import softmax
from latent_microscope.similarity.equivalents import (
    SCORES,
    crossing,
    default_grid,
    fit_strength,
    nested_draws,
    smooth,
    smoothed_by_fold,
)
from latent_microscope.similarity.votes import vote_shares


def world(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Votes, the log of the truth, labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 4
    logits = 3 * np.eye(4)[labels] + 1.2 * rng.normal(size=(n, 4))
    return rng.multinomial(rng.integers(47, 64, n), softmax(logits)), logits, labels


def column(table: pd.DataFrame, name: str) -> np.ndarray:
    return table[name].to_numpy(dtype=np.float64)


def test_nested_draws_are_without_replacement() -> None:
    rng = np.random.default_rng(0)
    counts = np.tile([[5, 2, 1]], (20_000, 1))
    one, three, eight = nested_draws(counts, [1, 3, 8], rng)
    np.testing.assert_array_equal(eight, counts)
    assert (one <= three).all()
    assert (three.sum(axis=1) == 3).all()
    np.testing.assert_allclose(one.mean(axis=0), [5 / 8, 2 / 8, 1 / 8], atol=0.012)
    p = np.array([5, 2, 1]) / 8
    np.testing.assert_allclose(three.var(axis=0), 3 * p * (1 - p) * 5 / 7, rtol=0.04)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (0.1, (1.0, "<")),
        (0.2, (1.0, "")),
        (0.35, (2.5, "")),
        (0.4, (3.0, "")),
        (0.5, (4.0, "")),
        (0.8, (9.0, "")),
        (0.9, (9.0, ">")),
        (np.inf, (9.0, ">")),
        (-np.inf, (1.0, "<")),
    ],
)
def test_crossing(target: float, expected: tuple[float, str]) -> None:
    scores = np.array([0.2, 0.3, 0.4, 0.35, 0.6, 0.8])  # one dip
    votes = [1, 2, 3, 4, 5, 9]
    scores[3] = 0.5 if target == 0.5 else scores[3]
    for larger in (True, False):
        sign = 1 if larger else -1
        found = crossing(votes, sign * scores, sign * target, larger=larger)
        assert found == (pytest.approx(expected[0]), expected[1])


def test_grid_of_votes() -> None:
    assert default_grid(1) == [1]
    assert default_grid(4) == [1, 2, 3, 4]
    assert default_grid(25) == [1, 2, 3, 4, 6, 8, 12, 16, 25]
    assert default_grid(99) == [1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 99]


def test_crossing_passes_a_dip_and_nan() -> None:
    assert crossing([1, 2, 3], np.array([0.5, 0.4, 0.7]), 0.6, larger=True)[0] == 2.5
    value, mark = crossing([1, 2], np.array([0.1, 0.2]), np.nan, larger=True)
    assert np.isnan(value)
    assert mark == ""


def test_strength_is_the_minimum_and_is_recovered() -> None:
    rng = np.random.default_rng(1)
    prior = np.full((6000, 3), 1 / 3)
    truth = rng.dirichlet([2.0, 2.0, 2.0], 6000)
    votes = rng.multinomial(5, truth)
    reference = vote_shares(rng.multinomial(25, truth))
    strength = fit_strength(votes, prior, reference)
    assert strength == pytest.approx(6.0, rel=0.1)

    def loss(s: float) -> float:
        return float(-np.sum(reference * np.log(smooth(votes, prior, s))))

    assert loss(strength) <= min(loss(strength * 1.05), loss(strength / 1.05))
    np.testing.assert_allclose(smooth(votes, prior, 2.0).sum(axis=1), 1.0)


def test_strength_at_the_ends_of_its_range() -> None:
    """Votes that are the reference need no prior; a prior that is the reference needs no votes."""
    votes = np.array([[9, 1], [1, 9], [5, 5]])
    shares, other = votes / 10, votes[:, ::-1] / 10
    assert fit_strength(votes, other, shares) == pytest.approx(1e-4, rel=3e-4)
    assert fit_strength(votes[:, ::-1], shares, shares) == pytest.approx(1e3, rel=3e-4)


def test_smoothing_is_fitted_on_the_other_fold() -> None:
    """Two folds that need very different strengths: each is smoothed with that of the other."""
    rng = np.random.default_rng(0)
    folds = np.repeat([0, 1], 300)
    truth = np.where(folds[:, None] == 0, [0.98, 0.01, 0.01], [0.4, 0.3, 0.3])
    votes = rng.multinomial(5, truth)
    reference = vote_shares(rng.multinomial(25, truth))
    prior = np.full((600, 3), 1 / 3)
    strengths = [fit_strength(votes[k], prior[k], reference[k]) for k in (folds == 0, folds == 1)]
    assert strengths[1] > 10 * strengths[0]
    found, mean = smoothed_by_fold(votes, reference, np.zeros(600, int), folds, "uniform")
    for fold in (0, 1):
        here = folds == fold
        expected = smooth(votes[here], prior[here], strengths[1 - fold])
        np.testing.assert_array_equal(found[here], expected)
    assert mean == np.mean(strengths)


def test_both_ways_of_counting_ties_bracket_the_votes() -> None:
    """A model as good as m fresh votes without ties: more votes by rho-a than by Spearman."""
    counts, logits, labels = world(300)
    noisy = logits + np.random.default_rng(2).normal(size=logits.shape)
    answers = [
        annotator_equivalents(score, counts, noisy, labels, n_repeats=2).votes
        for score in ("rsa", "rsa_rho_a")
    ]
    assert answers[0] < answers[1]


@pytest.mark.parametrize("score", list(SCORES))
def test_every_score(score: str) -> None:
    counts, logits, labels = world(200)
    result = annotator_equivalents(score, counts, logits, labels, n_repeats=2, grid=[1, 4, 16])
    values = column(result.curve, "score")
    larger = SCORES[score][1]
    assert (np.diff(values) > 0).all() if larger else (np.diff(values) < 0).all()
    assert column(result.curve, "votes").tolist() == [1, 4, 16]
    assert result.max_votes == counts.sum(axis=1).min() // 2
    # The truth itself is worth many votes.
    assert result.censored == ">" or result.votes > 4
    assert np.isfinite(column(result.curve, "strength")).all() == SCORES[score][2]
    again = annotator_equivalents(score, counts, logits, labels, n_repeats=2, grid=[1, 4, 16])
    pd.testing.assert_frame_equal(result.curve, again.curve, check_exact=True)


def test_the_answer_grows_with_the_model() -> None:
    counts, logits, labels = world()
    noise = np.random.default_rng(2).normal(size=logits.shape)
    answers = [
        annotator_equivalents("cross_entropy", counts, logits + s * noise, labels, n_repeats=2)
        for s in (3.0, 1.0, 0.5)
    ]
    numbers = [a.votes for a in answers]
    assert numbers == sorted(numbers)
    assert answers[0].censored == "<"
    assert str(answers[0]) == "< 1"
    assert answers[1].censored == ""
    assert str(answers[1]) == f"{answers[1].votes:.1f}"
    assert np.isfinite(answers[1].draws).all()


def test_a_predictor_made_of_m_votes_is_worth_about_m() -> None:
    """Votes of another draw from the same truth, m of them, are worth m."""
    counts, logits, labels = world(3000)
    extra = np.random.default_rng(3).multinomial(6, softmax(logits))
    for score in ("js", "agreement"):
        result = annotator_equivalents(
            score, counts, vote_shares(extra), labels, kind="probabilities", n_repeats=3
        )
        assert result.votes == pytest.approx(6, abs=1.2)


def test_censored_above() -> None:
    counts, logits, labels = world()
    result = annotator_equivalents("kl", counts, logits, labels, n_repeats=1, grid=[1, 2])
    assert (result.censored, result.votes, str(result)) == (">", 2.0, "> 2")
    assert np.isnan(result.draws).all()
    assert np.isnan(column(result.curve, "sd")).all()


def test_the_curve_has_the_spread_over_divisions_of_the_votes() -> None:
    counts, logits, labels = world(200)
    one, two = (
        column(
            annotator_equivalents("js", counts, logits, labels, n_repeats=n, grid=[1, 3]).curve,
            "score",
        )
        for n in (1, 2)
    )
    spread = column(
        annotator_equivalents("js", counts, logits, labels, n_repeats=2, grid=[1, 3]).curve, "sd"
    )
    np.testing.assert_allclose(spread, np.abs(one - (2 * two - one)) / np.sqrt(2.0), rtol=1e-9)
    assert (spread > 0.0).all()


def test_model_score_is_against_the_reference_half() -> None:
    counts, logits, labels = world()
    result = annotator_equivalents("kl", counts, logits, labels, n_repeats=1)
    against_all = np.mean(entropy(vote_shares(counts), softmax(logits), axis=1))
    # Half of the votes lie further from the truth than all of them.
    assert against_all < result.model_score < 2.5 * against_all


def test_cross_entropy_is_not_clipped() -> None:
    counts, logits, labels = world()
    result = annotator_equivalents("cross_entropy", counts, 1e4 * logits, labels, n_repeats=1)
    assert 100 < result.model_score < np.inf
    assert result.censored == "<"


def test_the_class_prior_lends_the_votes_the_label() -> None:
    counts, logits, labels = world()
    curves = [
        column(
            annotator_equivalents(
                "cross_entropy", counts, logits, labels, prior=prior, n_repeats=1, grid=[1, 8]
            ).curve,
            "score",
        )
        for prior in ("uniform", "class")
    ]
    assert (curves[1] < curves[0]).all()


def test_own_score() -> None:
    counts, logits, labels = world(200)

    def accuracy(log_p: np.ndarray, reference: np.ndarray, y: np.ndarray) -> float:
        assert reference.shape == log_p.shape
        return float(np.mean(log_p.argmax(axis=1) == y))

    result = annotator_equivalents(accuracy, counts, logits, labels, n_repeats=1, smoothed=True)
    assert result.model_score == np.mean(logits.argmax(axis=1) == labels)
    assert np.isfinite(column(result.curve, "strength")).all()


def test_mistakes() -> None:
    counts, logits, labels = world(40)
    with pytest.raises(InputError, match="brier"):
        annotator_equivalents("brier", counts, logits, labels)
    with pytest.raises(InputError, match="kind='probabilities'"):
        annotator_equivalents("kl", counts, softmax(logits), labels)
    with pytest.raises(InputError, match="kind='logits'"):
        annotator_equivalents("kl", counts, logits, labels, kind="probabilities")
    with pytest.raises(InputError, match="odds"):
        annotator_equivalents("kl", counts, logits, labels, kind="odds")
    with pytest.raises(InputError, match="flat"):
        annotator_equivalents("kl", counts, logits, labels, prior="flat")
    with pytest.raises(InputError, match="40"):
        annotator_equivalents("kl", counts, logits, labels, grid=[1, 40])
    for grid in ([], [4, 2], [2, 2, 4], [0, 2]):
        with pytest.raises(InputError, match="must ascend"):
            annotator_equivalents("kl", counts, logits, labels, grid=grid)
    with pytest.raises(InputError, match="39 labels"):
        annotator_equivalents("kl", counts, logits, labels[1:])
    with pytest.raises(InputError, match="shape"):
        annotator_equivalents("kl", counts, logits[1:], labels)

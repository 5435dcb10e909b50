"""Behaviour beside people: against torch-free formulas, scipy, scikit-learn and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy, spearmanr
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from latent_microscope.errors import InputError
from latent_microscope.similarity import behaviour, temperature
from latent_microscope.similarity.votes import (
    as_counts,
    class_mean_votes,
    draw_without_replacement,
    halve_votes,
    vote_shares,
)


def world(n: int = 200, k: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, n)
    logits = 3 * np.eye(k)[labels] + 1.5 * rng.normal(size=(n, k))
    truth = behaviour.softmax(4 * np.eye(k)[labels] + rng.normal(size=(n, k)))
    return logits, rng.multinomial(rng.integers(47, 64, n), truth), labels


def test_cross_entropy_and_divergences_are_scipys() -> None:
    logits, counts, _ = world()
    p, t = behaviour.softmax(logits), vote_shares(counts)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-14)
    kl = np.mean([entropy(a, b) for a, b in zip(t, p, strict=True)])
    js = np.mean([jensenshannon(a, b) ** 2 for a, b in zip(t, p, strict=True)])
    assert behaviour.kl_divergence(logits, t) == pytest.approx(kl, abs=1e-12)
    assert behaviour.js_divergence(logits, t) == pytest.approx(js, abs=1e-12)
    each = behaviour.js_divergence_each(logits, t)
    np.testing.assert_allclose(each, jensenshannon(t, p, axis=1) ** 2, atol=1e-12)
    ce = np.mean(behaviour.vote_entropy(counts)) + kl
    assert behaviour.cross_entropy(logits, t) == pytest.approx(ce, abs=1e-12)


def test_cross_entropy_is_never_clipped() -> None:
    logits = np.array([[0.0, 2000.0, -5e4]], dtype=np.float32)
    assert behaviour.cross_entropy(logits, [[0.0, 0.0, 1.0]]) == 52000.0
    assert behaviour.cross_entropy(logits, [[0.25, 0.75, 0.0]]) == 500.0
    certain = np.array([[0.0, -np.inf]])
    assert behaviour.cross_entropy(certain, [[1.0, 0.0]]) == 0.0
    assert behaviour.cross_entropy(certain, [[0.5, 0.5]]) == np.inf
    assert behaviour.js_divergence(certain, [[0.0, 1.0]]) == pytest.approx(np.log(2))


@pytest.mark.parametrize("row", [[np.nan, 0.0], [np.inf, 0.0], [-np.inf, -np.inf]])
def test_bad_logits_are_errors(row: list[float]) -> None:
    with pytest.raises(InputError, match="Row 1"):
        behaviour.log_softmax([[0.0, 1.0], row])


def test_counts_are_no_distribution() -> None:
    with pytest.raises(InputError, match="Row 0"):
        behaviour.cross_entropy([[0.0, 1.0]], [[3.0, 4.0]])
    with pytest.raises(InputError, match="shape"):
        behaviour.cross_entropy([[0.0, 1.0]], [[1.0]])


def test_temperature_is_the_minimum() -> None:
    logits, counts, _ = world()
    t = vote_shares(counts)
    found = temperature.fit_temperature(5 * logits, t)
    best = minimize_scalar(
        lambda x: behaviour.cross_entropy(5 * logits, t, np.exp(x)),
        bounds=(-3, 4),
        method="bounded",
    )
    assert found == pytest.approx(np.exp(best.x), rel=1e-4)
    assert temperature.fit_temperature(10 * logits, t) == pytest.approx(2 * found, rel=1e-8)
    tempered = behaviour.cross_entropy(5 * logits, t, found)
    assert tempered < behaviour.cross_entropy(5 * logits, t)


def test_temperature_at_the_ends_of_its_range() -> None:
    logits = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert temperature.fit_temperature(logits, np.eye(2)) == pytest.approx(1e-3)
    assert temperature.fit_temperature(logits, np.eye(2)[::-1]) == pytest.approx(1e3)
    # At the coldest end such answers are still unsure, and colder would be better.
    assert temperature.fit_temperature(1e-3 * logits, np.eye(2)) == pytest.approx(1e-3)


def test_temperatures_come_from_the_other_folds() -> None:
    logits, counts, _ = world()
    t = vote_shares(counts)
    folds = np.arange(200) % 4
    got = temperature.cross_fitted_temperatures(logits, t, folds)
    for fold in range(4):
        expected = temperature.fit_temperature(logits[folds != fold], t[folds != fold])
        assert set(got[folds == fold]) == {expected}
    changed = t.copy()
    changed[folds == 2] = 0.2
    again = temperature.cross_fitted_temperatures(logits, changed, folds)
    np.testing.assert_array_equal(again[folds == 2], got[folds == 2])
    assert (again[folds != 2] != got[folds != 2]).all()
    with pytest.raises(InputError, match="folds"):
        temperature.cross_fitted_temperatures(logits, t, np.zeros(200))


def test_second_best_accuracy_by_hand() -> None:
    counts = [[50, 0, 0], [40, 9, 1], [40, 5, 5], [20, 20, 10], [1, 9, 40]]
    logits = np.array([[3, 2, 1], [3, 2, 1], [3, 1, 2], [1, 2, 3], [3, 2, 1]])
    # unanimous left out; right; tie, right; first shared by 0 and 1: guess 1 right; guess 1 right
    assert behaviour.second_best_accuracy(logits, counts) == 1.0
    wrong = np.array([[3, 2, 1], [3, 1, 2], [1, 2, 3], [3, 1, 2], [3, 1, 2]])
    assert behaviour.second_best_accuracy(wrong, counts) == 0.25
    assert np.isnan(behaviour.second_best_accuracy([[1.0, 2.0]], [[5, 0]]))


def test_entropy_correlation_is_scipys() -> None:
    logits, counts, _ = world()
    predicted = entropy(behaviour.softmax(logits), axis=1)
    human = np.round(entropy(counts, axis=1), 12)
    expected = spearmanr(predicted, human).statistic
    assert behaviour.entropy_correlation(logits, counts) == pytest.approx(expected, abs=1e-12)
    assert np.isnan(behaviour.entropy_correlation(logits, np.full((200, 5), 3)))


def test_the_same_probabilities_of_other_classes_tie() -> None:
    _, counts, _ = world()
    first, second = halve_votes(counts, np.random.default_rng(0))
    predicted, human = (np.round(entropy(half, axis=1), 12) for half in (first, second))
    assert len(np.unique(predicted)) < 190
    logits = behaviour.log(vote_shares(first))
    found = behaviour.entropy_correlation(logits, second)
    assert found == pytest.approx(spearmanr(predicted, human).statistic, abs=1e-12)
    assert behaviour.entropy_correlation(logits[:, ::-1], second) == found


def test_error_consistency_is_the_mean_over_drawn_observers() -> None:
    logits, counts, labels = world(400)
    correct = logits.argmax(axis=1) == labels
    rng = np.random.default_rng(1)
    shares = vote_shares(counts)
    answers = np.array(
        [(rng.random((400, 1)) > shares.cumsum(axis=1)).sum(axis=1) for _ in range(400)]
    )
    agree = [(correct == (a == labels)).mean() for a in answers]
    kappas = [cohen_kappa_score(correct, a == labels) for a in answers]
    ours = behaviour.error_consistency(correct, counts, labels)
    assert ours == pytest.approx(np.mean(kappas), abs=0.02)
    a, b = correct.mean(), shares[np.arange(400), labels].mean()
    expected = a * b + (1 - a) * (1 - b)
    observed = ours * (1 - expected) + expected
    assert observed == pytest.approx(np.mean(agree), abs=5 * np.std(agree) / 20)


def test_error_consistency_at_its_limits() -> None:
    counts = np.array([[10, 0], [0, 10], [10, 0], [0, 10]])
    labels = np.array([0, 0, 0, 0])
    assert behaviour.error_consistency([1, 0, 1, 0], counts, labels) == 1.0
    assert behaviour.error_consistency([0, 1, 0, 1], counts, labels) == -1.0
    assert behaviour.error_consistency([1, 1, 0, 0], counts, labels) == 0.0
    assert behaviour.human_error_consistency(counts, labels) == 1.0
    assert np.isnan(behaviour.error_consistency([1, 1], [[5, 0], [5, 0]], [0, 0]))
    # Two of two different votes: they never agree.
    assert behaviour.human_error_consistency([[1, 1]], [0]) == -1.0


def test_confusion() -> None:
    logits, counts, labels = world()
    guesses = behaviour.one_hot(logits.argmax(axis=1), 5)
    expected = confusion_matrix(labels, logits.argmax(axis=1), normalize="true")
    np.testing.assert_allclose(behaviour.confusion(guesses, labels), expected, atol=1e-14)
    shares = vote_shares(counts)
    by_hand = np.stack([shares[labels == c].mean(axis=0) for c in range(5)])
    np.testing.assert_allclose(behaviour.confusion(shares, labels), by_hand, atol=1e-14)
    assert np.isnan(behaviour.confusion(shares[labels != 2], labels[labels != 2])[2]).all()


def test_soft_labels_are_shares_already_and_other_decimals_are_no_votes() -> None:
    soft = np.array([[0.25, 0.75], [1.0, 0.0]])
    np.testing.assert_array_equal(vote_shares(soft), soft)
    np.testing.assert_array_equal(vote_shares(np.array([[1.0, 3.0], [2.0, 0.0]])), soft)
    with pytest.raises(InputError):
        vote_shares(soft * [[1.0], [0.9]])


def test_shared_confusions() -> None:
    human = np.array([[0.8, 0.2, 0.0], [0.1, 0.85, 0.05], [0.0, 0.0, 1.0]])
    model = np.array([[0.9, 0.05, 0.05], [0.3, 0.7, 0.0], [0.0, 0.1, 0.9]])
    table = behaviour.shared_confusions(human, model, ["cat", "dog", "ship"], top=2)
    assert table.columns.tolist() == ["true", "answer", "human", "model", "shared", "difference"]
    assert table[["true", "answer"]].to_numpy().tolist() == [["dog", "cat"], ["cat", "dog"]]
    assert table["shared"].tolist() == [0.1, 0.05]
    np.testing.assert_allclose(table["difference"], [0.2, -0.15])


def test_behaviour_scores_has_every_score() -> None:
    logits, counts, labels = world()
    scores = behaviour.behaviour_scores(logits, counts, labels, folds=np.arange(200) % 2)
    assert set(scores) == {
        *("accuracy", "cross_entropy", "kl", "js", "second_best_accuracy", "entropy_spearman"),
        *("error_kappa", "temperature", "cross_entropy_tempered"),
    }
    assert np.isfinite(list(scores.values())).all()
    assert "temperature" not in behaviour.behaviour_scores(logits, counts, labels)
    assert scores["accuracy"] == np.mean(logits.argmax(axis=1) == labels)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_halves_of_votes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 9, size=(30, 4)) + np.array([1, 1, 0, 0])
    one, two = halve_votes(counts, rng)
    np.testing.assert_array_equal(one + two, counts)
    assert one.min() >= 0
    assert two.min() >= 0
    assert np.abs(one.sum(axis=1) - two.sum(axis=1)).max() <= 1


def test_draws_are_hypergeometric_and_odd_votes_go_either_way() -> None:
    rng = np.random.default_rng(0)
    counts = np.tile([[6, 3, 2]], (20_000, 1))
    drawn = draw_without_replacement(counts, np.full(20_000, 4), rng)
    assert (drawn.sum(axis=1) == 4).all()
    p = np.array([6, 3, 2]) / 11
    np.testing.assert_allclose(drawn.mean(axis=0), 4 * p, atol=0.04)
    np.testing.assert_allclose(drawn.var(axis=0), 4 * p * (1 - p) * 7 / 10, rtol=0.04)
    first, _ = halve_votes(counts, rng)
    assert 0.48 < (first.sum(axis=1) == 5).mean() < 0.52


def test_votes_must_be_counts() -> None:
    with pytest.raises(InputError, match="Row 1"):
        as_counts(np.array([[1, 2], [0.5, 0.5]]))
    with pytest.raises(InputError, match="Row 0"):
        as_counts([[1, 0], [2, 2]], at_least=2)
    with pytest.raises(InputError, match="shape"):
        as_counts([1, 2])


def test_class_mean_votes() -> None:
    counts = [[2, 2], [4, 0], [0, 3]]
    expected = np.array([[0.75, 0.25], [0.75, 0.25], [0.0, 1.0]])
    np.testing.assert_allclose(class_mean_votes(counts, ["cat", "cat", "dog"]), expected)


def test_a_perfect_model_is_scored_as_the_truth_is() -> None:
    """Softmax-normal truths, which the fitted population does not assume."""
    found, true, people = [], [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        labels = np.arange(300) % 4
        logits = 2.5 * np.eye(4)[labels] + rng.normal(size=(300, 4))
        counts = rng.multinomial(20, behaviour.softmax(logits))
        found.append(behaviour.perfect_scores(counts, rng))
        true.append(behaviour.behaviour_scores(logits, counts, labels))
        people.append(behaviour.annotator_scores(counts, rng))
    for name in found[0]:
        means = [np.mean([one[name] for one in scores]) for scores in (found, true)]
        assert means[0] == pytest.approx(means[1], abs=0.03), name
    for name in ("second_best_accuracy", "entropy_spearman"):
        assert np.mean([one[name] for one in people]) < np.mean([one[name] for one in true]) - 0.1


def test_people_against_people() -> None:
    """Two votes per image: one against the other."""
    counts = np.array([[1, 1, 0]] * 40 + [[2, 0, 0]] * 40)
    scores = behaviour.annotator_scores(counts, np.random.default_rng(0))
    assert np.isnan(scores["second_best_accuracy"])  # a single vote has no second answer
    assert scores["js"] == pytest.approx(0.5 * np.log(2))
    four = np.array([[2, 1, 1, 0]] * 6000)
    scores = behaviour.annotator_scores(four, np.random.default_rng(0))
    # Of the 6 halves one leaves a unanimous rest; one is right with 2/3, since its second answer is
    # any of three without votes; four with 1/2, since its two answers tie.
    assert scores["second_best_accuracy"] == pytest.approx((2 / 3 + 4 / 2) / 5, abs=0.025)
    with pytest.raises(InputError, match="at least 2"):
        behaviour.annotator_scores([[1, 0], [1, 1]], np.random.default_rng(0))


def test_the_errors_of_a_model_are_where_its_best_class_is_not_the_label() -> None:
    generator = np.random.default_rng(0)
    logits, labels = generator.normal(size=(60, 4)), generator.integers(0, 4, 60)
    counts = generator.multinomial(9, np.full(4, 0.25), 60)
    found = behaviour.behaviour_scores(logits, counts, labels)["error_kappa"]
    right = logits.argmax(axis=1) == labels
    assert found == pytest.approx(behaviour.error_consistency(right, counts, labels))

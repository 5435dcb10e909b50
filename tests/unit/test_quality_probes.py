"""AUC with intervals and linear probes: against scikit-learn, brute force and simulations."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from saving import saved  # type: ignore[import-not-found]
from scipy.sparse import csr_array
from scipy.stats import norm
from scipy.stats import t as student
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from latent_microscope.calibration.probes import METHODS, expected, probe_outcomes
from latent_microscope.errors import InputError
from latent_microscope.forensics.probes import (
    Refits,
    _aucs,
    cross_validated,
    folds_of,
    newton_steps,
    pixel_components,
    probe_error,
    probe_table,
    thumbnails,
)
from latent_microscope.statistics.auc import (
    folded_auc,
    logit_interval,
    placements,
    sampling_error,
    two_sided_p,
)
from latent_microscope.tables.quality import tabulate_probes


def test_placements_are_shares_of_the_other_class():
    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 9, 60).astype(float), rng.random(60) < 0.3
    placed, auc = placements(scores, positive)
    assert auc == pytest.approx(roc_auc_score(positive, scores))
    assert placed[~positive].mean() == pytest.approx(auc)
    for i in range(60):
        other = scores[positive != positive[i]]
        sign = 1 if positive[i] else -1
        gap = sign * (scores[i] - other)
        assert placed[i] == pytest.approx(((gap > 0) + 0.5 * (gap == 0)).mean())


def test_error_of_one_fold_is_delongs():
    rng = np.random.default_rng(1)
    positive = rng.random(300) < 0.4
    scores = rng.normal(size=300) + positive
    found = folded_auc(scores, positive, np.zeros(300))
    placed, auc = placements(scores, positive)
    delong = placed[positive].var(ddof=1) / positive.sum()
    delong += placed[~positive].var(ddof=1) / (~positive).sum()
    assert found.auc == auc
    error, freedom = sampling_error(found, found.residuals, np.arange(300))
    assert error == pytest.approx(np.sqrt(delong))
    assert positive.sum() - 1 < freedom < 299  # Welch's, of two groups of unequal spread


def test_influence_of_a_sample_is_the_derivative_of_the_auc():
    rng = np.random.default_rng(2)
    positive, folds = rng.random(90) < 0.4, np.arange(90) % 3
    scores = rng.normal(size=90) + positive
    found = folded_auc(scores, positive, folds)
    assert np.abs(found.weights @ found.residuals) < 1e-12
    # With the sample twice, the fold's mean over its class moves by its residual over n + 1.
    for i in (0, 1, 2, 30):
        fold, here = folds == folds[i], np.flatnonzero(folds == folds[i])
        twice = np.append(here, i)
        change = roc_auc_score(positive[twice], scores[twice]) - roc_auc_score(
            positive[fold], scores[fold]
        )
        n = np.count_nonzero(positive[fold] == positive[i])
        at = np.flatnonzero(found.rows == i)[0]
        expected = found.weights[at] * found.residuals[at] * 3 * n / (n + 1)
        assert change == pytest.approx(expected)


def test_deviations_are_pooled_over_folds():
    """Each fold has one or two positives: those that are alone would show no deviation."""
    rng = np.random.default_rng(3)
    folds = np.arange(600) % 20
    positive = (np.arange(600) < 20) | ((np.arange(600) >= 100) & (np.arange(600) < 116))
    errors, aucs = [], []
    for _ in range(200):
        scores = rng.normal(size=600) + positive
        found = folded_auc(scores, positive, folds)
        aucs.append(found.auc)
        errors.append(sampling_error(found, found.residuals, np.arange(600))[0])
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(aucs), rel=0.12)
    alone = folded_auc(scores, np.arange(600) < 20, folds)
    assert np.isnan(sampling_error(alone, alone.residuals, np.arange(600))).all()


def test_folds_are_averaged_not_pooled():
    rng = np.random.default_rng(2)
    positive, folds = rng.random(400) < 0.5, np.arange(400) % 4
    scores = rng.normal(size=400) + positive + 100.0 * folds  # each fold on its own scale
    expected = np.mean([roc_auc_score(positive[folds == f], scores[folds == f]) for f in range(4)])
    assert folded_auc(scores, positive, folds).auc == pytest.approx(expected)
    only = np.where(folds == 0, positive, False)
    np.testing.assert_array_equal(folded_auc(scores, only, folds).rows, np.flatnonzero(folds == 0))
    half = folded_auc(scores, np.where(folds < 2, positive, False), folds)
    assert half.weights[positive[half.rows]].sum() == pytest.approx(1.0)
    with pytest.raises(InputError, match="fewer folds"):
        folded_auc(scores, np.zeros(400, bool), folds)


def test_clusters_of_copies_widen_the_error_as_they_should():
    rng = np.random.default_rng(3)
    positive = rng.random(200) < 0.5
    scores = rng.normal(size=200) + positive
    one = folded_auc(scores, positive, np.zeros(200))
    plain = sampling_error(one, one.residuals, np.arange(200))[0]
    three = folded_auc(np.tile(scores, 3), np.tile(positive, 3), np.zeros(600))
    people = np.tile(np.arange(200), 3)
    assert sampling_error(three, three.residuals, people)[0] == pytest.approx(plain, rel=1e-6)
    assert sampling_error(three, three.residuals, np.arange(600))[0] < 0.6 * plain


def test_interval_and_p_at_the_edges():
    assert np.isnan(logit_interval(1.0, 0.0)).all()  # perfect in a sample is not certain
    assert np.isnan(logit_interval(0.7, float("nan"))).all()
    low, high = logit_interval(0.98, 0.05)
    assert 0.0 < low < 0.98 < high < 1.0
    assert two_sided_p(0.1, 0.05) == pytest.approx(2 * norm.sf(2))
    few, wide = two_sided_p(0.1, 0.05, 4), logit_interval(0.7, 0.05, freedom=4)
    assert few == pytest.approx(2 * student.sf(2, 4))
    assert wide[0] < logit_interval(0.7, 0.05)[0] < 0.7 < logit_interval(0.7, 0.05)[1] < wide[1]
    assert (two_sided_p(0.0, 0.0), two_sided_p(0.1, 0.0)) == (1.0, 0.0)


def test_aucs_of_many_rankings_are_scikit_learns():
    rng = np.random.default_rng(0)
    scores, positive = rng.normal(size=(5, 30)), rng.random(30) < 0.4
    expected = [roc_auc_score(positive, row) for row in scores]
    np.testing.assert_allclose(_aucs(scores, positive), expected)


def test_no_person_is_in_two_folds():
    people = np.random.default_rng(5).integers(0, 40, 200)
    folds = folds_of(200, 5, 1, people=people)
    assert pd.Series(folds).groupby(people).nunique().max() == 1
    assert sorted(set(folds)) == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(folds, folds_of(200, 5, 1, people=people))
    assert sorted(folds_of(6, 2, 1)) == [0, 0, 0, 1, 1, 1]
    classes = np.arange(200) % 10
    spread = pd.crosstab(folds_of(200, 5, 1, classes=classes), classes)
    assert (spread == 4).all().all()
    with pytest.raises(InputError, match="people"):
        folds_of(200, 5, 1, people=np.zeros(200, int))


def test_held_out_scores_are_scikit_learns():
    rng = np.random.default_rng(6)
    features = rng.normal(2, 3, (120, 4))
    present = features[:, :2] + rng.normal(size=(120, 2)) > 2
    folds = np.arange(120) % 3
    scores, _ = cross_validated(features, present, folds, strength=0.5)
    train = folds != 1
    scale = StandardScaler().fit(features[train])
    model = LogisticRegression(C=0.5, tol=1e-8, max_iter=1000)
    model.fit(scale.transform(features[train]), present[train, 1])
    expected = model.decision_function(scale.transform(features[~train]))
    np.testing.assert_allclose(scores[~train, 1], expected, atol=0.02)


def refitted(features, labels, weights):
    model = LogisticRegression(C=0.05, tol=1e-10, max_iter=10_000)
    return model.fit(features, labels, sample_weight=weights)


def test_newton_steps_are_derivatives_of_weighted_fits():
    rng = np.random.default_rng(9)
    features, people = rng.normal(size=(200, 4)), np.arange(200) % 25
    labels = features[:, 0] + rng.logistic(size=200) > 1
    chance: Any = refitted(features, labels, np.ones(200)).predict_proba(features)[:, 1]
    members = csr_array((np.ones(200), (people, np.arange(200))), shape=(25, 200))
    found = newton_steps(features, labels, chance, members, 0.05)
    weight = chance * (1 - chance)
    inner = features - weight @ features / weight.sum()
    for person in (0, 7):
        mine = people == person
        ends = [refitted(features, labels, 1 + side * 1e-3 * mine).coef_[0] for side in (1, -1)]
        step = (ends[0] - ends[1]) / 2e-3
        curvature = inner.T @ (weight[:, None] * inner) + np.eye(4) / 0.05
        own = inner[mine].T @ (weight[mine, None] * inner[mine])
        leverage = (step @ own @ step) / (step @ curvature @ step)
        assert 0.01 < leverage < 0.2
        np.testing.assert_allclose(found[person], step / np.sqrt(1 - leverage), rtol=1e-3)


def test_shifts_are_those_of_weighted_refits():
    rng = np.random.default_rng(10)
    features, folds = rng.normal(size=(400, 5)), np.arange(400) % 4
    present = (features[:, :1] + 2 * rng.logistic(size=(400, 1))) > 0
    refits = Refits.of(np.arange(400) // 2)
    _, shifts = cross_validated(features, present, folds, strength=0.05, refits=refits)
    signs = refits.signs[refits.people]
    expected = []
    for sign in signs.T:
        ends = []
        for side in (0.25, -0.25):
            aucs = []
            for fold in range(4):
                train, held = folds != fold, folds == fold
                scale = StandardScaler().fit(features[train])
                model = refitted(
                    scale.transform(features[train]), present[train, 0], 1 + side * sign[train]
                )
                scores = model.decision_function(scale.transform(features[held]))
                aucs.append(roc_auc_score(present[held, 0], scores))
            ends.append(np.mean(aucs))
        expected.append((ends[0] - ends[1]) / 0.5)
    assert np.corrcoef(shifts[0], expected)[0, 1] > 0.95
    assert np.sqrt(np.mean(shifts**2)) == pytest.approx(np.std(expected), rel=0.2)


def test_error_has_held_out_and_training_samples():
    rng = np.random.default_rng(11)
    positive = rng.random(100) < 0.5
    found = folded_auc(rng.normal(size=100) + positive, positive, np.arange(100) % 2)
    held, freedom = sampling_error(found, found.residuals, np.arange(100))
    shifts = held * np.array([2.0, -2.0, 2.0, -2.0])
    error, both = probe_error(found, found.residuals, shifts, np.arange(100))
    assert error == pytest.approx(held * np.sqrt(5.0))
    assert both == pytest.approx(25.0 / (1.0 / freedom + 16.0 / 4.0))


def images_of(signal, seed=0):
    """Grey images whose brightness is the signal."""
    noise = np.random.default_rng(seed).normal(0, 12, (len(signal), 32, 32, 3))
    return np.clip(128 + 15 * signal[:, None, None, None] + noise, 0, 255).astype(np.uint8)


def test_thumbnails_and_components():
    images = images_of(np.random.default_rng(7).normal(size=60))
    small = thumbnails(images, 16)
    assert small.shape == (60, 768)
    assert small[3].reshape(16, 16, 3)[2, 5, 1] == pytest.approx(
        images[3, 4:6, 10:12, 1].mean() / 255, rel=1e-6
    )
    np.testing.assert_allclose(thumbnails(images, 1), images.mean((1, 2)) / 255, rtol=1e-5)
    found = pixel_components(images, 4)
    expected = PCA(4, svd_solver="full").fit_transform(small.astype(float))
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-6)


def probed(n=600, seed=8):
    rng = np.random.default_rng(seed)
    people = rng.integers(0, 200, n)
    latents, colour = rng.normal(size=(n, 6)), rng.normal(size=(n, 1))
    attributes = pd.DataFrame(
        {
            "clear": latents[:, 0] + 0.5 * rng.normal(size=n) > 0,
            "chance": rng.random(n) < 0.4,
            "bright": colour[:, 0] + 0.5 * rng.normal(size=n) > 0,
            "never": np.zeros(n, bool),
            "rare": np.arange(n) < 9,
        }
    ).astype(np.uint8)
    features = {"latents": latents, "pixels": colour, "colour": colour}
    folds = folds_of(n, 5, 0, people=people)
    return probe_table(features, attributes, folds, people=people)


def test_probes_find_what_is_there_and_nothing_else():
    table = probed().set_index("attribute")
    assert table["status"].to_dict() == {
        "clear": "ok", "chance": "ok", "bright": "ok", "never": "constant", "rare": "few",
    }  # fmt: skip
    clear, chance, bright = (table.loc[name] for name in ("clear", "chance", "bright"))
    assert 0.9 < clear["low"] < clear["auc"] < clear["high"] < 1
    assert max(clear["q"], clear["gain_q"]) < 1e-6
    assert chance["low"] < 0.5 < chance["high"]
    assert chance["q"] > 0.05
    assert bright["gain_high"] < 0
    assert bright["auc_pixels"] > 0.9
    assert np.isnan(table.loc["rare", ["low", "p", "q"]].astype(float)).all()
    assert np.isfinite(table.loc["rare", "auc"])
    assert np.isnan(table.loc["never", "auc"])


def test_an_attribute_of_whole_folds_is_said_to_be_separated() -> None:
    """One fold of people wears hats: no held-out fold can tell hats from faces."""
    latents = np.random.default_rng(0).normal(size=(60, 3))
    people = np.arange(60) % 20
    folds = people % 2
    table = probe_table(
        {"latents": latents, "pixels": latents},
        pd.DataFrame({"hat": folds, "other": np.arange(60) % 3 == 0}),
        folds,
        people=people,
    )
    assert table["status"].tolist() == ["separated", "ok"]
    assert np.isnan(table["auc"][0])
    assert np.isnan(table["q"][0])
    assert table["q"][1] == table["p"][1]  # not counted among the tests


def test_intervals_and_p_have_the_freedom_of_people() -> None:
    rng = np.random.default_rng(14)
    people = np.repeat(np.arange(24), 15)
    latents = rng.normal(size=(24, 4))[people] + rng.normal(size=(360, 4))
    present = latents[:, :1] + rng.normal(size=(24, 1))[people] + rng.logistic(size=(360, 1)) > 1
    pixels = latents + rng.normal(size=latents.shape)
    folds = folds_of(360, 4, 0, people=people)
    spaces = {"latents": latents, "pixels": pixels}
    table = probe_table(spaces, pd.DataFrame(present, columns=["a"]), folds, people=people)
    row, refits = table.iloc[0], Refits.of(people)
    found = {key: cross_validated(x, present, folds, refits=refits) for key, x in spaces.items()}
    auc = {key: folded_auc(x[:, 0], present[:, 0], folds) for key, (x, _) in found.items()}
    shifts = {key: x[0] for key, (_, x) in found.items()}
    error, freedom = probe_error(
        auc["latents"], auc["latents"].residuals, shifts["latents"], people
    )
    assert freedom < 24
    logit = np.log(row["auc"] / (1 - row["auc"]))
    wide = student.ppf(0.975, freedom) * error / (row["auc"] * (1 - row["auc"]))
    assert np.log(row["low"] / (1 - row["low"])) == pytest.approx(logit - wide)
    assert np.log(row["high"] / (1 - row["high"])) == pytest.approx(logit + wide)
    assert row["p"] == pytest.approx(2 * student.sf((row["auc"] - 0.5) / error, freedom))
    error, freedom = probe_error(
        auc["latents"],
        auc["latents"].residuals - auc["pixels"].residuals,
        shifts["latents"] - shifts["pixels"],
        people,
    )
    assert freedom < 30
    wide = student.ppf(0.975, freedom) * error
    assert row["gain_low"] == pytest.approx(row["gain"] - wide)
    assert row["gain_high"] == pytest.approx(row["gain"] + wide)
    assert row["gain_p"] == pytest.approx(2 * student.sf(abs(row["gain"]) / error, freedom))


def test_people_that_cannot_carry_an_error_are_said_to_be_few() -> None:
    rng = np.random.default_rng(12)
    latents = rng.normal(size=(400, 5))
    table = pd.DataFrame({"a": latents[:, 0] + rng.normal(size=400) > 0})
    half = np.where(np.arange(400) < 200, 0, np.arange(400))  # one person has half of the images
    for people in (half, np.arange(400) % 10):
        folds = folds_of(400, 5, 0, people=people)
        row = probe_table({"latents": latents}, table, folds, people=people).iloc[0]
        assert row["status"] == "few"
        assert row["auc"] > 0.6
        assert row[["low", "high", "p", "q"]].isna().all()


def test_a_probe_that_never_errs_has_no_error() -> None:
    side = np.where(np.arange(200) % 7 < 3, 1.0, -1.0)[:, None]
    noise = np.random.default_rng(0).random((200, 1))
    table = probe_table(
        {"latents": side + 0.1 * noise}, pd.DataFrame({"a": side[:, 0] > 0}), np.arange(200) % 5
    )
    assert table["status"].tolist() == ["degenerate"]
    assert table["auc"].tolist() == [1.0]
    assert table[["low", "high", "p", "q"]].isna().all(axis=None)


def test_pixels_that_never_err_leave_the_latents_tested() -> None:
    rng = np.random.default_rng(1)
    side = np.where(np.arange(200) % 7 < 3, 1.0, -1.0)[:, None]
    spaces = {"latents": side + 2.0 * rng.normal(size=(200, 1)), "pixels": side}
    row = probe_table(spaces, pd.DataFrame({"a": side[:, 0] > 0}), np.arange(200) % 5).iloc[0]
    assert row["status"] == "ok"
    assert row["auc_pixels"] == 1.0
    assert row["low"] < row["auc"] < row["high"]
    assert row["q"] < 0.05
    assert row["gain"] == pytest.approx(row["auc"] - 1.0)
    unknown = ["low_pixels", "high_pixels", "gain_low", "gain_high", "gain_p", "gain_q"]
    assert row[unknown].isna().all()


def test_gain_of_two_nearly_equal_spaces_is_known_well() -> None:
    rng = np.random.default_rng(13)
    latents = rng.normal(size=(500, 4))
    present = pd.DataFrame({"a": latents[:, 0] + rng.normal(size=500) > 0})
    spaces = {"latents": latents, "pixels": latents + 0.05 * rng.normal(size=latents.shape)}
    row = probe_table(spaces, present, np.arange(500) % 5).iloc[0]
    assert row["gain_low"] < row["gain"] < row["gain_high"]
    assert row["gain_high"] - row["gain_low"] < 0.3 * (row["high"] - row["low"])


def test_noise_is_rarely_called_readable() -> None:
    """Without the variance of training 10 to 20 % of attributes of noise pass 5 %."""
    random = np.random.default_rng(0)
    latents, labels = random.normal(size=(400, 5)), random.normal(size=(400, 100)) > 0
    table = probe_table({"latents": latents}, pd.DataFrame(labels), np.arange(400) % 5)
    assert (table["p"] <= 0.05).mean() <= 0.08


def test_exchangeable_spaces_rarely_differ_and_intervals_of_fitted_probes_cover() -> None:
    """Without the variance of training 14 % of gains pass 5 %, and intervals cover 83 %."""
    gains: list[np.ndarray] = []
    aucs: list[np.ndarray] = []
    lows: list[np.ndarray] = []
    highs: list[np.ndarray] = []
    for seed in range(25):
        random = np.random.default_rng(seed)
        signal = random.normal(size=(300, 20))
        value = signal @ np.kron(np.eye(5), np.full((4, 1), 0.5)) + random.logistic(size=(300, 5))
        spaces = {key: signal + random.normal(size=(300, 20)) for key in ("latents", "pixels")}
        table = probe_table(spaces, pd.DataFrame(value > 1.8), np.arange(300) % 5)
        for values, key in ((gains, "gain_p"), (aucs, "auc"), (lows, "low"), (highs, "high")):
            values.append(table[key].to_numpy())
    assert np.mean(np.array(gains) <= 0.05) <= 0.08
    truth = np.mean(aucs)
    assert 0.92 <= np.mean((np.array(lows) <= truth) & (truth <= np.array(highs))) <= 0.99


def test_calibration_knows_the_truth_of_its_worlds(monkeypatch) -> None:
    monkeypatch.setattr("latent_microscope.calibration.probes._STUDIES", 30)
    method = METHODS[0]
    noise = next(c for c in method.cells if c["signal"] == 0.0 and c["people"] == "few")
    auc, gain, sd = expected.__wrapped__(tuple(sorted(noise.items())))
    assert auc == pytest.approx(0.5, abs=3 * sd / np.sqrt(30))
    assert gain == pytest.approx(0.0, abs=3 * sd / np.sqrt(30))
    half = next(cell for cell in method.cells if cell["people"] == "half")
    outcomes = probe_outcomes(half, np.random.default_rng(0))
    assert set(outcomes) <= set(method.goals)
    assert np.isnan(list(outcomes.values())).all()


def test_summary_over_runs_is_ordered_and_keeps_the_worst_q(tmp_path):
    first, second = probed(), probed(seed=9)
    table = tabulate_probes(probes=saved(tmp_path, first, second), seeds=[0, 1])
    known = table["auc_mean"].dropna()
    assert known.is_monotonic_decreasing
    row = table.set_index("attribute").loc["chance"]
    both = [t.set_index("attribute").loc["chance"] for t in (first, second)]
    assert row["auc_mean"] == pytest.approx(np.mean([b["auc"] for b in both]))
    assert row["q"] == max(b["q"] for b in both)
    assert row["n"] == 2
    assert table["attribute"].iloc[-1] == "never"


def test_classes_smaller_than_the_folds_and_a_single_person() -> None:
    folds = folds_of(12, 5, 0, classes=np.repeat(np.arange(3), 4))
    assert np.bincount(folds).tolist() == [3, 3, 2, 2, 2]
    table = pd.DataFrame({"a": np.arange(60) % 2 == 0})
    row = probe_table(
        {"latents": np.ones((60, 2))}, table, np.zeros(60, np.int64), people=np.zeros(60, np.int64)
    ).iloc[0]
    assert (row["n"], row["positives"], row["status"]) == (60, 30, "few")
    assert np.isnan(row["auc"])

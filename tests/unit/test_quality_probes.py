"""AUC with intervals and linear probes: against scikit-learn, brute force and simulations."""

import numpy as np
import pandas as pd
import pytest
from saving import saved  # type: ignore[import-not-found]
from scipy.stats import norm
from scipy.stats import t as student
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from latent_microscope.errors import InputError
from latent_microscope.forensics.probes import (
    folds_of,
    held_out_scores,
    pixel_components,
    probe_table,
    thumbnails,
)
from latent_microscope.statistics.auc import (
    clustered_error,
    folded_auc,
    logit_interval,
    placements,
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
    assert clustered_error(found.influence, 300, np.arange(300)) == pytest.approx(
        np.sqrt(delong), rel=5e-3
    )


def test_folds_are_averaged_not_pooled():
    rng = np.random.default_rng(2)
    positive, folds = rng.random(400) < 0.5, np.arange(400) % 4
    scores = rng.normal(size=400) + positive + 100.0 * folds  # each fold on its own scale
    expected = np.mean([roc_auc_score(positive[folds == f], scores[folds == f]) for f in range(4)])
    assert folded_auc(scores, positive, folds).auc == pytest.approx(expected)
    only = np.where(folds == 0, positive, False)
    assert folded_auc(scores, only, folds).n == 100
    with pytest.raises(InputError, match="fewer folds"):
        folded_auc(scores, np.zeros(400, bool), folds)


def test_clusters_of_copies_widen_the_error_as_they_should():
    rng = np.random.default_rng(3)
    positive = rng.random(200) < 0.5
    scores = rng.normal(size=200) + positive
    one = folded_auc(scores, positive, np.zeros(200))
    few = np.array([1.0, 3.0, -2.0, 2.0])  # the error of a mean, as its standard deviation gives it
    assert clustered_error(few - 1.0, 4, np.arange(4)) == pytest.approx(few.std(ddof=1) / 2.0)
    plain = clustered_error(one.influence, 200, np.arange(200))
    three = folded_auc(np.tile(scores, 3), np.tile(positive, 3), np.zeros(600))
    people = np.tile(np.arange(200), 3)
    assert clustered_error(three.influence, 600, people) == pytest.approx(plain, rel=1e-9)
    assert clustered_error(three.influence, 600, np.arange(600)) < 0.6 * plain


def test_interval_covers_the_truth_with_several_images_a_person():
    rng = np.random.default_rng(4)
    truth, covered = norm.cdf(1.2 / np.sqrt(2)), []
    for _ in range(400):
        people = np.repeat(np.arange(80), 3)
        positive = (rng.random(80) < 0.5)[people]  # a person has it in all images or none
        scores = rng.normal(size=80)[people] * 0.8 + rng.normal(size=240) * 0.6 + 1.2 * positive
        found = folded_auc(scores, positive, np.arange(240) // 120)
        low, high = logit_interval(found.auc, clustered_error(found.influence, found.n, people))
        covered.append(low <= truth <= high)
    assert 0.92 <= np.mean(covered) <= 0.98


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


def test_no_person_is_in_two_folds():
    people = np.random.default_rng(5).integers(0, 40, 200)
    folds = folds_of(200, 5, 1, people=people)
    assert pd.Series(folds).groupby(people).nunique().max() == 1
    assert sorted(set(folds)) == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(folds, folds_of(200, 5, 1, people=people))
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
    scores = held_out_scores(features, present, folds, strength=0.5)
    train = folds != 1
    scale = StandardScaler().fit(features[train])
    model = LogisticRegression(C=0.5, tol=1e-8, max_iter=1000)
    model.fit(scale.transform(features[train]), present[train, 1])
    expected = model.decision_function(scale.transform(features[~train]))
    np.testing.assert_allclose(scores[~train, 1], expected, atol=0.02)


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


def test_noise_is_rarely_called_readable_and_few_people_never() -> None:
    """Without the widening of Nadeau and Bengio 13 to 20 % of attributes of noise pass 5 %."""
    random = np.random.default_rng(0)
    latents, labels = random.normal(size=(400, 5)), random.normal(size=(400, 100)) > 0
    table = probe_table({"latents": latents}, pd.DataFrame(labels), np.arange(400) % 5)
    assert (table["p"] <= 0.05).mean() <= 0.08
    few = probe_table(
        {"latents": latents}, pd.DataFrame(labels), np.arange(400) % 5, people=np.arange(400) % 10
    )
    assert (few["status"] == "few").all()
    assert few["p"].isna().all()


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

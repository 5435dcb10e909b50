"""Identity consistency: groups, tests, pairs and the sign of the AUC."""

import tracemalloc

import numpy as np
import pytest
from scipy.special import logit
from scipy.stats import ks_2samp, levene, mannwhitneyu
from scipy.stats import t as student
from sklearn.metrics import roc_auc_score, silhouette_score

from latent_microscope.errors import InputError
from latent_microscope.forensics.identity import (
    INTRA,
    count_same_pairs,
    group_silhouette,
    group_summary,
    group_tests,
    identity_groups,
    matched_different_pairs,
    pair_auc,
    pair_aucs,
    pair_freedom,
    same_pairs,
    spaces_of,
)
from latent_microscope.statistics import auc as aucs


def roc_auc(positive, negative):
    truth = np.arange(len(positive) + len(negative)) < len(positive)
    return roc_auc_score(truth, np.concatenate([positive, negative]))


def people(n=300, seed=0):
    return np.random.default_rng(seed).integers(0, 90, size=n)


def test_groups_are_the_two_largest():
    names = np.array(["c"] * 3 + ["a"] * 40 + ["b"] * 35 + ["d"])
    groups = identity_groups(names, seed=1)
    assert groups.identities == ("a", "b")
    assert groups.note is None
    assert all(len(groups.rows[name]) == 30 for name in (*INTRA, "mixed"))
    mixed = names[groups.rows["mixed"]]
    assert (mixed == "a").sum() == (mixed == "b").sum() == 15
    assert set(groups.rows["mixed"]) <= set(groups.rows["intra A"]) | set(groups.rows["intra B"])
    again = identity_groups(names, seed=1)
    assert all(np.array_equal(again.rows[name], groups.rows[name]) for name in (*INTRA, "mixed"))


def test_groups_say_when_they_are_small():
    groups = identity_groups(np.array([1, 1, 1, 2, 2, 3]))
    assert [len(groups.rows[name]) for name in (*INTRA, "mixed")] == [3, 2, 2]
    assert "30 images" in (groups.note or "")
    with pytest.raises(InputError, match="identities"):
        identity_groups(np.array([1, 1, 1, 2]))
    names = np.array([1, 1, 1, 2, 2, 3])
    assert [len(rows) for rows in identity_groups(names, images=2).rows.values()] == [2, 2, 2]
    with pytest.raises(InputError, match="images"):
        identity_groups(names, images=1)


def test_summary_and_tests_against_scipy():
    names = np.repeat([7, 8], 30)
    rng = np.random.default_rng(0)
    scores = {"uniqueness": rng.normal(size=60) * np.repeat([1.0, 3.0], 30), "flat": np.ones(60)}
    groups = identity_groups(names)
    a, mixed = (scores["uniqueness"][groups.rows[g]] for g in ("intra A", "mixed"))
    summary = {
        (row["score"], row["group"]): row
        for row in group_summary(groups.rows, scores).to_dict("records")
    }
    assert summary["uniqueness", "mixed"]["mean"] == pytest.approx(mixed.mean())
    assert summary["uniqueness", "mixed"]["sd"] == pytest.approx(mixed.std(ddof=1))
    mix = groups.rows["mixed"]
    table = group_tests(groups, "mixed", mix, scores, n_bootstrap=300)
    rows = table[table["comparison"] == "intra A – mixed"].set_index(["score", "test"])
    row = rows.to_dict("index")
    tests = {"levene": levene, "mann-whitney": mannwhitneyu, "kolmogorov-smirnov": ks_2samp}
    for name, test in tests.items():
        expected = test(a, mixed)
        assert row["uniqueness", name]["p"] == pytest.approx(expected.pvalue)
        assert row["uniqueness", name]["statistic"] == pytest.approx(expected.statistic)
    gap = row["uniqueness", "variance-difference"]
    assert gap["statistic"] == pytest.approx(mixed.var(ddof=1) - a.var(ddof=1))
    assert gap["low"] < gap["statistic"] < gap["high"]
    assert np.isnan(row["flat", "levene"]["p"])
    assert row["flat", "mann-whitney"]["p"] == 1.0
    assert row["flat", "variance-difference"]["statistic"] == 0.0
    assert set(table["status"]) == {""}
    assert group_tests(groups, "mixed", mix, scores, n_bootstrap=300).equals(table)


def test_two_images_of_a_person_are_too_few():
    """Levene's test of two images has no spread within: its p would be 0."""
    names = np.repeat([7, 8], 2)
    groups = identity_groups(names)
    table = group_tests(groups, "mixed", groups.rows["mixed"], {"u": np.arange(4.0)})
    assert len(table) == 8
    assert table[["statistic", "p", "low", "high"]].isna().all(axis=None)
    assert set(table["status"]) == {"not available: needs at least 3 images of each group"}
    three = identity_groups(np.repeat([7, 8], 3))
    found = group_tests(three, "mixed", three.rows["mixed"], {"u": np.arange(6.0) ** 2})
    assert set(found["status"]) == {""}
    assert found["statistic"].notna().all()


def test_silhouette_against_scikit_learn():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(40, 3)) + np.repeat([0.0, 5.0], 20)[:, None]
    names = np.repeat(["x", "y"], 20)
    expected = silhouette_score(z, names)
    assert group_silhouette(z, identity_groups(names)) == pytest.approx(expected)


def test_all_same_pairs():
    names = people()
    expected = [(i, j) for i in range(300) for j in range(i + 1, 300) if names[i] == names[j]]
    assert same_pairs(names).tolist() == [list(pair) for pair in expected]
    assert same_pairs(np.arange(5)).shape == (0, 2)


def test_a_sample_of_same_pairs_has_each_as_often():
    names = np.random.default_rng(0).permutation(np.repeat(np.arange(9), [1, 2, *range(6, 13)]))
    every = {tuple(pair) for pair in same_pairs(names).tolist()}
    assert count_same_pairs(names) == len(every) == 267
    drawn = np.zeros((len(names), len(names)))
    for seed in range(2000):
        found = same_pairs(names, 50, seed=seed)
        assert found.shape == (50, 2)
        assert len({tuple(pair) for pair in found.tolist()} & every) == 50
        # Each person has his share, but for one pair.
        own = np.bincount(names[found[:, 0]], minlength=9)
        sizes = np.bincount(names)
        assert (np.abs(own - 50 / 267 * sizes * (sizes - 1) / 2) <= 1.0).all()
        drawn[found[:, 0], found[:, 1]] += 1.0
    counts = drawn[drawn > 0.0]
    assert len(counts) == 267
    np.testing.assert_allclose(counts, 2000 * 50 / 267, rtol=0.25)
    np.testing.assert_array_equal(same_pairs(names, 50, seed=3), same_pairs(names, 50, seed=3))
    np.testing.assert_array_equal(same_pairs(names, 267), same_pairs(names))


def test_pairs_of_many_images_fit_into_memory():
    names = np.repeat(np.arange(50), 2000)  # 100 million pairs of one person
    tracemalloc.start()
    table = pair_aucs(names, {"latents": np.random.default_rng(0).normal(size=(100_000, 2))})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e9
    assert table["n_same"].tolist() == table["n_different"].tolist() == [2_000_000] * 2
    assert table["n_same_all"].tolist() == [50 * 2000 * 1999 // 2] * 2
    np.testing.assert_allclose(table["auc"], 0.5, atol=0.01)


def test_intervals_from_a_sample_of_pairs_cover_the_truth():
    rng = np.random.default_rng(3)
    names = np.repeat(np.arange(100), rng.integers(3, 20, 100))
    held, gaps = [], []
    for seed in range(150):
        z = rng.normal(size=(100, 2))[names] + rng.normal(size=(len(names), 2))
        sampled = pair_aucs(names, {"latents": z}, most_pairs=400, seed=seed).iloc[0]
        every = pair_aucs(names, {"latents": z}, seed=seed).iloc[0]
        assert (sampled["n_same"], sampled["n_same_all"]) == (400, every["n_same"])
        # Squared distances are exponential, of mean 4 within and 8 between people.
        held.append([row["low"] <= 2 / 3 <= row["high"] for row in (sampled, every)])
        gaps.append(sampled["auc"] - every["auc"])
    assert (np.mean(held, axis=0) > 0.9).all()
    assert abs(np.mean(gaps)) < 0.005


@pytest.mark.parametrize("seed", range(5))
def test_matched_pairs_differ_and_share_the_first_image(seed):
    names = people(seed=seed)
    same = same_pairs(names)
    different = matched_different_pairs(names, same, seed=seed)
    np.testing.assert_array_equal(different[:, 0], same[:, 0])
    assert (names[different[:, 0]] != names[different[:, 1]]).all()
    with pytest.raises(InputError, match="identities"):
        matched_different_pairs(np.zeros(4), same_pairs(np.zeros(4)))


@pytest.mark.parametrize("images", [20, 299])
@pytest.mark.parametrize("place", [0, 10])
def test_matching_is_possible_when_one_identity_has_nearly_all_images(images, place):
    names = np.insert(np.ones(images, dtype=int), place, 2 * (place > 0))
    different = matched_different_pairs(names, same_pairs(names))
    assert len(different) == images * (images - 1) // 2
    assert (different[:, 1] == place).all()


def test_without_another_pair_each_image_of_another_person_is_as_likely():
    names = np.array([2, 0, 1, 1, 2, 3, 2])
    same = np.repeat([[2, 3]], 6000, axis=0)
    drawn = np.bincount(matched_different_pairs(names, same)[:, 1], minlength=7)
    np.testing.assert_allclose(drawn, np.where(names == 1, 0, 1200), rtol=0.1)


def test_pair_aucs_have_the_right_sign():
    names = people()
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(90, 6))
    z = centres[names] + 0.3 * rng.normal(size=(300, 6))
    scores = {"constant": np.ones(300), "custom": names + 0.1 * rng.normal(size=300)}
    table = pair_aucs(names, spaces_of(z, scores)).set_index("space")
    assert table.index.tolist() == [
        "constant", "custom", "heuristics", "latents", "latents (cosine)",
    ]  # fmt: skip
    # Images of one person are near each other, so similarity is high: well above one half.
    assert (table.loc[["custom", "latents", "latents (cosine)"], "auc"] > 0.9).all()
    assert table.loc["constant", "auc"] == 0.5
    assert (table.loc["constant", ["low", "high"]] == 0.5).all()
    assert (table["n_same"] == len(same_pairs(names))).all()
    assert (table["n_different"] == table["n_same"]).all()
    known = table[(table["auc"] < 1.0) & (table.index != "constant")]
    assert set(known["status"]) == {""}
    assert len(known) >= 2
    assert (known["low"] < known["auc"]).all()
    assert (known["high"] > known["auc"]).all()
    assert table.loc[table["auc"] == 1.0, ["low", "high"]].isna().all(axis=None)
    assert pair_aucs(names, spaces_of(z, scores)).set_index("space").equals(table)


def test_pair_aucs_of_noise_are_one_half():
    names = people(600)
    z = np.random.default_rng(3).normal(size=(600, 5))
    table = pair_aucs(names, spaces_of(z, {}))
    assert table["space"].tolist() == ["latents", "latents (cosine)"]
    assert ((table["low"] < 0.53) & (table["high"] > 0.47)).all()
    with pytest.raises(InputError, match="identities"):
        pair_aucs(np.arange(600), spaces_of(z, {}))


def placements(p, q):
    """Of the positives and of the negatives."""
    scores = np.concatenate([p, q])
    placed, _ = aucs.placements(scores, np.arange(len(scores)) < len(p))
    return placed[: len(p)], placed[len(p) :]


def test_placements_against_a_loop():
    rng = np.random.default_rng(0)
    p, q = rng.integers(0, 5, 30).astype(float), rng.integers(0, 5, 40).astype(float)
    above, below = placements(p, q)
    np.testing.assert_allclose(above, [np.mean((x > q) + 0.5 * (x == q)) for x in p])
    np.testing.assert_allclose(below, [np.mean((p > y) + 0.5 * (p == y)) for y in q])
    assert above.mean() == pytest.approx(roc_auc(p, q))
    assert below.mean() == pytest.approx(roc_auc(p, q))


def test_interval_of_pairs_without_shared_people_is_delongs():
    rng = np.random.default_rng(1)
    p, q = rng.normal(0.5, 1, 400), rng.normal(0, 1, 400)
    people = np.arange(400)
    _, low, high = pair_auc(p, q, people, 400 + np.arange(800).reshape(400, 2))
    above, below = placements(p, q)
    variance = above.var() / 400 + below.var() / 400
    auc = roc_auc(p, q)
    half = 1.96 * np.sqrt(variance) / (auc * (1 - auc))
    assert np.log(low / (1 - low)) == pytest.approx(np.log(auc / (1 - auc)) - half, abs=0.01)
    assert np.log(high / (1 - high)) == pytest.approx(np.log(auc / (1 - auc)) + half, abs=0.01)


@pytest.mark.parametrize("sizes", [[24] + [2] * 12, [60] + [3] * 20])
def test_a_person_with_half_of_the_images_leaves_no_interval(sizes):
    names = np.repeat(np.arange(len(sizes)), sizes)
    z = np.random.default_rng(0).normal(size=(len(names), 3))
    table = pair_aucs(names, spaces_of(z, {}))
    assert np.isfinite(table["auc"]).all()
    assert table[["low", "high"]].isna().all(axis=None)
    assert set(table["status"]) == {
        "not available: needs at least 7 people, none with most of the pairs"
    }


def test_freedom_of_people_with_equal_and_unequal_pairs():
    assert pair_freedom(np.full((12, 2), 5.0)) == pytest.approx(11.0)
    unequal = np.column_stack([np.arange(1.0, 21.0) ** 2, np.arange(1.0, 21.0)])
    assert 3.0 < pair_freedom(unequal) < 15.0
    assert np.isnan(pair_freedom(np.full((6, 2), 5.0)))
    # Each person has one error, and each sum is of deviations from the mean of all: by matrices.
    shares = unequal / unequal.sum(axis=0)
    spread = np.diag(shares.sum(axis=1)) - shares @ shares.T
    law = spread @ spread.T
    expected = np.trace(law) ** 2 / np.trace(law @ law)
    assert pair_freedom(unequal) == pytest.approx(expected, rel=1e-9)


def test_both_people_of_a_pair_count():
    # Everybody is once the first; one person is the second of half of all pairs.
    rng = np.random.default_rng(5)
    same = np.repeat(np.arange(40), 2)
    shared = np.where(np.arange(80) % 2, 40, (same + 1) % 40)
    unshared = np.where(np.arange(80) % 2, 41 + np.arange(80), (same + 1) % 40)
    positive = rng.normal(0.8, 1, 80)
    negative = rng.normal(size=80) + np.where(shared == 40, 1.0, -1.0)
    wide, narrow = (
        np.subtract(*pair_auc(positive, negative, same, np.column_stack([same, second]))[1:])
        for second in (shared, unshared)
    )
    assert wide < 1.5 * narrow < 0
    # Nothing is known of a person who is in all of them.
    everywhere = np.column_stack([same, np.full(80, 40)])
    assert np.isnan(pair_auc(positive, negative, same, everywhere)[1:]).all()


def test_interval_of_pairs_against_loops():
    names = np.repeat(np.arange(15), np.arange(2, 17) // 2 + 1)
    z = np.random.default_rng(7).normal(size=len(names)) * (1.0 + names % 4)
    same = same_pairs(names)
    different = matched_different_pairs(names, same)
    positive, negative = (-np.abs(z[p[:, 0]] - z[p[:, 1]]) for p in (same, different))
    auc = roc_auc(positive, negative)
    pairs = [
        ({names[i]}, np.mean(x > negative), len(same))
        for (i, _), x in zip(same, positive, strict=True)
    ]
    for (i, j), y in zip(different, negative, strict=True):
        pairs.append(({names[i], names[j]}, np.mean(positive > y), len(different)))
    # Every two pairs that share a person covary.
    total = sum(
        (x - auc) * (y - auc) / (n * m)
        for one, x, n in pairs
        for other, y, m in pairs
        if one & other
    )
    weights = np.zeros((15, 2))
    for who, _, _ in pairs:
        for name in who:
            weights[name, len(who) - 1] += 1.0
    _, low, high = pair_auc(positive, negative, names[same[:, 0]], names[different])
    half = (logit(high) - logit(low)) / 2.0
    freedom = pair_freedom(weights)
    error = np.sqrt(total * 15 / 14) / (auc * (1 - auc))
    assert half == pytest.approx(student.ppf(0.975, freedom) * error, rel=1e-9)


def test_people_whose_pairs_cancel_are_no_surer_than_independent_pairs():
    # Each person has a pair above and one below all but the outer thirds of the negatives; each
    # couple has one negative of each third.
    same = np.repeat(np.arange(20), 2)
    different = np.repeat(np.arange(20).reshape(10, 2), 3, axis=0)
    positive, negative = np.tile([2.0, -2.0], 20), np.tile([3.0, 0.0, -3.0], 10)
    variance = 40 * (1 / 6 / 40) ** 2 + 20 * (1 / 2 / 30) ** 2
    _, low, high = pair_auc(positive, negative, same, different)
    half = student.ppf(0.975, 19) * np.sqrt(variance * 20 / 19) / 0.25
    assert (logit(low), logit(high)) == pytest.approx((-half, half), rel=1e-9)


def test_equal_images_of_a_person_are_the_most_similar():
    names = np.repeat(np.arange(20), 3)
    z = np.random.default_rng(0).normal(size=(20, 4))[names]
    table = pair_aucs(names, {"latents": z, "score": z[:, :1]})
    assert (table["auc"] == 1.0).all()
    assert set(table["status"]) == {"not available: no pair errs, or all do"}


def test_an_auc_of_one_has_no_interval():
    people = np.arange(40)
    ends = pair_auc(
        np.ones(40), np.zeros(40), people, np.column_stack([people, np.roll(people, 1)])
    )
    assert np.isnan(ends[1:]).all()


def test_interval_covers_where_pairs_share_people():
    rng = np.random.default_rng(2)
    names = np.repeat(np.arange(40), rng.integers(2, 6, 40))
    hits, widths = [], []
    for seed in range(120):
        values = rng.normal(size=len(names))
        row = pair_aucs(names, {"latents": values[:, None]}, seed=seed).iloc[0]
        hits.append(row["low"] <= 0.5 <= row["high"])
        widths.append(row["high"] - row["low"])
    assert np.mean(hits) > 0.92
    assert np.mean(widths) < 0.5

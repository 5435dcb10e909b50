"""Cluster stability: one hierarchy, resamples of people, agreement with noise, Jaccard, SBS."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student_t
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from latent_microscope.errors import InputError
from latent_microscope.forensics.cluster_stability import (
    ARI_VERDICTS,
    agreement,
    best_jaccard,
    capped_sizes,
    hierarchy_labels,
    jaccard_table,
    matched_shares,
    resampled_labels,
    resampled_rows,
    sbs_table,
    verdict,
)
from latent_microscope.forensics.clusters import plane_memberships
from latent_microscope.tables.cluster_stability import (
    plane_stability,
    resample_stability,
    run_pairs,
    stability_tables,
)


def blobs(n=120, seed=0, apart=12.0):
    generator = np.random.default_rng(seed)
    return np.concatenate([generator.normal(0, 1, (n, 2)), generator.normal(apart, 1, (n // 2, 2))])


def noise():
    return np.random.default_rng(0)


def test_one_hierarchy_gives_the_labels_of_each_size():
    points = np.concatenate([blobs(), np.random.default_rng(1).uniform(-5, 20, (40, 2))])
    labels = hierarchy_labels(points, [5, 10, 30, 500], min_samples=4)
    for size in (5, 10, 30):
        expected = plane_memberships(points, min_cluster_size=size, min_samples=4)[0]
        np.testing.assert_array_equal(labels[size], expected)
    assert (labels[500] == -1).all()
    ten, eleven = (hierarchy_labels(points, [5], min_samples=m)[5] for m in (10, 11))
    assert (ten != eleven).any()
    np.testing.assert_array_equal(hierarchy_labels(points, [5])[5], ten)
    for few in (1, 2):
        assert (hierarchy_labels(points[:few], [5])[5] == -1).all()


def test_resamples_hold_whole_people():
    codes = np.repeat(np.arange(30), 3)
    kept = resampled_rows(codes, noise(), resampling="subsample", share=0.8)
    people, images = np.unique(codes[kept], return_counts=True)
    assert len(people) == 24
    assert (images == 3).all()
    assert (np.diff(kept) > 0).all()
    drawn = resampled_rows(codes, noise(), resampling="bootstrap", share=0.8)
    assert len(drawn) == 90
    assert len(np.unique(drawn)) < 90
    assert (np.bincount(codes[drawn]) % 3 == 0).all()
    alone = resampled_rows(np.zeros(4, dtype=np.int64), noise(), resampling="subsample", share=0.3)
    assert alone.tolist() == [0, 1, 2, 3]  # one person at least


def test_resampled_labels_scale_the_sizes_with_the_share():
    points = blobs()
    rows, labels = next(
        resampled_labels(points, [20, 40], min_samples=5, n_resamples=1, share=0.5, seed=3)
    )
    assert len(rows) == 90
    direct = hierarchy_labels(points[rows], [10, 20], min_samples=2)
    np.testing.assert_array_equal(labels[20], direct[10])
    np.testing.assert_array_equal(labels[40], direct[20])
    with pytest.raises(InputError, match="resampling"):
        next(resampled_labels(points, [5], resampling="jackknife"))


def test_agreement_handles_noise_in_both_ways():
    a = np.array([0, 0, 0, 1, 1, 1, -1, -1])
    b = np.array([1, 1, 1, 0, 0, -1, -1, 0])
    found = agreement(a, b, noise())
    assert found["ari"] == pytest.approx(adjusted_rand_score(a, b))
    assert found["ami"] == pytest.approx(adjusted_mutual_info_score(a, b))
    assert found["ari_clustered"] == pytest.approx(1.0)
    assert found["clustered_both"] == pytest.approx(5 / 8)
    one = agreement([0, 0, -1], [0, 0, 0], noise())
    assert np.isnan(one["ari_clustered"])


def test_agreement_of_unrelated_labels_is_zero():
    generator = noise()
    a, b = generator.integers(-1, 4, (2, 5000))
    found = agreement(a, b, generator)
    assert abs(found["ari"]) < 0.01
    assert abs(found["baseline_ari"]) < 0.01
    same = agreement(a, a, generator)
    assert same["ari"] == same["ami"] == same["ari_clustered"] == 1.0
    assert abs(same["baseline_ari"]) < 0.01


def test_best_jaccard_against_sets():
    generator = noise()
    a, b = generator.integers(-1, 4, (2, 300))
    for cluster, value in enumerate(best_jaccard(a, b)):
        mine = set(np.flatnonzero(a == cluster))
        others = [set(np.flatnonzero(b == k)) for k in range(4)]
        assert value == pytest.approx(max(len(mine & o) / len(mine | o) for o in others))
    assert best_jaccard([0, 1, 1], [1, 0, 0]).tolist() == [1.0, 1.0]  # one point is a cluster
    assert best_jaccard([0, 0, 2], [-1, -1, -1])[0] == 0.0
    assert np.isnan(best_jaccard([0, 0, 2], [0, 0, 0])[1])


def test_jaccard_table_counts_recovered_and_dissolved():
    labels = np.array([0, 0, 0, 1, 1, -1])
    found = [np.array([1.0, 0.4]), np.array([0.8, np.nan]), np.array([0.9, 0.5])]
    table = jaccard_table(labels, found, [np.array([0.2, 0.1])] * 3)
    assert table["size"].tolist() == [3, 2]
    assert table["jaccard"].tolist() == pytest.approx([0.9, 0.45])
    assert table["jaccard_sd"].tolist() == pytest.approx([0.1, np.sqrt(0.005)])
    assert table["baseline"].tolist() == pytest.approx([0.2, 0.1])
    once = jaccard_table(labels, found[:1], [np.array([0.2, 0.1])])
    assert once["jaccard_sd"].isna().all()
    assert table["recovered"].tolist() == [1.0, 0.0]
    assert table["dissolved"].tolist() == [0.0, 1.0]
    assert table["n"].tolist() == [3, 2]
    assert table["verdict"].tolist() == ["highly stable", "unstable"]
    assert jaccard_table([-1, -1], [], []).empty
    assert jaccard_table([0, 0], [], [])["verdict"].tolist() == ["unknown"]


def of_clusters(*sizes, noise=0):
    return np.concatenate([np.repeat(np.arange(len(sizes)), sizes), np.full(noise, -1)])


def test_matched_shares_follow_a_cluster_through_resamples():
    reference = of_clusters(6, 3, noise=1)
    renamed = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, -1])
    np.testing.assert_allclose(matched_shares(reference, renamed), [0.5, 0.4])
    np.testing.assert_allclose(matched_shares(reference, np.full(10, -1)), [0.0, 0.0])
    turned = np.concatenate([np.full(5, 1), np.full(3, 2), np.full(2, 0)])
    np.testing.assert_allclose(matched_shares(of_clusters(5, 3, 2), turned), [0.5, 0.3, 0.2])
    lost = np.array([0, 0, 0, 0, 0, 0, -1, -1, -1, -1])
    np.testing.assert_allclose(matched_shares(reference, lost), [0.6, 0.0])
    assert matched_shares([0, 0, 0], [0, 0, 0], 3).tolist() == [1.0, 0.0, 0.0]


def test_a_resample_may_lose_the_last_cluster():
    labels = of_clusters(60, 30, 10)
    draws = [(np.arange(100), {10: labels}), (np.arange(90), {10: of_clusters(60, 30)})] * 3
    row = sbs_table({10: labels}, draws, kept=0.8, configured=10).iloc[0]
    assert row["low"] <= row["share"] <= row["high"]


def test_sbs_interval_is_a_jackknife_of_every_cluster():
    labels = of_clusters(60, 30, noise=10)
    rows, draws = np.arange(100), []
    for first, second in ((58, 32), (60, 30), (61, 28), (63, 30)):
        draws.append((rows, {10: of_clusters(first, second, noise=100 - first - second)}))
    row = sbs_table({10: labels}, draws, kept=0.8, configured=10).iloc[0]
    error = 2.0 * np.std([0.58, 0.60, 0.61, 0.63], ddof=1)
    assert row["share"] == pytest.approx(0.6)
    assert row["noise_share"] == pytest.approx(0.1)
    assert (row["n_clusters"], row["n_clusters_low"], row["n_clusters_high"]) == (2, 2.0, 2.0)
    assert row["low"] == pytest.approx(0.6 - student_t.ppf(1 - 0.025 / 2, 3) * error)
    assert row["high"] == pytest.approx(0.6 + student_t.ppf(0.975, 3) * error)
    assert row["resample_median"] == pytest.approx(0.605)
    boot = sbs_table({10: labels}, draws, kept=1.0, configured=10, resampling="bootstrap").iloc[0]
    assert boot["high"] - 0.6 == pytest.approx((row["high"] - 0.6) / 2)
    # Never narrower than the range of the resamples.
    steady = [(rows, {10: labels})] * 3 + [(rows, {10: of_clusters(95, noise=5)})]
    assert sbs_table({10: labels}, steady, kept=0.8, configured=10)["high"][0] >= 0.9
    # A share ends at 0 and at 1.
    wild = [(rows, {10: of_clusters(k, noise=100 - k)}) for k in (20, 95, 99)]
    most = sbs_table({10: of_clusters(95, noise=5)}, wild, kept=0.8, configured=10).iloc[0]
    assert (most["low"], most["high"]) == (0.0, 1.0)
    assert sbs_table({10: np.full(9, -1)}, draws[:0], kept=0.8, configured=10)["share"][0] == 0.0
    assert np.isnan(sbs_table({10: labels}, [], kept=0.8, configured=10)["low"][0])
    none = [(rows, {10: np.full(100, -1)})] * 4
    found = sbs_table({10: np.full(100, -1)}, none, kept=0.8, configured=10).iloc[0]
    assert np.isnan(found[["low", "high"]].to_numpy(float)).all()


def test_sbs_interval_knows_that_any_of_equal_clusters_may_be_the_largest():
    hits, narrow = 0, 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        cluster = generator.integers(0, 10, 400)
        draws = []
        for _ in range(40):
            rows = np.sort(generator.permutation(400)[:320])
            draws.append((rows, {10: cluster[rows]}))
        row = sbs_table({10: cluster}, draws, kept=0.8, configured=10).iloc[0]
        hits += row["low"] <= 0.1 <= row["high"]
        narrow += row["share"] - 1.96 * np.sqrt(0.09 / 400) <= 0.1
    assert hits >= 55
    assert narrow <= 50  # as many a plain interval around the largest share covers


def test_the_subsample_interval_has_the_spread_of_new_samples():
    # The share in the larger of two far blobs: a smooth statistic of known standard error.
    widths = []
    for seed in range(4):
        points = blobs(160, seed)
        draws = list(resampled_labels(points, [20], min_samples=5, n_resamples=60, seed=seed))
        table = sbs_table(
            hierarchy_labels(points, [20], min_samples=5),
            draws,
            kept=0.8,
            configured=20,
        )
        widths.append(table["high"][0] - table["low"][0])
    expected = 2 * 1.96 * np.sqrt((2 / 3) * (1 / 3) / 240)
    assert np.mean(widths) == pytest.approx(expected, rel=0.35)


def test_bootstrap_duplicates_distort_and_subsamples_do_not():
    points = np.random.default_rng(5).normal(size=(300, 2))
    count = {}
    for resampling in ("subsample", "bootstrap"):
        found = resampled_labels(
            points, [5], min_samples=2, n_resamples=6, resampling=resampling, seed=1
        )
        count[resampling] = np.mean([labels[5].max() + 1 for _, labels in found])
    own = hierarchy_labels(points, [5], min_samples=2)[5].max() + 1
    assert abs(count["subsample"] - own) < abs(count["bootstrap"] - own)


def test_capped_sizes():
    assert capped_sizes([10, 25, 400], 60, 20) == [10, 20, 25, 30]
    assert capped_sizes([10], 1000, 100) == [10, 100]


def test_numbers_of_clusters_in_resamples_may_be_none_and_one():
    labels = {5: np.array([0, 0, -1, -1])}
    none, one = np.full(4, -1), np.array([0, 0, 0, -1])
    draws = [(np.arange(4), {5: drawn}) for drawn in (none, one)]
    for some, expected in ((draws[:1], 0.0), (draws[1:], 1.0)):
        row = sbs_table(labels, some, kept=0.8, configured=5).iloc[0]
        assert (row["n_clusters_low"], row["n_clusters_high"]) == (expected, expected)


def test_verdicts():
    found = [verdict(value, ARI_VERDICTS, "poor") for value in (0.95, 0.85, 0.7, 0.6)]
    assert found == ["excellent", "good", "moderate", "poor"]
    limits = ((0.9, "excellent"), (0.65, "moderate"))
    assert [verdict(v, limits, "poor") for v in (0.95, 0.65, 0.1, np.nan)] == [
        "excellent", "moderate", "poor", "unknown",
    ]  # fmt: skip


def test_stable_blobs_are_stable_and_one_cloud_is_not():
    options: dict[str, Any] = {
        "identities": None, "sizes": [10, 20], "min_cluster_size": 20, "min_samples": 5,
        "resamples": 8, "resampling": "subsample", "share": 0.8, "seed": 0,
    }  # fmt: skip
    found = resample_stability(blobs(), **options)
    assert found["pairs"]["ari"].min() > 0.9
    assert set(found["clusters"]["verdict"]) == {"highly stable"}
    assert found["sbs"]["configured"].tolist() == [False, True]
    again = resample_stability(blobs(), **options)
    assert found["pairs"].equals(again["pairs"])
    assert found["sbs"].equals(again["sbs"])
    planes = plane_stability(
        [blobs(), blobs(seed=4), blobs(seed=5)], list("abc"), min_cluster_size=20, min_samples=5,
        seed=0,
    )  # fmt: skip
    assert len(planes["pairs"]) == 3
    assert planes["sbs"]["umap"].tolist() == list("abc")
    clusters = [{"id": [f"s{i}" for i in range(4)], "cluster": labels}
                for labels in ([0, 0, 1, 1], [0, 1, 0, 1])]  # fmt: skip
    frames = [pd.DataFrame(part) for part in clusters]
    shuffled = frames[1].iloc[::-1]
    assert run_pairs([frames[0], shuffled], [0, 1], seed=0)["ari"][0] == pytest.approx(-0.5)
    table = stability_tables(
        resampled=[found["pairs"]] * 2, umaps=[planes["pairs"]] * 2, clusters=[frames[0], shuffled],
        crops=["whole"] * 2, seeds=[0, 1], seed=0,
    )  # fmt: skip
    assert len(table) == 5
    last = table.iloc[-1]
    assert (last["source"], last["seed"], last["verdict"]) == ("VAE seeds", -1, "poor")
    assert "not stable over VAE seeds" in last["warning"]
    assert table["warning"][0] == ""

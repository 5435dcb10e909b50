"""Uniqueness, originality, densities and cores against plain loops, and their invariants."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import entropy

from latent_microscope.errors import InputError
from latent_microscope.forensics import (
    attractor_density,
    authentic_cores,
    authentic_signatures,
    creative_latent_score,
    isolated_cores,
    knn_density,
    originality,
    overlaps,
    stability,
    uniqueness,
)
from latent_microscope.forensics.checks import as_matrix
from latent_microscope.forensics.density import (
    attractors_by_order,
    radius_of_distances,
    tie_note,
    tie_share,
)
from latent_microscope.forensics.heuristics import ScoreSettings, score_all
from latent_microscope.forensics.rankings import generic_subset, minmax
from latent_microscope.forensics.sample_scores import auto_bins, histograms
from latent_microscope.neighbours.pairs import neighbour_pass

VARIANTS = ["script", "notebook"]


def latents(n=120, d=8, seed=0):
    return np.random.default_rng(seed).standard_t(5, size=(n, d))


def adaptive_radius(z):
    return radius_of_distances(neighbour_pass(z, k=10).distances)


def brute_uniqueness(s, variant):
    scores = []
    for row in s:
        h = entropy(np.abs(row) + 1e-8)
        if variant == "script":
            distance = cdist([row], s)[0]
            factor = distance[distance > 0].mean()
        else:
            distance = cdist([row], s, "cosine")[0]
            factor = 1 + distance[distance > 1e-6].mean()
        scores.append(h * factor * (1 + np.var(row)))
    return np.array(scores)


def brute_originality(z, variant, k, radius, n_attractors):
    n = len(z)
    distance = cdist(z, z)
    density = [(np.sum(distance[i] < radius) - 1) / n for i in range(n)]
    ranking = sorted(range(n), key=lambda i: -density[i])
    scores = []
    for i in range(n):
        others = np.sort(np.delete(distance[i], i))
        near = others[:k]
        counts, _ = np.histogram(near, bins=5 if variant == "script" else "auto")
        if variant == "script":
            isolation = min(distance[i, a] for a in [a for a in ranking if a != i][:n_attractors])
        else:
            isolation = others[0]
        spectral = entropy(np.abs(z[i]) + 1e-8)
        scores.append(entropy(counts + 1e-8) * spectral * (1 + isolation))
    return np.array(scores)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("n", [2, 3, 120])
def test_uniqueness_against_loops(variant, n):
    s = latents(n)
    np.testing.assert_allclose(uniqueness(s, variant), brute_uniqueness(s, variant), rtol=1e-10)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("n", "k", "radius", "top"),
    [(120, 10, 2.5, 5), (40, 7, 3.0, 1), (6, 10, 2.0, 5), (2, 10, 9.0, 5), (30, 10, 1e-3, 50)],
)
def test_originality_against_loops(variant, n, k, radius, top):
    z = latents(n)
    np.testing.assert_allclose(
        originality(z, variant, k, radius, top),
        brute_originality(z, variant, k, radius, top),
        rtol=1e-10,
    )


def test_attractor_ties_go_by_sample_order():
    # At a tiny radius all tie at 0: the attractors are the first rows of the file.
    z = latents()
    expected = brute_originality(z, "script", 10, 1e-6, 5)
    np.testing.assert_allclose(originality(z, radius=1e-6), expected, rtol=1e-10)
    density = attractor_density(z, 1e-6)
    assert tie_share(density) == 1.0
    assert "chose 5 of the 5 attractors" in (tie_note(density) or "")
    assert "chose" not in (tie_note(np.r_[density, np.arange(1, 7)]) or "")


def test_knn_and_attractor_density_against_loops():
    z = latents()
    distance = cdist(z, z)
    mean = np.sort(distance, axis=1)[:, 1:8].mean(axis=1)
    np.testing.assert_allclose(knn_density(z, 7), 1 / (mean + 1e-8), rtol=1e-10)
    expected = ((distance < 2.2).sum(axis=1) - 1) / len(z)
    np.testing.assert_array_equal(attractor_density(z, 2.2), expected)
    tenth = np.sort(distance, axis=1)[:, 10]
    assert adaptive_radius(z) == pytest.approx(np.percentile(tenth, 5), rel=1e-12)
    assert tie_note(attractor_density(z, 2.2)) is None


def test_duplicates_have_the_largest_density():
    z = np.vstack([latents(30), np.ones((11, 8))])
    density = knn_density(z)
    np.testing.assert_allclose(density[30:], 1e8, rtol=1e-12)
    assert density[:30].max() < 1e3


@pytest.mark.parametrize(
    ("density", "by_order"),
    [([3, 2, 1, 0, 0, 0, 0], 2), ([5, 4, 3, 2, 1, 0], 0), ([9, 1, 1, 1, 1, 1], 4), ([1] * 5, 0)],
)
def test_attractors_that_the_order_of_rows_chose(density, by_order):
    assert attractors_by_order(np.array(density) / 10) == by_order


def test_tie_share_limits():
    assert tie_share([]) == 0.0
    assert tie_share(np.arange(4)) == 0.25
    assert tie_note([0.0] * 94 + [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) is None
    assert tie_note([0.0] * 95 + [1.0, 2.0, 3.0, 4.0, 5.0]) is not None


@pytest.mark.parametrize("k", [1, 2, 3, 7, 10, 25])
def test_histograms_are_those_of_numpy(k):
    rng = np.random.default_rng(k)
    rows = np.sort(rng.gamma(2.0, size=(300, k)), axis=1)
    rows[:20] = np.round(rows[:20], 1)
    rows[20:30] = 1.5
    rows[30:40] = np.linspace(0.1, 0.6, k)
    bins = auto_bins(rows)
    for row, count in zip(rows, bins, strict=True):
        assert count == len(np.histogram_bin_edges(row, "auto")) - 1
        for number in (5, int(count)):
            ours = histograms(row[None], row.min(keepdims=True), row.max(keepdims=True), number)
            np.testing.assert_array_equal(ours[0], np.histogram(row, bins=number)[0])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_scores_follow_a_permutation_of_the_samples(seed):
    z = latents(60, 5, seed)
    order = np.random.default_rng(seed + 1).permutation(60)
    for variant in VARIANTS:
        np.testing.assert_allclose(
            uniqueness(z[order], variant), uniqueness(z, variant)[order], rtol=1e-9
        )
    np.testing.assert_allclose(knn_density(z[order]), knn_density(z)[order], rtol=1e-9)
    # The notebook's originality has no ranks; the script's needs attractors without ties.
    np.testing.assert_allclose(
        originality(z[order], "notebook"), originality(z, "notebook")[order], rtol=1e-9
    )
    density = attractor_density(z, 2.0)
    top = np.sort(density)[::-1][:7]
    if len(np.unique(top)) == len(top):
        np.testing.assert_allclose(
            originality(z[order], radius=2.0), originality(z, radius=2.0)[order], rtol=1e-9
        )
    assert overlaps(z[order], 0.8).attrs["total"] == overlaps(z, 0.8).attrs["total"]


def hubs():
    """Six hubs with 3 … 8 leaves each: six attractors, no two of one strength."""
    parts = []
    for hub, leaves in enumerate(range(3, 9)):
        centre = np.full(8, 10.0 * hub)
        parts.append(np.vstack([centre, centre + 0.9 * np.eye(8)[:leaves]]))
    return np.vstack(parts) + 1e-3 * np.random.default_rng(0).normal(size=(39, 8))


def test_script_originality_follows_a_permutation_without_ties():
    z = hubs()
    ranked = np.sort(attractor_density(z, 1.0))[::-1]
    assert len(np.unique(ranked[:6])) == 6
    assert ranked[5] > ranked[6]
    order = np.random.default_rng(1).permutation(len(z))
    assert not np.array_equal(order[:6], np.arange(6))
    np.testing.assert_allclose(
        originality(z[order], radius=1.0), originality(z, radius=1.0)[order], rtol=1e-9
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(-50, 50))
def test_distances_do_not_see_rotation_or_offset(seed, offset):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(50, 6))
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    moved = z @ rotation + offset
    np.testing.assert_allclose(knn_density(moved), knn_density(z), rtol=1e-8)
    radius = adaptive_radius(z) * 1.3
    np.testing.assert_allclose(
        attractor_density(moved, radius), attractor_density(z, radius), atol=1e-12
    )
    np.testing.assert_allclose(adaptive_radius(moved), adaptive_radius(z), rtol=1e-8)
    similar = overlaps(z @ rotation, 0.7)
    np.testing.assert_allclose(similar["similarity"], overlaps(z, 0.7)["similarity"], rtol=1e-8)


def test_constant_latents_give_finite_scores():
    z = np.full((15, 4), 2.0)
    for variant in VARIANTS:
        assert np.isfinite(uniqueness(z, variant)).all()
        assert np.isfinite(originality(z, variant)).all()
    np.testing.assert_array_equal(uniqueness(z), 0.0)
    np.testing.assert_allclose(knn_density(z), 1e8)
    assert overlaps(z).attrs["total"] == 15 * 14 // 2


def test_isolated_cores_against_loops():
    s = latents(80, 4)
    scores = uniqueness(s)
    similarity = 1 - cdist(s, s, "cosine")
    for percentile, limit, most in ((80, 0.6, 7), (50, 0.95, 0), (0, 0.2, 100)):
        expected = [
            (i, int((np.delete(similarity[i], i) > limit).sum()))
            for i in range(80)
            if scores[i] > np.percentile(scores, percentile)
        ]
        expected = [pair for pair in expected if pair[1] <= most]
        index, counts = isolated_cores(s, scores, percentile, limit, most)
        assert list(zip(index.tolist(), counts.tolist(), strict=True)) == expected


def test_isolated_cores_of_a_constant_score_are_none():
    index, counts = isolated_cores(latents(20), np.ones(20), 50)
    assert len(index) == len(counts) == 0


def test_authentic_cores_funnel():
    z = latents(200, 8)
    s = latents(200, 5, seed=3)
    table = authentic_cores(s, z, 80, 45, seed=4)
    u, steady = uniqueness(s), stability(z, seed=4)
    index, neighbors = isolated_cores(s, u, 80)
    kept = steady[index] > np.percentile(steady, 45)
    assert set(table["index"]) == set(index[kept])
    assert table["validation_score"].is_monotonic_decreasing
    np.testing.assert_allclose(table["validation_score"], table["uniqueness"] * table["stability"])
    by_index = dict(zip(index, neighbors, strict=True))
    assert [by_index[i] for i in table["index"]] == table["neighbors"].tolist()
    assert table.attrs == {
        "above_percentile": int((u > np.percentile(u, 80)).sum()),
        "isolated": len(index),
        "validated": len(table),
    }
    again = authentic_cores(s, z, 80, 45, uniqueness_scores=u, stability_scores=steady)
    assert again.equals(table)
    with pytest.raises(InputError, match=r"200.*199"):
        authentic_cores(s[:199], z)


def test_authentic_signatures_pair_the_density_of_the_same_sample():
    z = latents(150, 4)
    radius = 1.5
    table = authentic_signatures(z, 0.01, 0.1, 8, radius=radius)
    density, scores = attractor_density(z, radius), originality(z, radius=radius)
    inside = np.flatnonzero((density > 0.01) & (density < 0.1))
    best = inside[np.argsort(-scores[inside], kind="stable")][:8]
    np.testing.assert_array_equal(table["index"], best)
    np.testing.assert_array_equal(table["density"], density[best])
    np.testing.assert_allclose(table["originality"], scores[best])
    assert table.attrs["total"] == len(inside)
    assert table.attrs["note"] is None
    empty = authentic_signatures(z)
    assert len(empty) == 0
    assert list(empty.columns) == ["index", "originality", "density"]
    assert empty.attrs["tie_share"] == 1.0
    assert "100.0 %" in empty.attrs["note"]


def test_creative_latent_score():
    u, o = np.array([1.0, 3.0, 2.0]), np.array([5.0, 5.0, 5.0])
    np.testing.assert_allclose(creative_latent_score(u, o), [0.25, 0.75, 0.5])
    np.testing.assert_allclose(creative_latent_score(u, o, 1.0), [0.0, 1.0, 0.5])
    np.testing.assert_array_equal(minmax([7.0, 7.0]), 0.5)
    np.testing.assert_allclose(minmax([0.0, 5.0, 20.0], (0.0, 10.0)), [0.0, 0.5, 1.0])
    with pytest.raises(InputError, match="alpha"):
        creative_latent_score(u, o, 1.5)
    with pytest.raises(InputError, match=r"2.*3"):
        creative_latent_score(u, o[:2])


def test_overlap_table():
    z = np.array([[1.0, 0.0], [2.0, 0.01], [0.0, 1.0], [0.0, -1.0], [3.0, 0.0]])
    table = overlaps(z)
    assert table[["i", "j"]].to_numpy().tolist() == [[0, 4], [0, 1], [1, 4]]
    assert table["similarity"].iloc[0] == 1.0
    np.testing.assert_allclose(table["distance"], cdist(z, z)[table["i"], table["j"]])
    short = overlaps(z, max_pairs=1)
    assert len(short) == 1
    assert short.attrs["total"] == 3
    assert len(overlaps(z, max_pairs=0)) == 0


@pytest.mark.parametrize("block_size", [None, 40])
def test_the_engine_gives_what_each_function_gives(block_size):
    z, s = latents(150, 6), latents(150, 4, seed=2)
    radius = 2.0
    options = ScoreSettings(radius=radius, overlap_threshold=0.9)
    every = score_all(s, z, options, seed=5, block_size=block_size)
    for variant in VARIANTS:
        np.testing.assert_allclose(every.uniqueness[variant], uniqueness(s, variant), rtol=1e-12)
        expected = originality(z, variant, radius=radius)
        np.testing.assert_array_equal(every.originality[variant], expected)
    np.testing.assert_array_equal(every.stability, stability(z, seed=5))
    np.testing.assert_array_equal(every.knn_density, knn_density(z))
    np.testing.assert_array_equal(every.attractor_density, attractor_density(z, radius))
    assert every.adaptive_radius == adaptive_radius(z)
    np.testing.assert_array_equal(
        every.attractor_density_adaptive, attractor_density(z, every.adaptive_radius)
    )
    np.testing.assert_array_equal(
        every.originality_adaptive, originality(z, radius=every.adaptive_radius)
    )
    index, counts = isolated_cores(s, every.uniqueness["script"], 0, max_neighbors=1000)
    np.testing.assert_array_equal(every.neighbors[index], counts)
    assert every.overlaps.attrs["total"] > 0
    assert every.overlaps.equals(overlaps(z, 0.9))
    with pytest.raises(InputError, match=r"10 rows.* 150"):
        score_all(s[:10], z)
    with pytest.raises(InputError, match="variant 'some'"):
        ScoreSettings(variants=["some"])


def test_the_engine_makes_only_the_variants_asked_for():
    z = latents(60)
    every = score_all(z, z, ScoreSettings(variants=["notebook"]))
    assert list(every.uniqueness) == list(every.originality) == ["notebook"]
    np.testing.assert_allclose(every.uniqueness["notebook"], uniqueness(z, "notebook"), rtol=1e-12)


@pytest.mark.parametrize(
    "score", [uniqueness, knn_density, attractor_density, originality, stability, overlaps]
)
def test_bad_input_is_named(score):
    z = latents(20)
    z[7, 2] = np.nan
    with pytest.raises(InputError, match="row 7"):
        score(z)
    z[7, 2] = np.inf
    with pytest.raises(InputError, match="row 7"):
        score(z)
    with pytest.raises(InputError, match="2-D"):
        score(np.zeros(5))
    with pytest.raises(InputError, match="numbers"):
        score([["a", "b"]])


def test_bad_options_are_named():
    z = latents(20)
    with pytest.raises(InputError, match="latents has 1 row"):
        knn_density(z[:1])
    with pytest.raises(InputError, match="variant 'paper'"):
        uniqueness(z, "paper")
    with pytest.raises(InputError, match="variant 'paper'"):
        originality(z, "paper")
    with pytest.raises(InputError, match="radius"):
        attractor_density(z, -1.0)
    with pytest.raises(InputError, match="k"):
        knn_density(z, 0)
    with pytest.raises(InputError, match="percentile"):
        isolated_cores(z, np.ones(20), 101)
    with pytest.raises(InputError, match="percentile"):
        isolated_cores(z, np.ones(20), -0.5)
    for similarity in (-1.5, 1.5):
        with pytest.raises(InputError, match="similarity"):
            isolated_cores(z, np.ones(20), 50, similarity)
    assert np.isfinite(originality(z, k=1)).all()


@pytest.mark.parametrize(("value", "size"), [(1e308, "large"), (1e100, "large"), (1e-100, "small")])
def test_values_whose_products_leave_float64_are_one_line(value, size):
    with pytest.raises(InputError, match=f"z: the largest value is 1e.*too {size} for squares"):
        as_matrix(np.full((3, 2), value), "z")
    z = np.full((3, 2), 1e80 if value > 1 else 1e-80)
    np.testing.assert_array_equal(as_matrix(z, "z"), z)


def test_float32_and_lists_give_float64():
    z = latents(30).astype(np.float32)
    for score in (uniqueness(z), knn_density(z.tolist()), originality(z), stability(z)):
        assert score.dtype == np.float64
    np.testing.assert_array_equal(knn_density(z), knn_density(z.astype(np.float64)))


def test_the_generic_are_strictly_below_both_percentiles():
    values = np.array([0.0, 1.0, 1.0, 2.0, 3.0])
    assert generic_subset(values, values, 25.0).tolist() == [0]
    assert generic_subset(values, values[::-1], 75.0).tolist() == [2]

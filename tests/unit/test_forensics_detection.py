"""Our detector: finds people without labels, and nothing where there is nothing."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.stats import norm
from sklearn.cluster import HDBSCAN
from sklearn.metrics import adjusted_rand_score, f1_score, roc_auc_score

from latent_microscope.errors import InputError
from latent_microscope.forensics import detect_authentic, detection, knn_density, populations
from latent_microscope.forensics.detection import _refine, detect
from latent_microscope.forensics.mixtures import (
    DensityMixture,
    _two_means,
    chord_cut,
    density_mixture,
)
from latent_microscope.forensics.populations import (
    Populations,
    dip,
    find_clusters,
    separate_populations,
    several_modes,
)


def people_and_interpolations(n_people=5, each=40, n_between=200, seed=0):
    rng = np.random.default_rng(seed)
    templates = 3.0 * rng.normal(size=(n_people, 12))
    authentic = np.repeat(templates, each, axis=0)
    pair = np.array([rng.choice(n_people, 2, replace=False) for _ in range(n_between)])
    alpha = rng.uniform(size=(n_between, 1))
    between = alpha * templates[pair[:, 0]] + (1 - alpha) * templates[pair[:, 1]]
    z = np.vstack([authentic, between])
    truth = np.repeat([True, False], [len(authentic), n_between])
    return z + 0.03 * rng.normal(size=z.shape), truth


@pytest.mark.parametrize("n_people", [3, 5, 9])
@pytest.mark.parametrize("seed", range(3))
def test_people_are_told_from_interpolations(n_people, seed):
    z, truth = people_and_interpolations(n_people, seed=seed)
    mask, score = detect_authentic(z)
    assert mask.dtype == bool
    assert score.dtype == np.float64
    assert f1_score(truth, mask) > 0.95
    assert roc_auc_score(truth, score) > 0.97
    # The mask is a threshold on the score.
    assert score[mask].min() > score[~mask].max()


def test_order_and_scale_do_not_matter():
    z, _ = people_and_interpolations()
    mask, score = detect_authentic(z)
    order = np.random.default_rng(0).permutation(len(z))
    shuffled, again = detect_authentic(z[order])
    np.testing.assert_array_equal(shuffled, mask[order])
    np.testing.assert_allclose(again, score[order], rtol=1e-9)
    np.testing.assert_array_equal(detect_authentic(100.0 * z + 7.0)[0], mask)


def test_errors_of_reconstruction_unmask_what_lies_on_a_person():
    z, truth = people_and_interpolations()
    rng = np.random.default_rng(1)
    people = z[rng.choice(200, 30, replace=False)]
    z[200:230] = people + 0.01 * rng.normal(size=(30, 12))  # mixtures with hardly a second person
    quality = np.repeat(rng.uniform(1.0, 2.0, 5), 40)  # people are reconstructed unequally well
    errors = np.concatenate([quality, np.full(200, 0.4)]) * np.exp(0.02 * rng.normal(size=400))
    blind, _ = detect_authentic(z)
    mask, score = detect_authentic(z, errors=errors)
    assert blind[200:230].all()
    assert not mask[200:230].any()
    assert f1_score(truth, mask) > 0.99 > f1_score(truth, blind)
    assert score[mask].min() > score[~mask].max()
    np.testing.assert_array_equal(detect_authentic(z, errors=np.ones(400))[0], blind)


def test_a_person_whose_latents_collapsed_does_not_hide_the_others():
    z, truth = people_and_interpolations()
    z[:40] = z[0]
    mask, score = detect_authentic(z)
    assert np.isfinite(score).all()
    assert f1_score(truth, mask) > 0.95


def one_cloud(kind, n, d, rng):
    z = rng.normal(size=(n, d))
    if kind == "heavy":
        z *= np.sqrt(5.0 / rng.chisquare(5, size=(n, 1)))
    elif kind == "ball":
        z *= rng.random((n, 1)) ** (1.0 / d) / np.linalg.norm(z, axis=1, keepdims=True)
    elif kind == "skewed":
        z = rng.exponential(size=(n, d))
    return z


@pytest.mark.parametrize("kind", ["gaussian", "heavy", "ball", "skewed"])
@pytest.mark.parametrize(("n", "d"), [(100, 2), (100, 30), (300, 4)])
def test_one_cloud_has_no_authentic_samples(kind, n, d):
    called = 0
    for seed in range(4):
        mask, score = detect_authentic(one_cloud(kind, n, d, np.random.default_rng(seed)))
        called += int(mask.any())
        assert np.ptp(score) > 0.0
    assert called == 0  # before the test of one cloud: in most of them


def dip_by_linear_programmes(values):
    """Least distance from a distribution convex below a mode, where it may jump, then concave."""
    x = np.sort(values)
    n = len(x)
    best = 1.0
    for mode in range(n):
        # n values of the distribution from the left, then n from the right, then the distance.
        rows: list[np.ndarray] = []
        limits: list[float] = []

        def at_most(terms, limit, rows=rows, limits=limits):
            row = np.zeros(2 * n + 1)
            for place, weight in terms.items():
                row[place] += weight
            rows.append(row)
            limits.append(limit)

        for i in range(n):
            at_most({i: -1.0, 2 * n: -1.0}, -i / n)
            at_most({i: 1.0, 2 * n: -1.0}, i / n)
            at_most({n + i: -1.0, 2 * n: -1.0}, -(i + 1) / n)
            at_most({n + i: 1.0, 2 * n: -1.0}, (i + 1) / n)
            at_most({i: 1.0, n + i: -1.0}, 0.0)
            if i != mode:
                at_most({i: -1.0, n + i: 1.0}, 0.0)
            if i < n - 1:
                at_most({n + i: 1.0, i + 1: -1.0}, 0.0)
            if 0 < i < n - 1 and i != mode:
                left, right = 1.0 / (x[i] - x[i - 1]), 1.0 / (x[i + 1] - x[i])
                sign = 1.0 if i > mode else -1.0
                slopes = {i - 1 + n: left, i: -left, n + i: -right, i + 1: right}
                at_most({k: sign * w for k, w in slopes.items()}, 0.0)
        found = linprog(
            np.eye(2 * n + 1)[2 * n],
            A_ub=np.array(rows),
            b_ub=limits,
            bounds=[(None, None)] * (2 * n) + [(0.0, 1.0)],
        )
        if found.status == 0:
            best = min(best, found.fun)
    return best


@pytest.mark.parametrize("seed", range(6))
def test_dip_is_the_distance_from_unimodal_distributions(seed):
    rng = np.random.default_rng(seed)
    one, two = rng.normal(size=9), np.concatenate([rng.normal(size=5), rng.normal(4, 1, size=6)])
    for values in (one, two, rng.random(8)):
        assert dip(values) == pytest.approx(dip_by_linear_programmes(values), abs=1e-9)
        assert dip(-3.0 * values + 5.0) == pytest.approx(dip(values), abs=1e-12)


def test_dip_of_ties():
    assert dip(np.ones(9)) == 0.0
    assert dip(np.repeat([0.0, 1.0], 50)) == pytest.approx(0.25)
    assert dip(np.repeat([0.0, 1.0, 2.0], [10, 80, 10])) <= 0.05 + 1e-12


def test_uniform_samples_are_one_cloud_as_often_as_they_should():
    rng = np.random.default_rng(0)
    cut = sum(several_modes(rng.random((300, 1))) for _ in range(1500))
    assert 3 <= cut <= 25  # a quarter of 5 % at most, since there is one axis of four


def test_several_modes():
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(200, 10))
    assert not several_modes(cloud)
    assert not several_modes(1e-200 * cloud)
    apart = np.zeros((200, 10))
    apart[:60, 3] = 8.0
    assert several_modes(cloud + apart)
    assert several_modes(1e-3 * (cloud + apart) - 70.0)
    # The axis is the fourth in size: the others are one cloud.
    wide = cloud * np.array([40.0, 30.0, 20.0, *[1.0] * 7])
    assert several_modes(wide + apart)
    flat = cloud @ rng.normal(size=(10, 2)) @ rng.normal(size=(2, 3)).round(2)
    assert not several_modes(flat.astype(np.float32).astype(float))
    assert several_modes(np.hstack([cloud + apart, np.zeros((200, 300))]))  # more axes than points
    assert not several_modes(np.hstack([cloud, np.zeros((200, 300))]))
    assert not several_modes(np.ones((20, 3)))
    assert not several_modes(np.empty((0, 3)))


def test_equal_latents_have_no_authentic_samples():
    mask, score = detect_authentic(np.ones((20, 3)))
    assert not mask.any()
    assert np.ptp(score) == 0.0
    assert density_mixture(np.zeros(20)).separation == 0.0


def test_mixture_recovers_its_components():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 1, 600), rng.normal(6, 0.5, 400)])
    fit = density_mixture(values)
    np.testing.assert_allclose(fit.means, [0, 6], atol=0.15)
    np.testing.assert_allclose(fit.deviations, [1, 0.5], atol=0.1)
    np.testing.assert_allclose(fit.weights, [0.6, 0.4], atol=0.02)
    assert fit.separation == pytest.approx(np.sqrt(2) * 6 / np.hypot(1, 0.5), rel=0.05)
    assert 2.5 < fit.threshold < 5.5


def test_bad_input_is_named():
    with pytest.raises(InputError, match="latents has 5 rows"):
        detect_authentic(np.ones((5, 2)))
    with pytest.raises(InputError, match="neighbours"):
        detect_authentic(np.ones((20, 2)), neighbours=(0,))
    with pytest.raises(InputError, match="errors has 19"):
        detect_authentic(np.ones((20, 2)), errors=np.ones(19))
    with pytest.raises(InputError, match="errors: row 3 is 0"):
        detect_authentic(np.ones((20, 2)), errors=np.where(np.arange(20) == 3, 0.0, 1.0))


def test_people_of_different_spread_are_all_found():
    z, truth = people_and_interpolations()
    rng = np.random.default_rng(1)
    for person, spread in enumerate([0.02, 0.03, 0.04, 0.05, 0.06]):
        rows = slice(40 * person, 40 * person + 40)
        z[rows] = z[rows].mean(axis=0) + spread * rng.normal(size=(40, 12))
    found = detect(z)
    assert found.populations == 5
    log_density = np.log(knn_density(z, 10))
    density_only = log_density > density_mixture(log_density).threshold
    assert f1_score(truth, found.mask) >= max(0.95, f1_score(truth, density_only))


def test_few_interpolations_are_the_minority_that_they_are():
    z, truth = people_and_interpolations(n_between=10)
    mask, score = detect_authentic(z)
    assert f1_score(truth, mask) > 0.98
    assert np.count_nonzero(~mask & ~truth) >= 8
    assert roc_auc_score(truth, score) > 0.9


def test_populations_need_to_be_far_apart():
    rng = np.random.default_rng(0)
    centres = np.repeat(10.0 * np.eye(3), 50, axis=0)

    def found(latents):
        return separate_populations(latents, find_clusters(latents))

    far = found(centres + 0.1 * rng.normal(size=(150, 3)))
    assert far is not None
    assert far.count == 3
    assert found(centres + 2.0 * rng.normal(size=(150, 3))) is None
    assert found(rng.normal(size=(150, 3))) is None


def test_pieces_of_one_person_are_one_population():
    rng = np.random.default_rng(3)
    centres = np.array([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0]])
    latents = np.concatenate([c + rng.normal(size=(40, 2)) for c in centres])
    person = np.repeat([0, 1, 2], 40)
    # The first person comes in two halves, cut where nothing is.
    piece = np.where((person == 0) & (latents[:, 0] > 0), 3, person)
    cut = [piece == k for k in range(4)]
    found = separate_populations(latents, cut)
    assert found is not None
    assert found.count == 3
    np.testing.assert_array_equal(np.bincount(found.groups), [40, 40, 40])
    # Two halves of a single cloud are no two populations.
    assert separate_populations(latents[:40], [cut[0][:40], cut[3][:40]]) is None


def test_chord_cut_lies_where_uniform_distances_become_likelier():
    rng = np.random.default_rng(0)
    tight = np.exp(rng.normal(np.log(0.05), 0.3, 400))
    loose = rng.uniform(0.0, 3.0, 400)
    near = chord_cut(np.concatenate([tight, loose]))
    # Densities are equal at about 0.13; below it one loose sample in 23 lies.
    cut = np.concatenate([tight, loose])[near].max()
    assert 0.10 < cut < 0.16
    assert not chord_cut(np.exp(rng.normal(size=200))).any()


def test_more_neighbours_than_other_samples_are_all_others():
    z = np.random.default_rng(0).normal(size=(12, 2))
    assert detect(z, neighbours=(50,)).k == 11
    assert detect(z, neighbours=(3, 50)).k in (3, 11)


def test_given_distances_are_used_where_they_are_enough():
    z, _ = people_and_interpolations()
    gaps = np.sort(np.linalg.norm(z[:, None] - z[None], axis=2), axis=1)[:, 1:]
    alone = detect(z)
    for columns in (19, 20, 30):  # the first are too few
        given = detect(z, distances=gaps[:, :columns])
        np.testing.assert_array_equal(given.mask, alone.mask)
        np.testing.assert_allclose(given.score, alone.score, rtol=1e-6)
    few = detect(z, neighbours=(5, 10, 20), distances=gaps[:, :15])
    np.testing.assert_array_equal(few.score, detect(z, neighbours=(5, 10, 20)).score)
    one = detect(z, neighbours=(10,), distances=gaps[:, :10])
    np.testing.assert_allclose(one.score, detect(z, neighbours=(10,)).score, rtol=1e-6)
    assert detect(z, distances=gaps[:, 20:40]).separation != alone.separation


@pytest.mark.parametrize(("kept", "count"), [(0.65, 0), (0.75, 5)])
def test_a_refined_selection_must_keep_most_of_the_populations(kept, count, monkeypatch):
    z, _ = people_and_interpolations()

    def some(latents, density, found):
        inside = np.flatnonzero(found.labels >= 0)
        return np.isin(np.arange(len(z)), inside[: int(kept * len(inside))]), density

    monkeypatch.setattr(detection, "_refine", some)
    assert detect(z).populations == count


def test_the_cut_in_two_leaves_the_least_variance():
    values = np.random.default_rng(1).lognormal(0, 1, 60)
    x = np.sort(values)
    within = [k * x[:k].var() + (60 - k) * x[k:].var() for k in range(1, 60)]
    k = int(np.argmin(within)) + 1
    assert _two_means(values) == pytest.approx((x[k - 1] + x[k]) / 2)


def test_threshold_and_probability_are_those_of_two_normal_laws():
    rng = np.random.default_rng(0)
    fit = density_mixture(np.concatenate([rng.normal(0, 1, 600), rng.normal(6, 0.5, 400)]))
    values = np.array([-2.0, fit.threshold - 1e-9, fit.threshold + 1e-6, 5.0, 6.0, 9.0])
    law = [
        w * norm.pdf(values, m, s)
        for w, m, s in zip(fit.weights, fit.means, fit.deviations, strict=True)
    ]
    expected = np.where(values > fit.threshold, law[1] / (law[0] + law[1]), 0.0)
    np.testing.assert_allclose(fit.probability_dense(values), expected, rtol=1e-9)
    assert law[0][2] == pytest.approx(law[1][2], rel=0.02)  # equally likely there
    none = DensityMixture((0.0, 1.0), (1.0, 1.0), (0.5, 0.5), 1.0, np.inf)
    assert not none.probability_dense(values).any()


def test_all_samples_at_the_largest_near_distance_are_near():
    tight = np.repeat([0.04, 0.05, 0.06], 130)
    loose = np.linspace(0.5, 3.0, 300)
    near = chord_cut(np.concatenate([tight, loose]))
    assert near[:390].all()
    assert not near[390:].any()


def test_discriminant_space_whitens_the_spread_within_populations():
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0, 0, 0], [30, 0, 0, 0], [60, 0, 0, 0], [0, 40, 0, 0]])
    groups = np.repeat(np.arange(4), 50)
    samples = centres[groups] + rng.normal(size=(200, 4)) * [1.0, 3.0, 2.0, 1.0]
    for kept, rank in ((4, 2), (3, 1)):
        inside = groups < kept
        found = Populations(
            groups[inside], centres[:kept], np.ones(kept), samples[inside], groups[inside]
        )
        space = found.discriminant_space(samples)
        assert space.shape == (4, rank)
        plane = np.eye(4)[:, :rank]
        residuals = (samples[inside] - centres[groups[inside]]) @ plane
        within = residuals.T @ residuals / (inside.sum() - kept)
        shrunk = 0.95 * within + 0.05 * np.trace(within) / rank * np.eye(rank)
        np.testing.assert_allclose(
            space.T @ plane @ shrunk @ plane.T @ space, np.eye(rank), atol=1e-9
        )
    # Centres on a line but for rounding have one axis.
    line = 5.0 + np.outer([0.0, 1.0, 2.7, 3.1], [0.1, 0.7, 0.3, 0.9])
    assert 0.0 < np.linalg.svd(line - line.mean(axis=0))[1][1] < 1e-12
    found = Populations(groups, line, np.ones(4), line[groups] + samples, groups)
    assert found.discriminant_space(samples).shape == (4, 1)
    points = Populations(np.arange(2), centres[:2], np.zeros(2), centres[:2], np.arange(2))
    np.testing.assert_allclose(np.abs(points.discriminant_space(samples)), np.eye(4)[:, :1])


def test_distances_to_populations_are_in_their_spreads():
    centres = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    found = Populations(np.arange(3), centres, np.array([1.0, 2.0, 0.01]), centres, np.arange(3))
    z = np.array([[0.0, 3.0], [10.0, 3.0], [0.0, 10.2]])
    # The third is narrower than a tenth of the median spread, which counts instead.
    np.testing.assert_allclose(found.relative_distance(z), [3.0, 1.5, 2.0])
    np.testing.assert_array_equal(found.nearest_population(z), [0, 1, 2])
    assert found.count == 3


def test_many_samples_are_clustered_by_some_that_their_values_choose(monkeypatch):
    monkeypatch.setattr(populations, "_MAX_ROWS", 50)
    rng = np.random.default_rng(0)
    z = np.repeat([[0.0, 0.0], [30.0, 0.0]], 100, axis=0) + rng.normal(size=(200, 2))
    found = find_clusters(z)
    members = [np.flatnonzero(one) for one in found]
    assert len(found) == 2
    assert 30 <= len(np.concatenate(members)) <= 50
    assert sorted(int(one[0] >= 100) for one in members) == [0, 1]
    order = rng.permutation(200)
    again = {tuple(np.sort(order[one])) for one in find_clusters(z[order])}
    assert again == {tuple(one) for one in members}


@pytest.mark.parametrize("seed", range(3))
def test_equal_edges_of_the_tree_do_not_depend_on_the_order(seed):
    """One cloud: what HDBSCAN of scikit-learn finds there changes with the order of the rows."""
    rng = np.random.default_rng(seed)
    z = np.concatenate([rng.normal(size=(300, 3)), np.repeat(rng.normal(size=(5, 3)), 4, axis=0)])
    found = {one.tobytes() for one in find_clusters(z)}
    assert len(found) > 1
    for _ in range(5):
        order = rng.permutation(len(z))
        again = np.argsort(order)
        assert {one[again].tobytes() for one in find_clusters(z[order])} == found


def test_clusters_are_those_of_scikit_learn_but_for_equal_edges():
    z, _ = people_and_interpolations()
    ours = np.full(len(z), -1)
    for number, members in enumerate(find_clusters(z)):
        ours[members] = number
    theirs = [
        HDBSCAN(min_cluster_size=5, min_samples=k, copy=True).fit_predict(z) for k in (4, 5, 6)
    ]
    less, same, more = (adjusted_rand_score(ours, labels) for labels in theirs)
    assert same > 0.95 > max(less, more)


@pytest.mark.parametrize("collapsed", [False, True])
def test_the_score_is_of_density_and_of_the_way_to_the_centre(collapsed):
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0]])
    groups = np.repeat(np.arange(3), 30)
    z = centres[groups] + (0.0 if collapsed else 1.0) * rng.normal(size=(90, 2))
    z[0] = centres[0]
    found = Populations(groups, centres, np.ones(3), z, groups)
    density = rng.normal(size=90) + 3.0 * groups  # populations may be unequally dense
    level = [np.median(density[groups == p]) for p in range(3)]
    moved = (z - centres[groups]) @ found.discriminant_space(z)
    distance = np.linalg.norm(moved, axis=1)
    # Nobody is nearer than a twentieth of the median; where all are at a centre, none is infinite.
    least = 1e-300 if collapsed else 0.05 * np.median(distance)
    expected = density - np.array(level)[groups] + np.median(level)
    expected = 0.5 * (expected - np.log(np.maximum(distance, least)))
    _, score = _refine(z, density, found)
    np.testing.assert_allclose(score, expected, rtol=1e-9)

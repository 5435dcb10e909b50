"""Clusters, their profiles, sub-niches and ranked lists."""

import numpy as np
import pandas as pd
import pytest
from hdbscan import HDBSCAN
from hdbscan._hdbscan_linkage import label
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import KernelDensity

from latent_microscope.errors import InputError
from latent_microscope.forensics.clusters import (
    by_size,
    cluster_profile,
    latent_clusters,
    multi_scale_clusters,
    plane_memberships,
    plane_neighbours,
    umap_plane,
)
from latent_microscope.forensics.rankings import (
    generic_subset,
    grey_region,
    ranked,
    ranked_lists,
)
from latent_microscope.forensics.sources import standardise
from latent_microscope.forensics.subniches import sub_niche_table, sub_niches
from latent_microscope.neighbours.mst import plane_tree, spanning_tree, tree_labels
from latent_microscope.neighbours.pairs import neighbour_pass


def blobs(sizes=(150, 120), d=5, seed=0):
    rng = np.random.default_rng(seed)
    return np.vstack([rng.normal(8.0 * i, 1.0, size=(size, d)) for i, size in enumerate(sizes)])


def test_by_size():
    assert by_size([3, 3, 0, -1, 0, 0, 7]).tolist() == [1, 1, 0, -1, 0, 0, 2]
    assert by_size([2, 1, 2, 1]).tolist() == [0, 1, 0, 1]
    assert by_size([-1, -1]).tolist() == [-1, -1]


def test_plane_clusters_find_blobs_largest_first():
    labels = plane_memberships(blobs((120, 150), 2))[0]
    assert set(labels) <= {-1, 0, 1}
    assert np.mean(labels[:120] == 1) > 0.8
    assert np.mean(labels[120:] == 0) > 0.8


def test_too_few_samples_are_noise():
    assert (plane_memberships(blobs((30, 30), 2))[0] == -1).all()
    assert (latent_clusters(blobs((1, 1))) == -1).all()


def test_latent_clusters_find_the_blobs():
    labels = latent_clusters(blobs((20, 30)))
    assert labels.shape == (50,)
    assert labels.max() >= 0
    assert np.bincount(labels[labels >= 0]).argmax() == 0


def test_multi_scale():
    labels = multi_scale_clusters(blobs((60, 50), 2), scales=(5, 50))
    assert list(labels) == [5, 50]
    assert set(labels[50]) - {-1} == {0, 1}


def test_umap_plane_is_reproducible_and_separates():
    z = blobs((60, 40))
    plane = umap_plane(z, seed=1)
    assert plane.shape == (100, 2)
    assert plane.dtype == np.float64
    np.testing.assert_array_equal(plane, umap_plane(z, seed=1))
    a, b = plane[:60].mean(axis=0), plane[60:].mean(axis=0)
    nearer_a = np.linalg.norm(plane - a, axis=1) < np.linalg.norm(plane - b, axis=1)
    np.testing.assert_array_equal(nearer_a, np.arange(100) < 60)
    assert umap_plane(z[:6]).shape == (6, 2)


def test_cluster_profile_against_loops():
    z = blobs((40, 30))
    labels = np.repeat([1, 0], [40, 30])
    labels[::7] = -1
    cls = np.arange(70.0)
    table = cluster_profile(z, labels, {"cls": cls})
    assert table["cluster"].tolist() == [-1, 0, 1]
    assert table["creative"].tolist() == [False, True, False]
    for row in table.itertuples():
        members = z[labels == row.cluster]
        distance = np.sqrt(((members - members.mean(axis=0)) ** 2).sum(axis=1))
        assert row.size == len(members)
        assert row.mean_distance == pytest.approx(distance.mean())
        assert row.max_distance == pytest.approx(distance.max())
        assert row.sd_distance == pytest.approx(np.sqrt(distance.var()))
        assert row.mean_cls == pytest.approx(cls[labels == row.cluster].mean())
    noise = cluster_profile(z, np.full(70, -1), {"cls": cls})
    assert noise[["cluster", "creative"]].values.tolist() == [[-1, False]]
    same = cluster_profile(z[:2], [0, 1], {"cls": [1.0, 1.0]})
    assert same["creative"].tolist() == [True, False]
    with pytest.raises(InputError, match=r"labels.*70"):
        cluster_profile(z, labels[:5], {})


def ring_and_core(seed=0):
    """A dense core and a small far group: the group lies in the valley of density."""
    rng = np.random.default_rng(seed)
    core = rng.normal(0.0, 1.0, size=(600, 2))
    group = rng.normal(8.0, 0.15, size=(24, 2))
    return np.vstack([core, group])


def test_sub_niches():
    plane = ring_and_core()
    found = sub_niches(plane)
    direct = KernelDensity(bandwidth=0.5).fit(plane).score_samples(plane)
    np.testing.assert_allclose(found.log_density, direct, rtol=1e-6)
    assert found.threshold == pytest.approx(np.percentile(direct, 20), rel=1e-6)
    np.testing.assert_array_equal(found.valley, found.log_density < found.threshold)
    assert found.valley.sum() == 125
    assert not (found.labels[~found.valley] >= 0).any()
    sizes = np.bincount(found.labels[found.labels >= 0])
    assert len(sizes) == 1
    assert (found.labels[600:] == 0).sum() == sizes[0] >= 20


def test_no_sub_niche_is_a_result():
    found = sub_niches(ring_and_core(), min_points=1000)
    assert (found.labels == -1).all()
    scores = np.arange(624.0)
    assert len(sub_niche_table(found.labels, scores, scores, scores)) == 0


def test_sub_niche_tables():
    labels = sub_niches(ring_and_core()).labels
    scores = np.arange(624.0)
    table = sub_niche_table(labels, scores, 2 * scores, -scores)
    assert table["size"].tolist() == [(labels == 0).sum()]
    assert table["mean_cls"][0] == scores[labels == 0].mean()
    assert table["mean_uniqueness"][0] == 2 * table["mean_cls"][0]
    assert table["mean_originality"][0] == -table["mean_cls"][0]


def test_rankings():
    o = np.array([3.0, 1.0, 1.0, 2.0])
    assert ranked(o, 3, largest=False).tolist() == [1, 2, 3]
    assert ranked(o, 2, largest=True).tolist() == [0, 3]
    assert ranked(o, 150, largest=True).tolist() == [0, 3, 1, 2]
    assert grey_region(o, [-1, 0, -1, -1], 2).tolist() == [0, 3]
    assert grey_region(o, [0, 0, 0, 0]).tolist() == []


def test_generic_subset_is_below_both_percentiles():
    rng = np.random.default_rng(0)
    u, o = rng.normal(size=200), rng.normal(size=200)
    rows = generic_subset(u, o)
    expected = [
        i for i in range(200) if u[i] < np.percentile(u, 25) and o[i] < np.percentile(o, 25)
    ]
    assert rows.tolist() == expected
    assert generic_subset(np.ones(5), np.ones(5)).tolist() == []


def test_ranked_lists():
    rng = np.random.default_rng(0)
    names = ["uniqueness", "originality", "cls", "stability"]
    scores = pd.DataFrame(rng.normal(size=(200, 4)), columns=names)
    scores = scores.assign(id=scores.index.astype(str), cluster=np.where(scores.index < 20, -1, 0))
    lists = {"creative": 150, "stereotypes": 140, "grey": 50, "generic_percentile": 25}
    table = ranked_lists(scores, lists)
    generic = len(generic_subset(scores["uniqueness"], scores["originality"]))
    sizes = {"creative": 150, "stereotypes": 140, "grey": 20, "generic": generic}
    assert table["list"].value_counts(sort=False).to_dict() == sizes
    for name, group in table.groupby("list"):
        assert group["rank"].tolist() == list(range(len(group)))
        assert group["id"].tolist() == group["index"].astype(str).tolist()
        values = group["originality" if name == "stereotypes" else "cls"]
        np.testing.assert_array_equal(values, scores[values.name][group["index"]])
        rising = name in ("stereotypes", "generic")
        assert values.is_monotonic_increasing if rising else values.is_monotonic_decreasing
    assert ranked_lists(scores[:5], lists)["list"].value_counts()["stereotypes"] == 5


def reachability(z, min_samples):
    """All distances and mutual reachabilities."""
    full = cdist(z, z)
    core = np.sort(full, axis=1)[:, min_samples]
    return full, np.maximum(full, np.maximum(core[:, None], core[None, :]))


def labels_of_all_pairs(z, min_samples, size):
    """HDBSCAN's labels where, of edges of one mutual reachability, the shorter joins first."""
    distance, weight = reachability(z, min_samples)
    i, j = np.triu_indices(len(z), 1)
    order = np.lexsort((distance[i, j], weight[i, j]))
    group, tree = np.arange(len(z)), []
    for a, b in zip(i[order], j[order], strict=True):
        if group[a] != group[b]:
            group[group == group[b]] = group[a]
            tree.append((a, b, weight[a, b]))
    return by_size(tree_labels(label(np.array(tree)), size)[0])


def shapes(kind):
    rng = np.random.default_rng(4)
    if kind == "plane":
        return np.vstack([rng.normal(5.0 * i, 1.0 + i, size=(80, 2)) for i in range(5)])
    if kind == "gaussian":
        return rng.normal(size=(400, 70))
    if kind == "tight clusters":
        return np.repeat(5.0 * rng.normal(size=(8, 6)), 50, axis=0) + rng.normal(size=(400, 6))
    if kind == "few far clusters":
        return np.repeat(500.0 * rng.normal(size=(4, 3)), 100, axis=0) + rng.normal(size=(400, 3))
    return np.cumsum(rng.exponential(size=400))[:, None] * np.ones(2)


KINDS = ["gaussian", "tight clusters", "few far clusters", "line", "plane"]


def assert_minimum(tree, z, min_samples):
    assert len(tree.weight) == len(z) - 1
    assert (np.diff(tree.weight) >= 0.0).all()
    weight = reachability(z, min_samples)[1] + 1.0  # 0 would be no edge
    expected = np.sort(minimum_spanning_tree(weight).data) - 1.0
    np.testing.assert_allclose(tree.weight, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [2, 6, 15])
def test_the_tree_of_neighbours_is_the_minimum_spanning_tree(kind, k):
    z = shapes(kind)
    tree = spanning_tree(z, neighbour_pass(z, k=k), 2)
    assert_minimum(tree, z, 2)
    if kind == "few far clusters":
        assert 0 < tree.searched < 4 * len(z)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("min_samples", [1, 3, 10])
def test_the_tree_of_the_plane_is_the_minimum_spanning_tree(kind, min_samples):
    z = shapes(kind)
    assert_minimum(plane_tree(z, min_samples), z, min_samples)
    copied = np.repeat(z[:60], 4, axis=0)
    assert_minimum(plane_tree(copied, min_samples), copied, min_samples)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [2, 5])
def test_clusters_are_those_of_all_pairs(kind, size):
    z = shapes(kind)
    expected = labels_of_all_pairs(standardise(z), size, size)
    np.testing.assert_array_equal(latent_clusters(z, min_cluster_size=size), expected)
    for min_samples in (1, 4):
        found = plane_memberships(z, min_cluster_size=size, min_samples=min_samples)[0]
        np.testing.assert_array_equal(found, labels_of_all_pairs(z, min_samples, size))


@pytest.mark.parametrize("kind", KINDS)
def test_clusters_without_ties_are_hdbscans(kind):
    # With one core neighbour mutual reachability is the distance.
    z = shapes(kind)
    model = HDBSCAN(min_cluster_size=5, min_samples=1, approx_min_span_tree=False).fit(z)
    labels, probability = plane_memberships(z, min_cluster_size=5, min_samples=1)
    np.testing.assert_array_equal(labels, by_size(model.labels_))
    np.testing.assert_allclose(probability, model.probabilities_, rtol=1e-9)
    np.testing.assert_array_equal(multi_scale_clusters(z, scales=[9, 5])[5], labels)


def permutations(z, count=12):
    rng = np.random.default_rng(1)
    for _ in range(count):
        order = rng.permutation(len(z))
        yield order, z[order]


@pytest.mark.parametrize(("n", "d"), [(250, 2), (500, 5), (1000, 20), (300, 70)])
def test_clusters_do_not_depend_on_the_order_of_rows(n, d):
    z = np.random.default_rng(n).normal(size=(n, d))
    latent = latent_clusters(z)
    plane, probability = plane_memberships(z, min_cluster_size=5, min_samples=5)
    assert latent.max() > 0
    for order, rows in permutations(z):
        for neighbours in (None, plane_neighbours(rows, 4)):
            found = latent_clusters(rows, neighbours=neighbours)
            assert adjusted_rand_score(latent[order], found) == 1.0
        labels, certain = plane_memberships(rows, min_cluster_size=5, min_samples=5)
        assert adjusted_rand_score(plane[order], labels) == 1.0
        np.testing.assert_array_equal(certain, probability[order])
    # Distances decide, not the values of columns.
    np.testing.assert_array_equal(latent_clusters(-z[:, ::-1]), latent)


@pytest.mark.parametrize("kind", ["grid", "copies"])
def test_equal_distances_do_not_make_the_order_of_rows_matter(kind):
    rng = np.random.default_rng(2)
    z = rng.integers(0, 6, size=(300, 3)) / 3.0
    if kind == "copies":
        z = np.repeat(rng.normal(size=(60, 4)), rng.integers(1, 9, size=60), axis=0)
    latent = latent_clusters(z)
    plane = plane_memberships(z, min_cluster_size=6, min_samples=3)[0]
    for order, rows in permutations(z):
        assert adjusted_rand_score(latent[order], latent_clusters(rows)) == 1.0
        found = plane_memberships(rows, min_cluster_size=6, min_samples=3)[0]
        assert adjusted_rand_score(plane[order], found) == 1.0


def test_copies_join_one_by_one():
    # More of them than core neighbours, so that lists leave some out.
    z = np.repeat(np.random.default_rng(0).normal(size=(10, 2)), 40, axis=0)
    tree = plane_tree(z, 3)
    within = tree.weight == 0.0
    assert within.sum() == 10 * 39
    assert (tree.i[within] == tree.j[within] // 40 * 40).all()


def test_clusters_of_copies():
    z = np.repeat(np.random.default_rng(0).normal(size=(20, 4)), 5, axis=0)
    labels = latent_clusters(z)
    assert (labels.reshape(20, 5) == labels[::5, None]).all()
    assert (latent_clusters(np.ones((30, 3))) == -1).all()


def test_umap_takes_known_neighbours_and_names_too_few():
    z = blobs((60, 40))
    known = plane_neighbours(z, 20)
    np.testing.assert_array_equal(umap_plane(z, seed=1, neighbours=known), umap_plane(z, seed=1))
    with pytest.raises(InputError, match=r"neighbours.* 14 .*100"):
        umap_plane(z, neighbours=plane_neighbours(z, 5))

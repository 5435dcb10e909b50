"""Copies of one row among others: equal labels and scores, and each other as neighbours."""

import numpy as np
import pandas as pd
import pytest

from latent_microscope.errors import InputError
from latent_microscope.forensics.cluster_stability import hierarchy_labels
from latent_microscope.forensics.clusters import (
    latent_clusters,
    multi_scale_clusters,
    plane_memberships,
    plane_neighbours,
    tsne_plane,
    umap_plane,
)
from latent_microscope.forensics.detection import detect
from latent_microscope.forensics.heuristics import ScoreSettings, score_all
from latent_microscope.forensics.restarts import reference_uniqueness
from latent_microscope.forensics.sample_scores import attractor_isolation, stability
from latent_microscope.forensics.sources import factor_sources, fit_sources, unmix
from latent_microscope.forensics.subniches import sub_niches
from latent_microscope.neighbours.copies import copied_rows, copy_counts, first_copies
from latent_microscope.neighbours.means import similar_counts

SIZES = (1,) * 200 + (2,) * 60 + (3, 3, 5, 12, 70)


@pytest.fixture(scope="module", params=[0, 1], ids=["seed 0", "seed 1"])
def rows(request: pytest.FixtureRequest) -> np.ndarray:
    """Singles, pairs, a group with more copies than neighbours, shuffled."""
    rng = np.random.default_rng(request.param)
    unique = rng.laplace(size=(len(SIZES), 9))
    return rng.permutation(np.repeat(unique, SIZES, axis=0))


def groups(rows: np.ndarray) -> np.ndarray:
    return np.unique(rows, axis=0, return_inverse=True)[1].ravel()


def assert_equal_in_copies(rows: np.ndarray, values: np.ndarray) -> None:
    found = pd.DataFrame(np.reshape(values, (len(rows), -1)).astype(np.float64))
    assert (found.groupby(groups(rows)).nunique() == 1).all(axis=None)


def test_first_copies() -> None:
    rows = np.array([[0.0, 1.0], [2.0, 1.0], [-0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [2.0, 1.0]])
    assert first_copies(rows).tolist() == [0, 1, 0, 0, 4, 1]
    assert copy_counts(rows).tolist() == [2, 1, 2, 2, 0, 1]
    assert first_copies(np.arange(4.0)[:, None]).tolist() == [0, 1, 2, 3]
    found, copies = copied_rows(rows, 2)
    assert found.tolist() == [0, 2, 3]
    assert copies.tolist() == [[2, 3], [0, 3], [0, 2]]


def test_copies_have_equal_scores(rows: np.ndarray) -> None:
    for method in ("intended", "executed"):
        fit = fit_sources(rows, None, 2, 0, method)
        assert_equal_in_copies(rows, fit.sources)
        assert_equal_in_copies(rows, unmix(rows, fit.unmixings[0]))
        for variant in ("script", "notebook"):
            reference = np.arange(0, len(rows), 3)
            assert_equal_in_copies(rows, reference_uniqueness(fit.sources, reference, variant))
    assert_equal_in_copies(rows, factor_sources(rows))
    ids = np.array([f"image {i}" for i in range(len(rows))], dtype=object)
    every = score_all(fit.sources, rows, ScoreSettings(), ids=ids)
    for one in (*every.uniqueness.values(), *every.originality.values(), every.stability):
        assert_equal_in_copies(rows, one)
    for one in (every.originality_adaptive, every.knn_density, every.attractor_density):
        assert_equal_in_copies(rows, one)
    assert_equal_in_copies(rows, every.neighbors)
    found = detect(rows, distances=every.neighbour_distances)
    assert_equal_in_copies(rows, found.score)
    assert_equal_in_copies(rows, found.mask)


def test_copies_are_each_others_neighbours(rows: np.ndarray) -> None:
    found, own = plane_neighbours(rows, 15).indices, groups(rows)
    alike = (own[found] == own[:, None]).sum(axis=1)
    np.testing.assert_array_equal(alike, np.minimum(copy_counts(rows), 15))
    assert (found != np.arange(len(rows))[:, None]).all()


def test_copies_lie_together_and_in_one_cluster(rows: np.ndarray) -> None:
    plane = umap_plane(rows, n_neighbors=10)
    assert_equal_in_copies(rows, plane)
    assert_equal_in_copies(rows, tsne_plane(rows))
    # A plane on which a copy is where its original is, at the border of a cluster.
    for points in (plane, rows):
        for size in (2, 5, 30):
            labels, probability = plane_memberships(points, min_cluster_size=size, min_samples=4)
            assert_equal_in_copies(rows, labels)
            assert_equal_in_copies(rows, probability)
        for labels in multi_scale_clusters(points).values():
            assert_equal_in_copies(rows, labels)
        for labels in hierarchy_labels(points, [2, 10], min_samples=3).values():
            assert_equal_in_copies(rows, labels)
    assert_equal_in_copies(rows, latent_clusters(rows))
    niches = sub_niches(plane, min_points=2)
    assert_equal_in_copies(rows, niches.labels)


def test_isolation_of_an_attractor_and_its_copy() -> None:
    z = np.array([[0.0], [9.0], [5.0], [0.0], [9.0]])
    # All as dense: rows 0 and 1 would be the attractors, and row 0 nine from any other.
    density = np.array([2, 2, 1, 2, 2])
    assert attractor_isolation(z, density, 2).tolist() == [0.0, 9.0, 5.0, 0.0, 9.0]
    assert attractor_isolation(z[:3], density[:3], 2).tolist() == [5.0, 4.0, 4.0]


def test_stability_of_copies_does_not_depend_on_the_order() -> None:
    z = np.random.default_rng(0).normal(size=(5, 3))
    z[3] = z[1]
    keys = np.array([7, 30, 9, 20, 11])
    found = stability(z, ids=keys)
    assert found[3] == found[1] == stability(z[3:4], ids=[20])[0]
    np.testing.assert_array_equal(stability(z[::-1], ids=keys[::-1]), found[::-1])
    np.testing.assert_array_equal(found[[0, 2, 4]], stability(z[[0, 2, 4]], ids=[7, 9, 11]))


def test_similar_counts_of_copies() -> None:
    z = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [2.0, 0.1]])
    assert similar_counts(z, np.array([2, 1, 0]), 0.9).tolist() == [2, 0, 2]


def test_a_map_needs_five_different_rows() -> None:
    z = np.repeat(np.eye(4), 10, axis=0)
    with pytest.raises(InputError, match="4 different rows among 40; a map needs at least 5"):
        umap_plane(z)
    assert tsne_plane(np.repeat(np.eye(5), 4, axis=0)).shape == (20, 2)

"""What must not matter: order, rotation, far points, tiles, threads; and memory without n²."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from latent_microscope.forensics.heuristics import ScoreSettings, score_all
from latent_microscope.neighbours import scan as scanning
from latent_microscope.neighbours.blocks import in_parallel
from latent_microscope.neighbours.means import scan_sources
from latent_microscope.neighbours.pairs import (
    all_pairs,
    neighbour_pass,
)

VARIANTS = ("script", "notebook")


def normal(n=120, d=8, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def scored(s, z, **options):
    return score_all(s, z, ScoreSettings(radius=2.0, overlap_threshold=0.8), **options)


def test_tiles_and_threads_change_no_neighbour_and_no_overlap():
    z, s = normal(300, 12), normal(300, 6, seed=1)
    whole = scored(s, z)
    for block_size in (32, 77):
        for threads in (1, 2):
            with threadpool_limits(threads):
                other = scored(s, z, block_size=block_size)
            for name in ("neighbour_distances", "attractor_density", "neighbors", "stability"):
                np.testing.assert_array_equal(getattr(other, name), getattr(whole, name))
            assert other.overlaps.equals(whole.overlaps)
            for variant in VARIANTS:
                np.testing.assert_array_equal(
                    other.originality[variant], whole.originality[variant]
                )
                np.testing.assert_allclose(
                    other.uniqueness[variant], whole.uniqueness[variant], rtol=1e-12
                )


def test_the_number_of_threads_changes_no_bit():
    z, s = normal(300, 12), normal(300, 6, seed=1)
    results = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            results.append(scored(s, z, block_size=50))
    for variant in VARIANTS:
        np.testing.assert_array_equal(*(found.uniqueness[variant] for found in results))
    np.testing.assert_array_equal(*(found.neighbour_distances for found in results))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_all_scores_follow_a_permutation(seed):
    z, s = normal(70, 5, seed), normal(70, 4, seed + 1)
    order = np.random.default_rng(seed).permutation(70)
    ids = [f"sample {i}" for i in range(70)]
    one = scored(s, z, ids=ids)
    two = scored(s[order], z[order], ids=[ids[i] for i in order])
    for name in ("stability", "knn_density", "attractor_density", "neighbors"):
        np.testing.assert_allclose(getattr(two, name), getattr(one, name)[order], rtol=1e-9)
    for variant in VARIANTS:
        np.testing.assert_allclose(
            two.uniqueness[variant], one.uniqueness[variant][order], rtol=1e-9
        )
    np.testing.assert_allclose(
        two.originality["notebook"], one.originality["notebook"][order], rtol=1e-9
    )
    # The script's attractors are ranked: only without ties at the cut do they not see the order.
    ranked = np.sort(one.attractor_density)[::-1]
    if len(np.unique(ranked[:6])) == 6 and ranked[5] > ranked[6]:
        np.testing.assert_allclose(
            two.originality["script"], one.originality["script"][order], rtol=1e-9
        )
    assert two.overlaps.attrs["total"] == one.overlaps.attrs["total"]
    np.testing.assert_allclose(two.overlaps["similarity"], one.overlaps["similarity"], rtol=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_rotated_sources_keep_distances_and_cosines(seed):
    s = normal(60, 6, seed)
    rotation = np.linalg.qr(normal(6, 6, seed + 1))[0]
    one = scan_sources(s, similarity=0.5)
    two = scan_sources(s @ rotation, similarity=0.5)
    np.testing.assert_allclose(two.mean_distance, one.mean_distance, rtol=1e-9)
    np.testing.assert_allclose(two.mean_cosine, one.mean_cosine, rtol=1e-9)
    np.testing.assert_array_equal(two.similar, one.similar)


def test_rotated_latents_keep_all_but_the_spectral_entropy():
    z, s = normal(150, 6), normal(150, 4, seed=1)
    rotation = np.linalg.qr(normal(6, 6, seed=2))[0]
    one, two = scored(s, z), scored(s, z @ rotation)
    for name in ("knn_density", "attractor_density", "neighbour_distances"):
        np.testing.assert_allclose(getattr(two, name), getattr(one, name), rtol=1e-9)
    assert two.overlaps[["i", "j"]].equals(one.overlaps[["i", "j"]])
    assert np.abs(two.originality["script"] / one.originality["script"] - 1).max() > 1e-3


@pytest.mark.parametrize("far", [1e3, 1e6])
def test_a_far_point_changes_only_what_it_must(far):
    z, s = normal(200, 8), normal(200, 5, seed=1)
    direction = np.zeros(8)
    direction[0] = far
    one = scored(s, z)
    two = scored(np.vstack([s, far * np.ones(5)]), np.vstack([z, direction]))
    np.testing.assert_allclose(two.knn_density[:-1], one.knn_density, rtol=1e-9)
    np.testing.assert_allclose(two.neighbour_distances[:-1], one.neighbour_distances, rtol=1e-9)
    np.testing.assert_allclose(
        two.attractor_density[:-1] * 201, one.attractor_density * 200, rtol=1e-12
    )
    assert two.attractor_density[-1] == 0.0
    assert np.argmin(two.knn_density) == 200
    distance = cdist(s, far * np.ones((1, 5)))[:, 0]
    expected = (one.uniqueness["script"] / scan_sources(s).mean_distance) * (
        (scan_sources(s).mean_distance * 199 + distance) / 200
    )
    np.testing.assert_allclose(two.uniqueness["script"][:-1], expected, rtol=1e-9)
    kept = two.overlaps[(two.overlaps[["i", "j"]] < 200).all(axis=1)]
    assert kept.reset_index(drop=True).equals(one.overlaps)


@pytest.mark.parametrize("shape", ["clusters", "line", "copies", "offset", "heavy tails"])
@pytest.mark.parametrize("block_size", [None, 50])
def test_hard_inputs_against_brute_force(shape, block_size):
    rng = np.random.default_rng(3)
    z = {
        "clusters": np.repeat(rng.normal(size=(6, 7)), 50, axis=0)
        + 1e-5 * rng.normal(size=(300, 7)),
        "line": np.arange(300.0)[:, None] * np.ones(7) + 1e-3 * rng.normal(size=(300, 7)),
        "copies": rng.normal(size=(40, 7))[rng.integers(0, 40, 300)],
        "offset": 1e5 + rng.normal(size=(300, 7)),
        "heavy tails": rng.standard_cauchy(size=(300, 7)),
    }[shape]
    full = cdist(z, z)
    cosine = np.triu(1.0 - cdist(z, z, "cosine"), 1)
    np.fill_diagonal(full, np.inf)
    found, pairs = all_pairs(z, 10, overlap_threshold=0.9, max_pairs=10**6, block_size=block_size)
    np.testing.assert_allclose(
        found.distances, np.sort(full, axis=1)[:, :10], rtol=1e-9, atol=1e-12
    )
    exact = np.take_along_axis(full, found.indices, axis=1)
    np.testing.assert_allclose(exact, found.distances, rtol=1e-9, atol=1e-12)
    assert all(len(set(row)) == 10 for row in found.indices)
    assert pairs is not None
    assert pairs.total == np.count_nonzero(cosine > 0.9)


def test_rows_in_doubt_are_searched_again(monkeypatch):
    monkeypatch.setattr(scanning, "_DOUBT", 0)
    z = np.repeat(normal(4, 5), 60, axis=0) + 1e-7 * normal(240, 5, seed=1)
    _, left, _ = scanning.scan(z, 5, known=np.empty(0, np.int64))
    assert len(left) > 100
    full = cdist(z, z)
    np.fill_diagonal(full, np.inf)
    np.testing.assert_allclose(
        neighbour_pass(z, k=5).distances, np.sort(full, axis=1)[:, :5], rtol=1e-7
    )


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_the_scale_puts_no_row_in_doubt(scale):
    z, none = normal(), np.empty(0, np.int64)
    found, left, _ = scanning.scan(scale * z, 5, known=none, block_size=50)
    assert not left.size
    np.testing.assert_array_equal(found.indices, neighbour_pass(z, k=5).indices)


@pytest.mark.parametrize("what", ["latents", "sources"])
def test_memory_grows_with_n_not_with_its_square(what):
    def peak(n):
        z = normal(n, 16)
        tracemalloc.start()
        try:
            if what == "latents":
                all_pairs(z, 10, overlap_threshold=0.99, block_size=128)
            else:
                scan_sources(z, similarity=0.6, block_size=128)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(300)
    small, large = peak(1000), peak(4000)
    # Four times the samples: 16 times the pairs, whose matrix would take 128 MB.
    assert large < 6 * small
    assert large < 4000**2 * 8 / 4


def test_parallel_results_keep_their_order_and_pass_errors_on():
    with threadpool_limits(2):
        assert list(in_parallel(lambda i: i * i, range(50))) == [i * i for i in range(50)]
        with pytest.raises(ZeroDivisionError):
            list(in_parallel(lambda i: 1 / (i - 20), range(50)))

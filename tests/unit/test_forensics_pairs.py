"""The passes over all pairs, against scipy on small inputs."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import cdist

from latent_microscope.errors import InputError
from latent_microscope.neighbours import scan as scan_module
from latent_microscope.neighbours import similar as similar_module
from latent_microscope.neighbours.blocks import (
    kth_bound,
    pair_cosines,
    pair_distances,
    product_form,
    squared_block,
)
from latent_microscope.neighbours.means import scan_sources, similar_counts
from latent_microscope.neighbours.pairs import (
    counts_within,
    gathered,
    neighbour_pass,
    overlaps_wanted,
    scan_part,
    similar_pairs,
)

BLOCKS = [7, 64, 1000]


def points(n=90, d=6, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def off_diagonal(matrix):
    out = matrix.copy()
    np.fill_diagonal(out, np.inf)
    return out


@pytest.mark.parametrize("block_size", [None, *BLOCKS])
@pytest.mark.parametrize("n", [2, 5, 90, 700])
def test_nearest_neighbours_match_a_full_sort(n, block_size):
    z = points(n)
    full = off_diagonal(cdist(z, z))
    found = neighbour_pass(z, k=10, block_size=block_size)
    k = min(10, n - 1)
    np.testing.assert_allclose(found.distances, np.sort(full, axis=1)[:, :k], rtol=1e-12)
    np.testing.assert_array_equal(found.indices, np.argsort(full, axis=1, kind="stable")[:, :k])


def test_block_size_changes_no_bit_of_the_neighbours():
    z = points(400, 20)
    whole = neighbour_pass(z, k=10, radii=[4.0])
    for block_size in BLOCKS:
        other = neighbour_pass(z, k=10, radii=[4.0], block_size=block_size)
        np.testing.assert_array_equal(other.distances, whole.distances)
        np.testing.assert_array_equal(other.indices, whole.indices)
        np.testing.assert_array_equal(other.within, whole.within)


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
def test_near_duplicates_keep_their_distances(offset):
    rng = np.random.default_rng(1)
    z = np.repeat(rng.normal(size=(40, 5)) * 3.0, 4, axis=0)
    z[1::4] += 1e-7 * rng.normal(size=(40, 5))
    z[3::4] += 1e-4 * rng.normal(size=(40, 5))
    z += offset
    full = np.sort(off_diagonal(cdist(z, z)), axis=1)
    found = neighbour_pass(z, k=3).distances
    # Rows 0 and 2 of each four are equal: their distance is exactly 0, not a rounded one.
    assert np.all(found[0::4, 0] == 0.0)
    assert np.all(found[2::4, 0] == 0.0)
    np.testing.assert_allclose(found, full[:, :3], rtol=1e-9, atol=0)
    expected = np.array([row[row > 0.0].mean() for row in off_finite(cdist(z, z))])
    np.testing.assert_allclose(scan_sources(z).mean_distance, expected, rtol=1e-9)


def off_finite(matrix):
    return [np.delete(row, i) for i, row in enumerate(matrix)]


def test_ties_go_to_the_smaller_row():
    z = np.array([[0.0], [1.0], [-1.0], [1.0], [2.0]])
    found = neighbour_pass(z, k=3)
    np.testing.assert_array_equal(found.indices[0], [1, 2, 3])
    np.testing.assert_array_equal(found.indices[1], [3, 0, 4])


@pytest.mark.parametrize("radius", [0.0, 0.5, 2.0, 3.0, 100.0])
def test_counts_within_a_radius(radius):
    z = points()
    expected = (off_diagonal(cdist(z, z)) < radius).sum(axis=1)
    direct = neighbour_pass(z, radii=[radius, 1.0], block_size=13).within[:, 0]
    np.testing.assert_array_equal(direct, expected)
    near = neighbour_pass(z, k=4).distances
    np.testing.assert_array_equal(counts_within(z, near, radius, block_size=13), expected)


def test_radius_is_strict_on_a_lattice():
    z = np.arange(20.0)[:, None] * 0.1
    exact = np.abs(z - z.T)
    for radius in (0.1, 0.2, 0.3):
        expected = (off_diagonal(exact) < radius).sum(axis=1)
        np.testing.assert_array_equal(neighbour_pass(z, radii=[radius]).within[:, 0], expected)


def test_chosen_rows_only():
    z = points()
    rows = np.array([5, 80, 3])
    every = neighbour_pass(z, k=4, radii=[2.0])
    some = neighbour_pass(z, k=4, radii=[2.0], rows=rows, block_size=2)
    np.testing.assert_array_equal(some.distances, every.distances[rows])
    np.testing.assert_array_equal(some.within, every.within[rows])


def test_mean_distances():
    z = points(60, 4)
    z[10] = z[20] = z[30]
    z[40] = 3.0 * z[50]
    distance = [row[row > 0.0].mean() for row in cdist(z, z)]
    # The same direction is left out.
    cosine = [row[row > 1e-6].mean() for row in cdist(z, z, "cosine")]
    for block_size in (None, *BLOCKS):
        found = scan_sources(z, block_size=block_size)
        np.testing.assert_allclose(found.mean_distance, distance, rtol=1e-12)
        np.testing.assert_allclose(found.mean_cosine, cosine, rtol=1e-12)


def test_all_rows_equal():
    z = np.ones((30, 3))
    with np.errstate(invalid="raise"):
        found = scan_sources(z)
    assert np.all(found.mean_distance == 0.0)
    assert np.all(found.mean_cosine == 0.0)
    assert np.all(neighbour_pass(z, k=5).distances == 0.0)


@pytest.mark.parametrize("block_size", [None, *BLOCKS])
def test_similar_pairs_and_counts(block_size):
    z = points(80, 3)
    cosine = 1.0 - cdist(z, z, "cosine")
    i, j = np.nonzero(np.triu(cosine > 0.9, 1))
    order = np.argsort(-cosine[i, j], kind="stable")
    found = similar_pairs(z, 0.9, 10**6, block_size=block_size)
    assert found.total == len(i)
    np.testing.assert_array_equal(found.pairs, np.column_stack([i, j])[order])
    np.testing.assert_allclose(found.similarity, cosine[i, j][order], rtol=1e-12)
    few = similar_pairs(z, 0.9, 5, block_size=block_size)
    assert few.total == found.total
    np.testing.assert_array_equal(few.pairs, found.pairs[:5])
    rows = np.array([3, 50, 7])
    np.fill_diagonal(cosine, -1.0)
    np.testing.assert_array_equal(
        similar_counts(z, rows, 0.9, block_size=block_size), (cosine[rows] > 0.9).sum(axis=1)
    )


@pytest.mark.parametrize("n", [64, 65, 66])
def test_a_last_tile_of_one_row_is_not_similar_to_itself(n: int) -> None:
    z = 1.0 + 1e-2 * points(n, 3)
    assert similar_pairs(z, 0.9, 10, block_size=64).total == n * (n - 1) // 2


def test_overlaps_of_a_collapsed_space_are_counted_and_cut():
    z = 1.0 + 1e-3 * points(300, 5)
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    i, j = np.triu_indices(300, 1)
    cosine = np.einsum("ij,ij->i", unit[i], unit[j])
    found = similar_pairs(z, 0.99, 50, block_size=32)
    assert found.total == len(i)
    np.testing.assert_allclose(found.similarity, np.sort(cosine)[::-1][:50], rtol=1e-12)
    exact = np.einsum("ij,ij->i", *unit[found.pairs.T])
    np.testing.assert_allclose(exact, found.similarity, rtol=1e-12)
    assert similar_pairs(z, 0.99, 0).total == found.total


@pytest.mark.parametrize("k", [1, 3, 5, 10])
def test_copies_are_each_others_neighbours_in_row_order(k):
    z = points(60, 3)
    z[[4, 9, 20, 33, 41, 59]] = z[4]
    z[[7, 8]] = 0.0
    z[8] *= -1.0
    full = off_diagonal(cdist(z, z))
    found = neighbour_pass(z, k=k)
    np.testing.assert_array_equal(found.indices, np.argsort(full, axis=1, kind="stable")[:, :k])
    np.testing.assert_allclose(found.distances, np.sort(full, axis=1)[:, :k], rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1e-3, 1e12, 1e40])
def test_tight_clusters_and_any_scale(scale):
    # Within a cluster a float32 product says nothing: the search must not trust it.
    rng = np.random.default_rng(2)
    z = np.repeat(10.0 * rng.normal(size=(3, 6)), 100, axis=0) + 1e-4 * rng.normal(size=(300, 6))
    z *= scale
    full = off_diagonal(cdist(z, z))
    radius = float(np.median(np.sort(full, axis=1)[:, 20]))
    found = neighbour_pass(z, k=10, radii=[radius])
    np.testing.assert_allclose(found.distances, np.sort(full, axis=1)[:, :10], rtol=1e-9, atol=0)
    np.testing.assert_array_equal(found.within[:, 0], (full < radius).sum(axis=1))


def test_a_row_of_zeros_is_similar_to_none():
    z = points(20, 3)
    z[4] = 0.0
    pairs = similar_pairs(z, -0.5, 10**6).pairs
    zero = pairs[(pairs == 4).any(axis=1)]
    # Its cosine with anything counts as 0, which lies above -0.5 but never above 0.
    assert len(zero) == 19
    assert not (similar_pairs(z, 0.0, 10**6).pairs == 4).any()


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(2, 40), st.integers(1, 4)),
        elements=st.floats(-100, 100, allow_subnormal=False, width=32),
    ),
    st.integers(1, 12),
)
def test_any_small_input_matches_scipy(z, k):
    full = np.sort(off_diagonal(cdist(z, z)), axis=1)
    found = neighbour_pass(z, k=k, block_size=9).distances
    np.testing.assert_allclose(found, full[:, : min(k, len(z) - 1)], rtol=1e-9, atol=1e-150)
    means = [row[row > 0].mean() if (row > 0).any() else 0.0 for row in cdist(z, z)]
    np.testing.assert_allclose(
        scan_sources(z, block_size=9).mean_distance, means, rtol=1e-9, atol=1e-150
    )


def test_pair_distances_are_symmetric_and_chunked():
    z = points(50, 3)
    i, j = np.divmod(np.arange(2500), 50)
    i, j = np.tile(i, 4), np.tile(j, 4)
    np.testing.assert_array_equal(pair_distances(z, i, j), pair_distances(z, j, i))
    np.testing.assert_allclose(pair_distances(z, i, j), cdist(z, z)[i, j], rtol=1e-12)


def test_bad_options_are_named():
    with pytest.raises(InputError, match="block_size 0"):
        neighbour_pass(points(), k=1, block_size=0)
    with pytest.raises(InputError, match="k -1"):
        neighbour_pass(points(), k=-1)


@pytest.mark.parametrize(("n", "count"), [(1030, 2), (2060, 3), (1030, 5)])
def test_a_last_strip_of_its_own_has_no_row_as_its_own_neighbour(n: int, count: int) -> None:
    """Fewer rows than neighbours remain for the last part, which has no bound of any row yet."""
    z = np.random.default_rng(0).normal(size=(n, 5))
    z[100:140] = z[100]  # more copies than neighbours
    found, _ = gathered(z, [scan_part(z, 20, part=(part, count)) for part in range(count)])
    assert found is not None
    exact = neighbour_pass(z, k=20)
    np.testing.assert_array_equal(found.indices, exact.indices)
    np.testing.assert_array_equal(found.distances, exact.distances)


@pytest.mark.parametrize("kind", ["one-hot", "binary"])
def test_ties_are_kept_no_longer_than_needed(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    n, k, generator = 1500, 5, np.random.default_rng(0)
    z = (generator.random((n, 24)) < 0.3).astype(float)
    if kind == "one-hot":
        z = np.concatenate([np.eye(30)[generator.integers(0, 30, n)] for _ in range(2)], axis=1)
    kept, thin = [], scan_module._Candidates._thin

    def watched(self):
        thin(self)
        kept.append(sum(len(rows) for rows, _, _ in self.kept))

    monkeypatch.setattr(scan_module._Candidates, "_thin", watched)
    full = off_diagonal(cdist(z, z))
    found = neighbour_pass(z, k=k, block_size=64)
    np.testing.assert_allclose(found.distances, np.sort(full, axis=1)[:, :k], rtol=1e-12)
    order = np.argsort(np.rint(full**2), axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(found.indices, order)
    assert len(kept) > 1
    assert max(kept) <= 2 * n * k


def every_overlap(z, threshold):
    """All pairs above the cosine, as listed: most similar first, ties by row."""
    i, j = np.triu_indices(len(z), 1)
    cosine = pair_cosines(z, i, j)
    order = np.lexsort((j, i, -cosine))[: np.count_nonzero(cosine > threshold)]
    return np.stack([i[order], j[order]], axis=1)


@pytest.mark.parametrize(
    ("threshold", "most", "candidates"),
    [(0.97, 999, 40), (0.9, 999, 40), (0.9, 50, 40), (0.9, 10, 40), (0.97, 999, 0)],
)
@pytest.mark.parametrize("block_size", [20, 64])
def test_candidates_below_the_threshold_are_the_best_ones(
    monkeypatch: pytest.MonkeyPatch,
    threshold: float,
    most: int,
    candidates: int,
    block_size: int,
) -> None:
    monkeypatch.setattr(similar_module, "_FEW", 0)
    z = points(200)
    wanted = overlaps_wanted(threshold, most, candidates, 0.2)
    found = scan_part(z, 0, overlaps=wanted, block_size=block_size)[1]
    assert found is not None
    total = len(every_overlap(z, threshold))
    assert found.total == total
    assert (total > 50) == (threshold == 0.9)
    listed = max(min(total, most), candidates)
    np.testing.assert_array_equal(found.pairs, every_overlap(z, 0.2)[:listed])


@pytest.mark.parametrize("lengths", ["equal", "mixed"])
def test_pairs_at_the_threshold_are_counted_as_they_are_listed(lengths: str) -> None:
    """Of 0/1 rows many have the cosine 0.8, but for its last bit."""
    z = np.array([[b in c for b in range(12)] for c in combinations(range(12), 5)], dtype=float)
    if lengths == "mixed":
        z *= np.random.default_rng(0).uniform(0.5, 2.0, size=(len(z), 1))
    expected = every_overlap(z, 0.8)
    assert (len(expected) > 0) == (lengths == "mixed")
    for block_size in (None, 64):
        for most in (100, 10**6):
            found = similar_pairs(z, 0.8, most, block_size=block_size)
            assert found.total == len(expected)
            np.testing.assert_array_equal(found.pairs, expected[:most])


def test_pairs_at_the_threshold_are_not_above_it() -> None:
    z = np.repeat([[1.0, 0.0], [0.0, 1.0]], 4, axis=0)
    for candidates in (0, 1):
        found = scan_part(z, 0, overlaps=overlaps_wanted(1.0, 10, candidates, 0.9))[1]
        assert found is not None
        assert found.total == 0
        assert len(found.pairs) == candidates


def test_overlaps_of_copies_are_those_of_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similar_module, "_FEW", 100)
    z = points(3)[np.random.default_rng(0).integers(0, 3, 200)]
    expected = every_overlap(z, 0.9)
    for most in (50, 10**5):
        found = similar_pairs(z, 0.9, most, block_size=64)
        assert found.total == len(expected)
        np.testing.assert_array_equal(found.pairs, expected[:most])


def test_blocks_change_no_overlap_far_from_the_origin() -> None:
    z = points(250, 20) + 1e7
    expected = every_overlap(z, 0.99)
    for block_size in (None, 50):
        found = similar_pairs(z, 0.99, 300, block_size=block_size)
        assert found.total == len(expected)
        np.testing.assert_array_equal(found.pairs, expected[:300])


@pytest.mark.parametrize("most", [0, 10])
def test_a_pair_just_below_the_threshold_is_not_counted(most: int) -> None:
    z = np.array([[1.0, 0.0], [np.cos(0.1), np.sin(0.1)]])
    for share, count in ((1.0 - 4e-6, 0), (1.0 + 4e-6, 1)):
        threshold = 1.0 - share * (1.0 - np.cos(0.1))
        assert similar_pairs(z, threshold, most, block_size=1).total == count


def test_a_far_row_changes_no_overlap_of_near_ones() -> None:
    """Lengths are told apart from their mean, which it carries away."""
    z = np.eye(6)[0] + 1e-3 * points(200)
    threshold = float(np.median(pair_cosines(z, *np.triu_indices(200, 1))))
    expected = every_overlap(z, threshold)
    found = similar_pairs(
        np.concatenate([z, 1e6 * np.eye(6)[1:2]]), threshold, 10**6, block_size=50
    )
    assert found.total == len(expected) == 200 * 199 // 4
    np.testing.assert_array_equal(found.pairs, expected)


@pytest.mark.parametrize("n", [300, 700, 20_000])
def test_bounds_of_the_kth_value_are_never_below_it(n: int) -> None:
    squared = np.random.default_rng(0).random((50, n))
    for k in (5, 20, min(400, n)):  # numpy sorts the first hundreds, whatever is asked of it
        exact, bound = np.sort(squared, axis=1)[:, k - 1], kth_bound(squared, k)
        assert (bound >= exact).all()
        assert (bound == exact).all() == (n // 16 < 2 * k)  # too few for groups of 16
        assert (squared <= bound[:, None]).sum(axis=1).mean() < 1.5 * k
        np.testing.assert_array_equal(kth_bound(np.asfortranarray(squared), k), bound)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_bound_of_the_products_rounding_holds_in_few_dimensions(d: int) -> None:
    generator = np.random.default_rng(0)
    z = generator.choice([-1.0, 1.0], size=(400, d)) + generator.uniform(0.0, 1e-4, size=(400, d))
    form = product_form(z, np.float32)
    found = squared_block(form.factor, slice(None)).astype(np.float64)
    error = np.abs(found - cdist(z, z, "sqeuclidean"))
    assert error.max() > 0.0
    assert (error <= form.error[:, None]).all()

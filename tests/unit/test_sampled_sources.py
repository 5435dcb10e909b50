"""Sources compared with some others: bounds hold whatever the distances are."""

import tracemalloc

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from latent_microscope.errors import InputError
from latent_microscope.forensics.heuristics import ScoreSettings, score_all
from latent_microscope.neighbours import sampled
from latent_microscope.neighbours.means import scan_sources
from latent_microscope.neighbours.sampled import sample_sources

N = 1500
FIELDS = ("mean_distance", "mean_cosine", "similar")


def normal() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(N, 8))


def data(kind: str) -> np.ndarray:
    generator = np.random.default_rng(1)
    s = normal()
    if kind == "copies":
        s[: N // 2] = s[0]
        s[N // 2 : N // 2 + 100] = 2.0 * s[-100:]  # parallel, but not equal
    elif kind == "few that differ":
        s[4:] = 1.0
    elif kind == "far cluster":
        s[: N // 200] += 200.0
    elif kind == "heavy tails":
        s = generator.standard_t(2.5, size=(N, 8))
    elif kind == "zeros":
        s[:200] = 0.0
    return s


@pytest.mark.parametrize(
    "kind", ["normal", "copies", "few that differ", "far cluster", "heavy tails", "zeros"]
)
def test_bounds_hold_for_95_percent(kind: str) -> None:
    s = data(kind)
    exact = scan_sources(s, similarity=0.6)
    held = []
    for seed in range(12):
        found, bound = sample_sources(s, 300, similarity=0.6, seed=seed)
        for scan in (found, bound):
            assert all(np.isfinite(getattr(scan, name)).all() for name in FIELDS)
        gaps = [np.abs(getattr(found, name) - getattr(exact, name)) for name in FIELDS]
        bounds = [getattr(bound, name) + 1e-9 for name in FIELDS]
        held.append([np.mean(gap <= most) for gap, most in zip(gaps, bounds, strict=True)])
    assert np.mean(held, axis=0).min() >= 0.95
    assert np.median(bound.mean_distance / np.maximum(exact.mean_distance, 1e-9)) < 0.1
    # Distances are known far better than the bound says.
    assert np.median(gaps[0] / np.maximum(exact.mean_distance, 1e-9)) < 0.01


def test_bounds_of_cosines_hold_above_as_below() -> None:
    """Of opposite vectors all cosine distances are 0 or 2, so the bound above is cut at 2."""
    generator = np.random.default_rng(1)
    s = np.outer(generator.normal(size=600), generator.normal(size=8))
    errors, bounds = np.transpose(
        [
            (found.mean_cosine[0] - 2.0, bound.mean_cosine[0])
            for found, bound in (sample_sources(s, 200, similarity=0.6, seed=i) for i in range(30))
        ]
    )
    assert min((errors > 0.01).sum(), (errors < -0.01).sum()) > 5
    assert (np.abs(errors) <= bounds).mean() >= 0.9


def test_bounds_of_similar_others_are_no_wider_than_need_be() -> None:
    s = normal()
    exact = scan_sources(s, similarity=0.3)
    found, bound = sample_sources(s, 300, similarity=0.3)
    share = exact.similar.mean() / N
    expected = 1.96 * N * np.sqrt(share * (1.0 - share) / 150)
    assert 0.9 * expected < bound.similar.mean() < 1.4 * expected
    assert (np.abs(found.similar - exact.similar) > 0.3 * expected).mean() > 0.3


@pytest.mark.parametrize("count", [2, 3, 300])
def test_the_bound_of_a_mean_distance_is_maurers_and_pontils(count: int) -> None:
    """Theorem 4, two-sided, of squared deviations of distances from their root mean square."""
    s = normal()
    work, distance = sampled._Sample(s, count, 0.6, 0), cdist(s, s)
    mean, bound = work.block(slice(0, N))[:2]
    rest = np.setdiff1d(np.arange(N), work.far)
    length = np.linalg.norm(s - s[rest].mean(axis=0), axis=1)
    for row in (work.far[0], work.drawn[0], np.setdiff1d(rest, work.drawn)[0]):
        left, seen, far = (np.setdiff1d(some, [row]) for some in (rest, work.drawn, work.far))
        root = np.sqrt(np.mean(distance[row, left] ** 2))
        deviations = (distance[row, seen] - root) ** 2
        nearest, farthest = length[row] - length[rest].max(), length[row] + length[rest].max()
        most = max(root - max(nearest, 0.0), farthest - root) ** 2
        value = deviations.mean() if seen.size else most / 2.0
        error = max(value, most - value) * (1.0 - seen.size / left.size)  # it cannot be more
        if seen.size > 1:
            chance = np.sqrt(2.0 * deviations.var(ddof=1) * np.log(80.0) / seen.size)
            error = min(error, chance + 7.0 * most * np.log(80.0) / (3.0 * (seen.size - 1)))
        total = distance[row, far].sum() + left.size * (root - value / (2.0 * root))
        assert mean[row] == pytest.approx(total / (N - 1), rel=1e-9)
        assert bound[row] == pytest.approx(error / (2.0 * root) * left.size / (N - 1), rel=1e-9)


@pytest.mark.parametrize("kind", ["normal", "copies", "zeros"])
@pytest.mark.parametrize("size", [N, 4])
def test_all_rows_leave_nothing_to_chance(kind: str, size: int) -> None:
    s = data(kind)[:size]
    exact = scan_sources(s, similarity=0.4)
    found, bound = sample_sources(s, size, similarity=0.4)
    for name in FIELDS:
        np.testing.assert_allclose(getattr(found, name), getattr(exact, name), rtol=1e-9)
        np.testing.assert_allclose(getattr(bound, name), 0.0, atol=1e-9)


def test_copies_share_their_values() -> None:
    s = normal()
    s[:30] = s[30:60]
    for scan in sample_sources(s, 200, similarity=0.4):
        for name in FIELDS:
            value = getattr(scan, name)
            np.testing.assert_array_equal(value[:30], value[30:60])


def test_too_few_rows_are_refused_with_the_number_that_would_do() -> None:
    s = normal()
    with pytest.raises(InputError, match=r"sampled_rows 20 of 1,500: .* take \d\d, or") as told:
        sample_sources(s, 20, similarity=0.6)
    with pytest.raises(InputError) as scaled:  # whatever the unit
        sample_sources(s / 1024.0, 20, similarity=0.6)
    assert str(scaled.value) == str(told.value)
    enough = int(str(told.value).split("take ")[1].split(",")[0])
    sample_sources(s, enough, similarity=0.6)
    s[:150] += 1e4
    with pytest.raises(InputError, match=r"pairs: exact"):
        score_all(s, normal(), ScoreSettings(pairs="sampled", sampled_rows=60))


def test_a_sample_of_two_rows_is_refused() -> None:
    with pytest.raises(InputError, match=r"sampled_rows 2 of 1,500: .*; pairs: exact"):
        sample_sources(normal(), 2, similarity=0.6)


def test_the_number_that_is_advised_is_larger_than_the_one_given() -> None:
    work = sampled._Sample(normal(), 40, 0.6, 0)
    ones = np.ones(N)
    with pytest.raises(InputError, match="take 41, or pairs: exact"):
        work.require(ones, ones, 10.0 * ones)


def test_many_sampled_rows_take_no_more_memory() -> None:
    s = np.random.default_rng(0).normal(size=(30_000, 2))
    peaks = []
    for count in (5_000, 29_000):
        work = sampled._Sample(s, count, 0.6, 0)
        tracemalloc.start()
        work.block(slice(0, 512))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] < 60e6

"""Bins of ranks, and covariances of many RDMs at once: the same as one by one."""

import numpy as np
import pytest
from scipy.stats import rankdata

from latent_microscope.errors import InputError
from latent_microscope.similarity import covariances, rdm
from latent_microscope.similarity.covariances import rank_covariances
from latent_microscope.similarity.influence import rank_covariance, selection
from latent_microscope.similarity.ranks import (
    Binned,
    average_ranks,
    binned,
    bins_of,
)

MANY = 70_000  # above 65,534 values there are 4096 bins


def values(kind: str) -> np.ndarray:
    rng = np.random.default_rng(3)
    return {
        "uniform": rng.random(MANY),
        "ties": rng.integers(0, 40, MANY) / 7.0,
        "two": np.where(rng.random(MANY) < 0.1, 0.0, np.sqrt(2.0)),
        "one": np.full(MANY, 0.25),
        "narrow": 1.0 + 1e-6 * rng.random(MANY),
        "wide": np.exp(rng.normal(0, 12, MANY)),
        "signed": np.concatenate([rng.normal(size=MANY - 2), [0.0, -0.0]]),
    }[kind].astype(np.float32)


@pytest.mark.parametrize("kind", ["uniform", "ties", "two", "one", "narrow", "wide", "signed"])
@pytest.mark.parametrize("size", [MANY, 500])
def test_midranks_of_bins(kind: str, size: int) -> None:
    x = values(kind)[-size:]
    bins, number = bins_of(average_ranks(x))
    expected = (rankdata(x) - 0.5) / size
    found = binned(average_ranks(x))
    np.testing.assert_array_equal(found.bins, bins)
    share = np.bincount(bins, minlength=number) / size
    np.testing.assert_allclose(found.midranks, np.cumsum(share) - share / 2, atol=1e-6)
    # 4096 bins of equal width in rank, or one for each group of equal values.
    most = 1e-6 if size < MANY else 1 / 8192 + 1e-6
    np.testing.assert_allclose(found.midranks[bins], expected, atol=most)


@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
def test_ranks_want_finite_values(bad: float) -> None:
    x = values("uniform")
    x[77] = bad
    with pytest.raises(InputError, match="NaN"):
        average_ranks(x)


def study(n: int, k: int) -> list[Binned]:
    """RDMs of every kind: continuous, tied, of two values, and one of a single value."""
    rng = np.random.default_rng(n)
    labels = np.eye(3)[np.arange(n) % 3]
    features = [labels, np.zeros((n, 2)), rng.integers(0, 3, (n, 2))]
    features += [labels + rng.normal(0, 0.3 + 0.1 * i, (n, 3)) for i in range(k - 3)]
    return [binned(average_ranks(rdm(part).values)) for part in features]


@pytest.mark.parametrize(("n", "k"), [(30, 4), (370, 5), (401, 35)])
def test_covariances_are_those_of_each_two(n: int, k: int) -> None:
    """Few images, images that do not fill the last block, and more variables than a block has."""
    variables = study(n, k)
    found = rank_covariances(variables)
    chosen = selection(n)
    for i, j in [(0, 0), (0, 1), (1, 1), (0, 2), (2, 3), (3, k - 1), (k - 1, 3), (k - 1, k - 1)]:
        expected = rank_covariance(variables[i], variables[j], chosen)
        assert found(i, j).value == pytest.approx(expected.value, abs=2e-7)
        size = np.abs(expected.images).max()
        np.testing.assert_allclose(found(i, j).images, expected.images, atol=1e-8 + 1e-4 * size)


def test_blocks_and_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = study(380, 20)
    first = rank_covariances(variables)
    again = rank_covariances(variables, threads=3)
    monkeypatch.setattr(covariances, "_TILE", 1000)
    monkeypatch.setattr(covariances, "_WIDTH", 7)
    monkeypatch.setattr(covariances, "_ROWS", 11)
    blocked = rank_covariances(variables)
    for i, j in [(0, 3), (4, 19), (19, 19)]:
        assert first(i, j).value == again(i, j).value
        np.testing.assert_array_equal(first(i, j).images, again(i, j).images)
        assert blocked(i, j).value == pytest.approx(first(i, j).value, abs=1e-7)
        np.testing.assert_allclose(blocked(i, j).images, first(i, j).images, atol=1e-9)

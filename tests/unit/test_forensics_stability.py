"""Stability: the formula, and draws that depend on (seed, id) only."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from latent_microscope.errors import InputError
from latent_microscope.forensics import stability
from latent_microscope.forensics.sample_scores import sample_keys, stability_report
from latent_microscope.seeds import derive


def latents(n=50, d=6, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def brute(z, noise, n_draws, seed):
    scores = []
    for i, row in enumerate(z):
        key = np.array([derive(seed, "stability"), i], dtype=np.uint64)
        stream = np.random.Generator(np.random.Philox(key=key))
        draws = row + noise * stream.standard_normal((n_draws, len(row)))
        mean = draws.mean(axis=0)
        cosine = row @ mean / (np.linalg.norm(row) * np.linalg.norm(mean))
        scores.append(cosine / (1 + np.var(draws, axis=0).mean()))
    return np.array(scores)


@pytest.mark.parametrize(("noise", "n_draws"), [(0.05, 10), (0.005, 10), (0.5, 1), (0.0, 3)])
def test_formula_against_a_loop(noise, n_draws):
    z = latents()
    np.testing.assert_allclose(
        stability(z, noise, n_draws, 3), brute(z, noise, n_draws, 3), rtol=1e-10
    )


def test_neither_order_nor_block_size_matters():
    z = latents(200)
    ids = np.array([f"{i:06d}.jpg" for i in range(200)])
    whole = stability(z, ids=ids, seed=1)
    order = np.random.default_rng(5).permutation(200)
    np.testing.assert_array_equal(stability(z[order], ids=ids[order], seed=1), whole[order])
    np.testing.assert_array_equal(stability(z[:17], ids=ids[:17], seed=1), whole[:17])
    for block_size in (1, 7, 1000):
        np.testing.assert_array_equal(stability(z, ids=ids, seed=1, block_size=block_size), whole)


def test_the_row_number_is_the_default_id():
    z = latents()
    np.testing.assert_array_equal(stability(z), stability(z, ids=np.arange(50)))
    assert not np.array_equal(stability(z), stability(z, ids=np.arange(50) + 1))
    assert not np.array_equal(stability(z), stability(z, seed=1))


def test_no_noise_means_full_stability_and_zeros_none():
    z = latents()
    z[3] = 0.0
    scores = stability(z, noise=0.0)
    np.testing.assert_allclose(np.delete(scores, 3), 1.0, rtol=1e-12)
    assert scores[3] == 0.0


def test_expected_size_of_the_variance_term():
    # cos -> 1 for a long latent, so 1/score - 1 is the draws' variance: noise² (1 - 1/draws).
    z = np.full((1, 4000), 1e3)
    score = stability(z, noise=0.5, n_draws=10)[0]
    assert 1 / score - 1 == pytest.approx(0.25 * 0.9, rel=0.05)


def test_report():
    # Short latents: the noise turns them, the more the shorter they are.
    z = latents(300) * np.linspace(0.01, 0.1, 300)[:, None]
    report = stability_report(z, stability(z, seed=2), 0.05, 10, 2, None)
    norms = np.linalg.norm(z, axis=1)
    assert report["spearman_norm"] == pytest.approx(spearmanr(stability(z, seed=2), norms)[0])
    assert report["spearman_norm"] > 0.8
    assert 0.7 < report["reliability"] < 1.0
    constant = stability_report(np.zeros((5, 2)), np.zeros(5), 0.05, 10, 2, None)
    assert np.isnan(constant["spearman_norm"])


def test_keys():
    assert sample_keys(None, 3) == [0, 1, 2]
    assert sample_keys([-1], 1) == [2**64 - 1]
    assert len(set(sample_keys(["a", "b", "1", "2"], 4))) == 4
    with pytest.raises(InputError, match="ids has 2"):
        sample_keys([1, 2], 3)
    with pytest.raises(InputError, match="row 1"):
        sample_keys([1, 2.5], 2)  # type: ignore[list-item]


def test_bad_options_are_named():
    with pytest.raises(InputError, match="noise"):
        stability(latents(), noise=-1.0)
    with pytest.raises(InputError, match="n_draws"):
        stability(latents(), n_draws=0)

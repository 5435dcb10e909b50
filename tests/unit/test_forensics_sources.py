"""Independent sources: what FastICA gives, the choice of restart, and factor analysis."""

import numpy as np
import pytest
from scipy.stats import kurtosis
from sklearn.decomposition import FactorAnalysis, FastICA

from latent_microscope.errors import InputError
from latent_microscope.forensics import independent_sources
from latent_microscope.forensics.sources import (
    factor_sources,
    fit_sources,
    mean_absolute_kurtosis,
    standardise,
    unmix,
)


def mixed(n=800, d=4, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.laplace(size=(n, d))
    return truth, truth @ rng.normal(size=(d, d)) + 3.0


@pytest.mark.parametrize("method", ["intended", "executed"])
def test_known_sources_are_found(method):
    truth, latents = mixed()
    found = independent_sources(latents, n_restarts=2, method=method)
    assert found.shape == truth.shape
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.std(axis=0), 1.0, rtol=1e-2)
    match = np.abs(np.corrcoef(truth.T, found.T)[:4, 4:])
    assert (match.max(axis=1) > 0.95).all()


def test_intended_is_scikit_learns_fastica_of_the_chosen_restart():
    _, latents = mixed(300, 5)
    fit = fit_sources(latents, n_restarts=4, seed=1)
    table = fit.restarts
    assert table["restart"].tolist() == [0, 1, 2, 3]
    assert table["random_state"].nunique() == 4
    assert table["chosen"].sum() == 1
    assert table["mean_abs_kurtosis"][table["chosen"]].item() == table["mean_abs_kurtosis"].max()
    scaled = (latents - latents.mean(axis=0)) / latents.std(axis=0)
    for row in table.itertuples():
        model = FastICA(
            5, algorithm="deflation", fun="cube", whiten="unit-variance", max_iter=8000,
            tol=1e-4, random_state=row.random_state,
        )  # fmt: skip
        expected = model.fit_transform(scaled)
        score = np.abs(kurtosis(expected, axis=0)).mean()
        assert row.mean_abs_kurtosis == pytest.approx(score, rel=1e-6)
        assert row.n_iter == model.n_iter_
        if row.chosen:
            np.testing.assert_allclose(fit.sources, expected, atol=1e-8)


def test_executed_is_one_default_fastica():
    _, latents = mixed(300, 5)
    fit = fit_sources(latents, n_restarts=7, method="executed")
    assert len(fit.restarts) == 1
    scaled = (latents - latents.mean(axis=0)) / latents.std(axis=0)
    seed = fit.restarts["random_state"].item()
    expected = FastICA(5, max_iter=5000, random_state=seed).fit_transform(scaled)
    np.testing.assert_allclose(fit.sources, expected, atol=1e-8)


def test_same_seed_same_bytes_whatever_the_threads():
    _, latents = mixed(300)
    one = fit_sources(latents, n_restarts=3, seed=5)
    two = fit_sources(latents, n_restarts=3, seed=5, n_jobs=2)
    np.testing.assert_array_equal(one.sources, two.sources)
    assert one.restarts.equals(two.restarts)


@pytest.mark.parametrize("error", [np.linalg.LinAlgError, FloatingPointError, ValueError])
def test_a_restart_that_fails_is_left_out(error, monkeypatch):
    _, latents = mixed(200)
    fit, failing = FastICA.fit, fit_sources(latents, n_restarts=3).restarts["random_state"][1]

    def sometimes(model, sample):
        if model.random_state == failing:
            raise error("no")
        return fit(model, sample)

    monkeypatch.setattr(FastICA, "fit", sometimes)
    found = fit_sources(latents, n_restarts=3)
    assert found.restarts["converged"].tolist() == [True, False, True]
    assert found.restarts["n_iter"][1] == 0
    assert np.isnan(found.restarts["mean_abs_kurtosis"][1])
    assert np.isnan(found.unmixings[1]).all()
    assert not found.restarts["chosen"][1]
    assert found.not_converged == 1


def test_restarts_that_do_not_converge_are_counted():
    _, latents = mixed(200)
    fit = fit_sources(latents, n_restarts=3, max_iter=1)
    assert fit.not_converged == 3
    assert not fit.restarts["converged"].any()
    assert np.isfinite(fit.sources).all()
    assert fit_sources(latents, n_restarts=2).not_converged == 0


def test_number_of_components():
    rng = np.random.default_rng(0)
    wide = rng.laplace(size=(200, 25))
    assert fit_sources(wide, n_restarts=1, max_iter=20).sources.shape == (200, 20)
    assert fit_sources(wide, 3, n_restarts=1).sources.shape == (200, 3)
    # Collapsed and copied dimensions carry no source of their own.
    low = np.column_stack([wide[:, :3], wide[:, :3], np.full(200, 0.1)])
    assert fit_sources(low, n_restarts=1).sources.shape == (200, 3)
    assert factor_sources(low).shape == (200, 3)


@pytest.mark.parametrize("method", ["intended", "executed"])
@pytest.mark.parametrize("place", [0, 2, 5])
def test_a_constant_column_changes_no_source(method, place):
    # Activations after a ReLU, and a dead unit: FastICA would erase components by its sign.
    _, latents = mixed(300, 5)
    fit = fit_sources(latents, n_restarts=2, method=method)
    dead = np.insert(latents, place, 0.1, axis=1)
    found = fit_sources(dead, n_restarts=2, method=method)
    np.testing.assert_array_equal(found.restarts["n_iter"], fit.restarts["n_iter"])
    np.testing.assert_allclose(found.sources, fit.sources, atol=1e-9)
    np.testing.assert_allclose(np.corrcoef(found.sources.T), np.eye(5), atol=1e-2)
    best = int(found.restarts["chosen"].to_numpy().argmax())
    assert (found.unmixings[:, :, place] == 0.0).all()
    np.testing.assert_allclose(unmix(dead, found.unmixings[best]), found.sources, atol=1e-9)


def test_the_only_column_that_varies_is_the_source():
    values = np.random.default_rng(0).laplace(size=100)
    for place in range(3):
        latents = np.ones((100, 3))
        latents[:, place] = values
        found = fit_sources(latents, n_restarts=1).sources
        np.testing.assert_allclose(np.abs(np.corrcoef(found[:, 0], values)), 1.0)


def test_fit_on_a_sample_transforms_all_rows():
    _, latents = mixed(600)
    fit = fit_sources(latents, n_restarts=1, max_rows=300)
    assert fit.sample_rows == 300
    assert fit.sources.shape == (600, 4)
    assert not np.allclose(fit.sources, fit_sources(latents, n_restarts=1).sources)


def test_factor_analysis_is_scikit_learns():
    _, latents = mixed(300, 5)
    scaled = (latents - latents.mean(axis=0)) / latents.std(axis=0)
    expected = FactorAnalysis(2, random_state=42).fit_transform(scaled)
    np.testing.assert_allclose(factor_sources(latents, 2), expected, rtol=1e-6)


def test_standardise():
    z = np.column_stack([np.arange(5.0), np.full(5, 0.1), 1e9 + np.arange(5.0)])
    scaled = standardise(z)
    np.testing.assert_allclose(scaled.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), [1.0, 0.0, 1.0], rtol=1e-9)
    # The mean of a constant is as far from it as the rounding of a sum.
    assert (standardise(np.full((300, 1), 0.1)) == 0.0).all()


def test_mean_absolute_kurtosis():
    rng = np.random.default_rng(0)
    assert mean_absolute_kurtosis(rng.normal(size=(50_000, 3))) < 0.1
    assert mean_absolute_kurtosis(rng.uniform(size=(50_000, 3))) == pytest.approx(1.2, abs=0.05)


def test_bad_input_is_named():
    _, latents = mixed(50)
    with pytest.raises(InputError, match=r"latents.*equal"):
        independent_sources(np.ones((10, 3)))
    with pytest.raises(InputError, match="n_components 9"):
        independent_sources(latents, 9)
    with pytest.raises(InputError, match="'pca'"):
        independent_sources(latents, method="pca")
    latents[3, 1] = np.inf
    with pytest.raises(InputError, match="latents row 3"):
        independent_sources(latents)

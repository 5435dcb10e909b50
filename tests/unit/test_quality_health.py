"""Health of a VAE: known answers, a collapsed VAE."""

import numpy as np
import pytest
import torch
from saving import saved  # type: ignore[import-not-found]

from latent_microscope.errors import InputError
from latent_microscope.models.diagnostics import (
    LIMITS,
    constant_image_errors,
    health_table,
    merged_share,
    posterior_table,
)
from latent_microscope.models.latents import dimension_table
from latent_microscope.models.vaes import build_vae
from latent_microscope.tables.quality import tabulate_diagnostics
from latent_microscope.training.vae import is_blind


@pytest.mark.parametrize("reconstruction", ["mse", "l1"])
def test_no_constant_image_is_better(reconstruction):
    images = np.random.default_rng(0).integers(0, 256, (41, 4, 6, 3)).astype(np.uint8)
    errors = constant_image_errors(images, reconstruction)
    unit = images / 255.0
    best = unit.mean(0) if reconstruction == "mse" else np.median(unit, axis=0)
    gap = (unit - best).reshape(41, -1)
    expected = (gap**2).sum(1) if reconstruction == "mse" else np.abs(gap).sum(1)
    np.testing.assert_allclose(errors, expected, rtol=1e-9)
    with pytest.raises(InputError, match="mse or l1"):
        constant_image_errors(images, "ssim")


def posterior(n=3000, d=40, alive=30, offset=0.0, seed=0):
    """Latents of a VAE whose aggregated posterior is the prior in every dimension."""
    rng = np.random.default_rng(seed)
    variance = np.where(np.arange(d) < alive, 0.5, 1.0)
    means = rng.normal(0, np.sqrt(1 - variance), (n, d)) + offset
    logvar = np.tile(np.log(variance), (n, 1))
    kl = 0.5 * (means**2 + variance - 1 - np.log(variance)).mean(0)
    return posterior_table(means, logvar, dimension_table(kl, means.var(0)))


def test_aggregated_posterior_of_a_good_vae_is_the_prior():
    table = posterior()
    np.testing.assert_allclose(table["aggregated_variance"], 1, atol=0.06)
    assert (table["mismatch"] <= table["kl"] + 1e-12).all()
    moved = posterior(offset=1.0)
    np.testing.assert_allclose(moved["mismatch"] - table["mismatch"], 0.5, atol=0.05)


def test_a_good_vae_has_no_warning():
    error = np.full(3000, 10.0)
    table = health_table(posterior(), error, 4 * error).set_index("check")
    assert (table["status"] == "ok").all()
    assert (table["action"] == "").all()
    assert table.loc["active_share", "value"] == 0.75
    assert table.loc["error_ratio", "value"] == 0.25


def test_merged_images_are_those_with_the_latents_of_a_different_image():
    images = np.arange(6, dtype=np.uint8).repeat(12).reshape(6, 2, 2, 3)
    images[5] = images[4]  # a copy is no other image
    latents = np.array([[0.0, 1], [0, 1], [0, 1], [2, 2], [3, 3], [3, 3]], np.float32)
    assert merged_share(latents, images) == 0.5
    assert merged_share(latents + np.arange(6, dtype=np.float32)[:, None], images) == 0.0
    error = np.full(3000, 10.0)
    table = health_table(posterior(), error, 4 * error, merged=0.5).set_index("check")
    assert table.loc["merged", "status"] == "alarm"
    assert "restarts" in str(table.loc["merged", "action"])


def test_an_encoder_of_silent_units_is_blind(caplog):
    images = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    model = build_vae("cifar", {"latent": 4}, image_shape=(32, 32, 3), seed=1)
    assert not is_blind(model, images, "unit", "this VAE")
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.zeros_(module.weight)
    assert is_blind(model, images, "unit", "that VAE")
    assert "that VAE: 100.0 %" in caplog.text


def test_a_collapsed_vae_alarms_and_says_what_to_do():
    error = np.full(3000, 10.0)
    table = health_table(posterior(alive=0), error, error).set_index("check")
    alarms = set(table.index[table["status"] == "alarm"])
    assert alarms == {"active_share", "active_units", "kl_share_of_log_n", "error_ratio"}
    assert (table.loc[list(alarms), "action"] != "").all()
    assert "posterior collapse" in str(table.loc["active_units", "action"])


def test_other_illnesses():
    error = np.full(3000, 10.0)
    bad = posterior(offset=2.0).assign(saturated=0.02)
    table = health_table(bad, error, np.where(np.arange(3000) < 90, 5.0, 40.0)).set_index("check")
    wrong = set(table.index[table["status"] != "ok"])
    assert wrong == {"prior_mismatch", "largest_mean", "saturated", "worse_than_constant"}
    assert table["status"].isin(["ok", "warning"]).all()


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_limits(name):
    limit = LIMITS[name]
    step = 1e-9 if limit.above else -1e-9
    assert limit.status(limit.warning) == "ok"
    assert limit.status(limit.warning + step) == "warning"
    assert limit.status(float("nan")) == "alarm"
    if np.isfinite(limit.alarm):
        assert limit.status(limit.alarm + step) == "alarm"


def test_worst_status_of_the_runs_counts(tmp_path):
    error = np.full(3000, 10.0)
    good, bad = (health_table(posterior(alive=a), error, 4 * error) for a in (30, 0))
    runs = saved(tmp_path, good, bad)
    table = tabulate_diagnostics(
        diagnostics=runs, crops=["whole", "whole"], seeds=[3, 5]
    ).set_index("check")
    row = table.loc["active_share"]
    assert (row["status"], row["seeds_not_ok"], row["mean"]) == ("alarm", "5", 0.375)
    assert row["action"] == LIMITS["active_share"].action
    assert table.loc["error_ratio", "seeds_not_ok"] == ""


def test_latents_of_another_model_are_refused():
    with pytest.raises(InputError, match="one model"):
        posterior_table(np.zeros((5, 3)), np.zeros((5, 4)), dimension_table(np.ones(3), np.ones(3)))

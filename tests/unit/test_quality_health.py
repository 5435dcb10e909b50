"""Health of a VAE and near-duplicates: known answers, a collapsed VAE, changed copies."""

import numpy as np
import pandas as pd
import pytest
import torch
from saving import saved  # type: ignore[import-not-found]
from scipy.ndimage import gaussian_filter

from latent_microscope.errors import InputError
from latent_microscope.forensics.near_duplicates import (
    COLUMNS,
    detail_correlation,
    near_duplicates,
    pixel_differences,
)
from latent_microscope.models.diagnostics import (
    LIMITS,
    constant_image_errors,
    health_table,
    merged_share,
    posterior_table,
)
from latent_microscope.models.latents import dimension_table
from latent_microscope.models.vaes import build_vae
from latent_microscope.tables.duplicates import tabulate_duplicates
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


def photographs(n=40, side=32, seed=0):
    """Images of many random blobs."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / side
    out = np.empty((n, side, side, 3))
    for i in range(n):
        image = rng.uniform(0.3, 0.7, 3) + np.zeros((side, side, 3))
        for _ in range(14):
            cx, cy, width = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.03, 0.1)
            blob = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * width**2))
            image += blob[..., None] * rng.uniform(-0.5, 0.5, 3)
        out[i] = image
    return (255 * np.clip(out, 0, 1)).astype(np.uint8)


def changed():
    """Photographs; 30 is a copy of 0, 31 brighter, 32 shifted, 33 with less contrast."""
    images = photographs()
    images[30] = images[0]
    images[31] = np.clip(images[1] * 0.8 + 50, 0, 255).astype(np.uint8)
    images[32] = np.roll(images[2], (2, -1), axis=(0, 1))
    images[33] = (images[3] * 0.4 + 90).astype(np.uint8)
    return images


def test_details_see_through_changes_of_light_and_place():
    images = changed()
    i, j = np.array([0, 1, 2, 3]), np.array([30, 31, 32, 33])
    assert (detail_correlation(images, i, j) > 0.9).all()
    assert detail_correlation(images, i[:1], j[:1])[0] == 1.0
    assert (detail_correlation(images, i[2:3], j[2:3], shift=0) < 0.75).all()
    others = detail_correlation(images, np.arange(4, 16), np.arange(16, 28))
    assert others.max() < 0.7
    assert pixel_differences(images, i, j)[0] == 0.0
    expected = np.sqrt(((images[1] / 255.0 - images[31] / 255.0) ** 2).mean())
    assert pixel_differences(images, i, j)[1] == pytest.approx(expected)
    flat = np.full((2, 32, 32, 3), 9, np.uint8)
    flat[1] = 200
    assert detail_correlation(flat, np.array([0]), np.array([1]))[0] == 0.0


def found(seed=0):
    images = changed()
    rng = np.random.default_rng(seed)
    latents = rng.normal(size=(40, 8))
    latents[30] = latents[0]
    latents[31] = latents[1] + 0.01
    latents[20] = 2 * latents[21]  # the model takes two photographs for one
    ids = [f"{i:03d}" for i in range(40)]
    return near_duplicates(latents, images, ids, candidates=60, near_matches=3)


def test_duplicates_are_found_by_latents_or_by_pixels():
    table = found()
    assert list(table.columns) == list(COLUMNS)
    same = table[table["verdict"] != "near match"]
    pairs = set(zip(same["id_i"], same["id_j"], strict=True))
    assert pairs == {("000", "030"), ("001", "031"), ("002", "032"), ("003", "033")}
    assert table["verdict"].iloc[0] == "copy"
    assert same["detail"].is_monotonic_decreasing
    alike = table[table["verdict"] == "near match"]
    assert len(alike) == 3
    assert (alike["id_i"].iloc[0], alike["id_j"].iloc[0]) == ("020", "021")
    assert alike["similarity"].iloc[0] == pytest.approx(1.0)
    with pytest.raises(InputError, match="one of each"):
        near_duplicates(np.zeros((3, 2)), photographs(4), ["a", "b", "c"])


def test_less_detail_is_enough_where_the_latents_agree():
    images = changed()
    latents = np.random.default_rng(0).normal(size=(40, 8))
    latents[31] = latents[1] + 0.01
    ids = [f"{i:03d}" for i in range(40)]
    table = near_duplicates(latents, images, ids, candidates=60, near_matches=0, detail=1.0)
    assert table["verdict"].tolist() == ["copy", "near-duplicate"]
    assert table["id_j"].tolist() == ["030", "031"]
    assert 0.6 <= table["detail"].iloc[1] < 1.0


def test_the_margin_of_the_centre_is_an_eighth_of_the_height():
    images = np.concatenate([changed(), changed()[:, :, :16]], axis=2)
    latents = np.random.default_rng(0).normal(size=(40, 8))
    table = near_duplicates(latents, images, [f"{i:03d}" for i in range(40)], near_matches=0)
    i, j = table["i"].to_numpy(), table["j"].to_numpy()
    assert len(table) == 4
    np.testing.assert_allclose(table["detail_centre"], detail_correlation(images, i, j, margin=4))


def test_list_to_act_on(tmp_path):
    tables = [found(0), found(1)]
    identity = np.arange(40)
    identity[30], identity[31], identity[33] = 0, 1, -1
    samples = pd.DataFrame({"id": [f"{i:03d}" for i in range(40)], "identity": identity})
    attributes = pd.DataFrame({"id": samples["id"], "Bald": 0, "Young": 1})
    attributes.loc[31, "Young"] = 0
    *runs, people, facts = saved(tmp_path, *tables, samples, attributes)
    table = tabulate_duplicates(duplicates=runs, seeds=[0, 1], samples=people, attributes=facts)
    same = table[table["verdict"] != "near match"].set_index("id_i")
    assert same["same"].to_dict() == {"000": "yes", "001": "yes", "002": "no", "003": "unknown"}
    assert same["differing"].to_dict() == {"000": "", "001": "Young", "002": "", "003": ""}
    assert "correct one" in str(same.loc["002", "action"])
    assert (same["seeds_found"] == 2).all()
    assert same["group"].nunique() == 4
    assert (table["group"][table["verdict"] == "near match"] == -1).all()
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    three = tables[0].iloc[[0]].assign(id_i="030", id_j="035", verdict="near-duplicate")
    one = saved(tmp_path / "one", pd.concat([tables[0], three]))
    joined = tabulate_duplicates(duplicates=one, seeds=[0], samples=people, attributes=facts)
    groups = joined[joined["group"] >= 0].set_index("id_j")["group"]
    assert groups["030"] == groups["035"]
    fewer = saved(tmp_path / "fewer", samples.iloc[1:])[0]
    with pytest.raises(InputError, match=r"duplicates: .*'000'"):
        tabulate_duplicates(duplicates=runs, seeds=[0, 1], samples=fewer)


def test_equal_latents_are_copies_and_larger_ones_are_none():
    latents = np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 4.0], [-3.0, 1.0]])
    table = near_duplicates(latents, None, list("abcd"))
    assert table["verdict"].tolist() == ["copy", "near match", "near match"]
    assert (table["id_i"][0], table["id_j"][0]) == ("a", "b")
    assert table[["i", "j"]].to_numpy()[1:].tolist() == [[0, 2], [1, 2]]
    with pytest.raises(InputError, match="near_matches"):
        near_duplicates(latents, None, list("abcd"), near_matches=-1)


def test_details_are_above_a_sixteenth_of_the_side():
    images = photographs(2)[:, :24, :24]
    grey = images.astype(np.float32).mean(axis=-1)
    details = grey - gaussian_filter(grey, (0.0, 1.5, 1.5))
    found = detail_correlation(images, np.array([0]), np.array([1]), shift=0)
    assert found[0] == pytest.approx(np.corrcoef(details.reshape(2, -1))[0, 1], abs=1e-5)


def test_a_common_centre_alone_is_no_near_duplicate():
    images = photographs(4)
    images[1, 6:26, 6:26] = images[0, 6:26, 6:26]
    latents = np.random.default_rng(0).normal(size=(4, 8))
    latents[1] = latents[0] + 0.01
    pair = near_duplicates(latents, images, list("abcd")).iloc[0]
    assert (pair["id_i"], pair["id_j"], pair["verdict"]) == ("a", "b", "near match")
    assert pair["detail"] < 0.6
    assert pair["detail_centre"] > 0.5 or np.isnan(pair["detail_centre"])

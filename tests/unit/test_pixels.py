"""Covariates of images and files, their differences between groups, what scores owe to them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from latent_microscope.custom.correlations import correlation_table
from latent_microscope.forensics.class_probes import class_probe_table
from latent_microscope.forensics.pixels import (
    COVARIATES,
    brightness_and_hue,
    group_means,
    pixel_covariates,
)
from latent_microscope.forensics.probes import folds_of, probe_table
from latent_microscope.io.artefacts import save_table
from latent_microscope.plots import style
from latent_microscope.plots.pixels import plot_cluster_pixels
from latent_microscope.statistics.differences import standardised_differences
from latent_microscope.tables.pixels import explained_ranks, tabulate_cluster_pixels


def flat(*colours: tuple[int, int, int], side: int = 32) -> np.ndarray:
    """One image of one colour each."""
    return np.array(colours, dtype=np.uint8)[:, None, None] * np.ones((side, side, 1), np.uint8)


def test_covariates_have_their_meaning() -> None:
    images = flat((255, 0, 0), (0, 0, 255), (0, 255, 0), (128, 128, 128), (0, 0, 0))
    images[4, 2:-2, 2:-2] = 255  # white before a black frame of two pixels
    table = pixel_covariates(images)
    assert table.columns.tolist() == list(COVARIATES)
    assert table["brightness"].tolist()[:4] == pytest.approx([0.299, 0.114, 0.587, 128 / 255])
    assert table["red_minus_blue"].tolist() == pytest.approx([1, -1, 0, 0, 0])
    assert table["green_minus_magenta"].tolist() == pytest.approx([-0.5, -0.5, 1, 0, 0])
    assert table["saturation"].tolist() == pytest.approx([1, 1, 1, 0, 0])
    assert table["contrast"].tolist()[:4] == pytest.approx([0, 0, 0, 0], abs=1e-6)
    share = 28**2 / 32**2
    assert table["brightness"][4] == pytest.approx(share)
    assert table["contrast"][4] == pytest.approx(np.sqrt(share * (1 - share)))
    assert table["background_brightness"][4] == 0.0
    assert table["background_red_minus_blue"].tolist()[:2] == pytest.approx([1, -1])
    assert table["blur"][4] < table["blur"][3] == pytest.approx(7.0)


def test_a_smoothed_image_is_more_blurred_and_blocks_change_nothing(monkeypatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (9, 24, 20, 3), dtype=np.uint8)
    smooth = (images[:, :-1] // 2 + images[:, 1:] // 2).astype(np.uint8)
    whole = pixel_covariates(images)
    assert (pixel_covariates(smooth)["blur"] > whole["blur"]).all()
    monkeypatch.setattr("latent_microscope.forensics.pixels._BLOCK", 24 * 20 * 2)
    pd.testing.assert_frame_equal(pixel_covariates(images), whole)
    grey = pixel_covariates(images[..., :1])
    assert not grey[["saturation", "red_minus_blue", "green_minus_magenta"]].to_numpy().any()
    tiny = pixel_covariates(images[:, :2, :2])
    assert np.isfinite(tiny).all().all()


def test_mean_images_are_those_of_members_and_rest() -> None:
    images = np.random.default_rng(1).integers(0, 256, (11, 4, 6, 3), dtype=np.uint8)
    groups = np.zeros((2, 11), dtype=bool)
    groups[0, :3], groups[1, 5:] = True, True
    means, others = group_means(images, groups)
    for k, members in enumerate(groups):
        np.testing.assert_allclose(means[k], images[members].mean(axis=0) / 255, atol=1e-6)
        np.testing.assert_allclose(others[k], images[~members].mean(axis=0) / 255, atol=1e-6)
    shown = brightness_and_hue(flat((255, 0, 0), (0, 0, 255)) / 255.0)
    assert shown[:, :, 0, 0].tolist() == [pytest.approx([0.299, 1]), pytest.approx([0.114, -1])]


def test_the_difference_is_cohens_and_its_test_students() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(4000, 3)) * [1, 5, 1]
    members = np.arange(4000) < 1000
    x[members] += [1.6, -9.5, 0]
    found = standardised_differences(x, members, None)
    pooled = np.sqrt((3000 - 1) * x[~members].var(0, ddof=1) + 999 * x[members].var(0, ddof=1))
    d = (x[members].mean(0) - x[~members].mean(0)) / (pooled / np.sqrt(3998))
    np.testing.assert_allclose(found["d"], d)
    np.testing.assert_allclose(found["mean_members"], x[members].mean(0))
    np.testing.assert_allclose(found["mean_rest"], x[~members].mean(0))
    assert found["d"].tolist() == pytest.approx([1.6, -1.9, 0], abs=0.1)
    welch = ttest_ind(x[members], x[~members], equal_var=False).pvalue
    assert found["p"][2] == pytest.approx(welch[2], rel=1e-3)
    # Hedges and Olkin's error of d; the spread of the smaller side is taken to be known less well.
    wide = (found["high"] - found["low"]) / (2 * 1.96)
    usual = np.sqrt(1 / 1000 + 1 / 3000 + d**2 / 8000)
    assert ((wide / usual > 0.99) & (wide / usual < 1.2)).all()


def test_groups_without_spread_are_tested_and_small_ones_are_not() -> None:
    members = np.arange(60) < 30
    two = np.where(members, 3.0, 7.0)[:, None]
    with np.errstate(all="raise"):
        found = standardised_differences(np.hstack([two, two * 0 + 1]), members, None)
    assert found["status"].tolist() == ["ok", "constant"]
    # Shares of half a case in 31 on either side, since neither has a spread.
    assert found["d"][0] == pytest.approx(-31 / np.sqrt(0.5 * 30.5))
    assert found["p"][0] < 1e-9
    assert found.loc[1, ["d", "low", "high", "p"]].isna().all()
    people = np.arange(60) // 10
    untestable = standardised_differences(two + np.arange(60)[:, None] % 3, members, people)
    assert untestable["status"].tolist() == ["untestable"]
    assert np.isfinite(untestable["d"][0])


def test_false_alarms_with_people_are_rare_and_intervals_agree_with_p() -> None:
    rng = np.random.default_rng(3)
    alarms, held, tests = 0, 0, 0
    for _ in range(60):
        people = np.repeat(np.arange(60), rng.poisson(5, 60) + 1)
        x = rng.normal(size=(60, 8))[people] + rng.normal(size=(len(people), 8))
        inside = rng.normal(size=60)[people] + rng.normal(size=len(people))
        found = standardised_differences(x, inside > np.quantile(inside, 0.75), people)
        tests += len(found)
        alarms += int((found["p"] <= 0.05).sum())
        held += int(((found["low"] <= 0) & (found["high"] >= 0)).sum())
    assert alarms / tests <= 0.06
    assert held == tests - alarms


def test_the_table_finds_planted_colours(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    ids = [f"i{k}" for k in range(300)]
    cluster = np.repeat([0, 1, -1], 100)
    hue = rng.normal(size=300) + np.repeat([-3.0, 3.0, 0.0], 100)
    table = pd.DataFrame({"id": ids, "cluster": cluster, "cmax": -1})
    save_table(tmp_path / "clusters.parquet", table)
    covariates = pd.DataFrame({"id": ids[::-1], "hue": hue[::-1], "blur": rng.normal(size=300)})
    save_table(tmp_path / "pixels.parquet", covariates)
    samples = pd.DataFrame({"id": ids, "identity": np.arange(300) % 100})
    save_table(tmp_path / "samples.parquet", samples)
    found = tabulate_cluster_pixels(
        clusters=[tmp_path / "clusters.parquet"], pixels=tmp_path / "pixels.parquet",
        samples=tmp_path / "samples.parquet", seeds=[5],
    )  # fmt: skip
    assert found["group"].tolist() == ["cluster 0"] * 2 + ["cluster 1"] * 2
    first = found[found["covariate"] == "hue"]
    assert first["d"].tolist() == pytest.approx([-2.85, 2.85], abs=0.3)
    assert (first["q"] < 1e-6).all()
    assert first["magnitude"].tolist() == ["large"] * 2
    assert found["covariate"].tolist()[::2] == ["hue"] * 2
    assert (found.loc[found["covariate"] == "blur", "p"] > 0.01).all()


def test_the_figure_names_the_strongest_covariates_of_each_group(tmp_path: Path) -> None:
    head = {"seed": 0, "group": "cluster 0", "n_members": 40, "q": 0.01, "low": -2.4, "high": -1.4}
    rows = [head | {"covariate": "red_minus_blue", "d": -1.9}]
    rows += [head | {"covariate": f"folder={'a' * 40}/end", "d": 0.2, "q": 0.3}]
    rows += [head | {"seed": 1, "covariate": "blur", "d": 3.0}]
    save_table(tmp_path / "effects.parquet", pd.DataFrame(rows))
    with style.look("cluster_pixels") as look:
        figure = plot_cluster_pixels(effects=tmp_path / "effects.parquet", title="t", look=look)
        (ax,) = figure.axes
        names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["red − blue", f"folder=…{'a' * 13}/end"]
    assert [line.get_markerfacecolor() for line in ax.lines if line.get_marker() == "o"][
        1
    ] == "white"
    save_table(tmp_path / "none.parquet", pd.DataFrame(rows).iloc[:0])
    with style.look("cluster_pixels") as look:
        assert plot_cluster_pixels(effects=tmp_path / "none.parquet", title="t", look=look).texts


def test_what_covariates_explain_is_0_by_chance() -> None:
    rng = np.random.default_rng(5)
    covariates = rng.normal(size=(400, 9))
    null = [explained_ranks(rng.normal(size=400), covariates) for _ in range(50)]
    assert abs(np.mean(null)) < 0.01
    assert explained_ranks(np.exp(covariates[:, 0]), covariates) == pytest.approx(1.0)
    assert np.isnan(explained_ranks(np.ones(400), covariates))


def test_what_covariates_explain_of_people_is_0_by_chance() -> None:
    rng = np.random.default_rng(5)
    people = np.repeat(np.arange(21), np.r_[[5] * 10, [10] * 10, 30])
    own = rng.normal(size=(60, 21, 10))[:, people]
    values = np.sqrt(0.8) * own + np.sqrt(0.2) * rng.normal(size=own.shape)
    null = [explained_ranks(one[:, 0], one[:, 1:], people) for one in values]
    naive = [explained_ranks(one[:, 0], one[:, 1:]) for one in values]
    assert np.mean(naive) > 0.2
    assert abs(np.mean(null)) < 0.08
    told = [explained_ranks(one[:, :2].sum(axis=1), one[:, 1:], people) for one in values]
    assert 0.4 < np.mean(told) < 0.6


def test_a_correlation_by_the_pixels_vanishes_when_they_are_held_constant() -> None:
    rng = np.random.default_rng(6)
    light = rng.normal(size=900)
    own = rng.normal(size=900)
    numbers = pd.DataFrame({"age": light + 0.5 * rng.normal(size=900), "size": own})
    scores = pd.DataFrame({"cls": light + own + 0.5 * rng.normal(size=900)})
    covariates = pd.DataFrame({"light": light, "dark": light < 0})
    table = correlation_table(numbers, [scores], [0], None, covariates=covariates)
    assert table["spearman"].tolist() == pytest.approx([0.6, 0.6], abs=0.1)
    assert table["partial_low"][0] < 0.05
    assert abs(table["partial"][0]) < 0.1
    assert table["partial"][1] > 0.8
    assert (table["partial_high"] > table["partial"]).all()
    alone = correlation_table(numbers, [scores], [0], None)
    pd.testing.assert_series_equal(alone["low"], table["low"])
    assert alone["partial"].isna().all()


def test_a_probe_of_what_the_covariates_say_is_at_chance_without_them() -> None:
    rng = np.random.default_rng(7)
    light, other = rng.normal(size=(2, 600))
    latents = np.column_stack([light + 0.1 * rng.normal(size=600), other, rng.normal(size=600)])
    attributes = pd.DataFrame({"bright": light > 0, "other": other > 0})
    covariates = np.column_stack([light, rng.normal(size=600)])
    folds = folds_of(600, 5, 0)
    table = probe_table({"latents": latents}, attributes, folds, covariates=covariates)
    assert (table["auc"] > 0.95).all()
    assert table["auc_covariates"].tolist() == pytest.approx([1.0, 0.5], abs=0.07)
    assert table["auc_partial"].tolist() == pytest.approx([0.5, 1.0], abs=0.07)
    assert table["low_partial"][0] < 0.5 < table["high_partial"][0]
    assert table["q_partial"][0] > 0.05 > table["q_partial"][1]
    without = probe_table({"latents": latents}, attributes, folds)
    assert without["auc_partial"].isna().all()
    pd.testing.assert_series_equal(without["auc"], table["auc"])


def test_a_probe_of_classes_that_the_covariates_say_is_at_chance_without_them() -> None:
    rng = np.random.default_rng(8)
    light, other = rng.normal(size=(2, 900))
    latents = np.column_stack([light, other])
    attributes = pd.DataFrame(
        {name: np.digitize(x, [-0.5, 0.5]).astype(str) for name, x in (("a", light), ("b", other))}
    )
    table = class_probe_table({"latents": latents}, attributes, covariates=light[:, None])
    assert (table["balanced"] > 0.9).all()
    assert table["balanced_covariates"].tolist() == pytest.approx([0.97, 1 / 3], abs=0.08)
    # Latents that are the covariate leave nothing, not their rounding.
    assert table["balanced_partial"].tolist() == pytest.approx([1 / 3, 0.97], abs=0.08)

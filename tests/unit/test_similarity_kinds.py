"""Differences between kinds of networks: their training seeds are a sample."""

import numpy as np
import pytest
from scipy.stats import norm, t, ttest_ind

from latent_microscope.similarity.kinds import KIND, THESE, kind_differences


def still(point: np.ndarray) -> np.ndarray:
    """Draws in which the images say all the same."""
    return np.tile(point, (50, 1))


def test_seeds_alone_give_welchs_t_test() -> None:
    a, b = np.array([0.50, 0.53, 0.49]), np.array([0.40, 0.47, 0.38, 0.41])
    point = np.concatenate([a, b])
    row = kind_differences([*"aaa", *"bbbb"], point, still(point)).iloc[0]
    welch = ttest_ind(a, b, equal_var=False)
    assert row["p"] == pytest.approx(welch.pvalue)
    interval = welch.confidence_interval()
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    assert (row["seeds_a"], row["seeds_b"], row["generalises_to"]) == (3, 4, KIND)


def test_few_seeds_speak_of_these_networks_only() -> None:
    generator = np.random.default_rng(0)
    draws = generator.normal([0.5, 0.6, 0.4], 0.01, (400, 3))
    row = kind_differences(["a", "a", "b"], np.array([0.5, 0.6, 0.4]), draws).iloc[0]
    sd = (draws[:, :2].mean(axis=1) - draws[:, 2]).std(ddof=1)
    assert row["difference"] == pytest.approx(0.15)
    assert row["high"] - row["difference"] == pytest.approx(norm.ppf(0.975) * sd)
    assert row["generalises_to"] == THESE


def test_images_and_seeds_add_and_all_pairs_are_adjusted_for() -> None:
    generator = np.random.default_rng(0)
    point = np.array([0.50, 0.53, 0.49, 0.40, 0.47, 0.38, 0.2])
    draws = point + generator.normal(0.0, 0.03, (400, 7))
    table = kind_differences([*"aaabbb", "label"], point, draws)
    assert list(zip(table["kind_a"], table["kind_b"], strict=True)) == [
        ("a", "b"), ("a", "label"), ("b", "label"),
    ]  # fmt: skip
    width = (table["high"] - table["low"]).to_numpy()
    variance = (draws[:, :3].mean(axis=1) - draws[:, 3:6].mean(axis=1)).var(ddof=1)
    parts = [np.var(point[:3], ddof=1) / 3, np.var(point[3:6], ddof=1) / 3]
    total = variance + sum(parts)
    freedom = total**2 / sum(part**2 / 2 for part in parts)
    assert width[0] == pytest.approx(2 * t.ppf(0.975, freedom) * total**0.5)
    assert (table["p_adjusted"] >= table["p"]).all()
    assert table["generalises_to"].tolist() == [KIND, THESE, THESE]


def test_a_score_that_is_not_defined_has_no_p() -> None:
    """It was 0, as for a difference that never varies."""
    point = np.array([0.5, np.nan, 0.4])
    table = kind_differences([*"abc"], point, np.tile(point, (50, 1)) + np.eye(50, 3))
    assert table[["low", "high", "p", "p_adjusted"]].isna().all(axis=1).tolist() == [
        True, False, True,
    ]  # fmt: skip

"""Detectors against each other: thresholds, the funnel's grid, choices on other data."""

import logging
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from saving import saved  # type: ignore[import-not-found]

from latent_microscope.errors import InputError
from latent_microscope.forensics.authentic import authentic_cores
from latent_microscope.forensics.baselines import DISTANCES, baseline_scores
from latent_microscope.forensics.evaluation import (
    OURS,
    average_precision,
    best_f1,
    comparison_table,
    mask_counts,
    references,
    roc_auc,
    rule_mask,
)
from latent_microscope.forensics.funnel import GRID, chosen_elsewhere, search_table
from latent_microscope.forensics.mixtures import density_mixture
from latent_microscope.tables.detection import tabulate_comparison, tabulate_search

RNG = np.random.default_rng(0)
TRUTH = np.repeat([True, False], [60, 40])


def people(seed=0):
    rng = np.random.default_rng(seed)
    centres = np.repeat(8.0 * np.eye(4)[:3], 20, axis=0)
    return np.vstack([centres + 0.05 * rng.normal(size=(60, 4)), rng.uniform(0, 8, (40, 4))])


def test_best_f1_is_the_best_over_all_thresholds():
    scores = RNG.normal(size=100) + TRUTH
    by_hand = 0.0
    for cut in scores:
        chosen = scores >= cut
        tp = np.sum(chosen & TRUTH)
        by_hand = max(by_hand, 2 * tp / (chosen.sum() + TRUTH.sum()))
    assert best_f1(scores, TRUTH) == pytest.approx(by_hand)


def test_the_rule_takes_the_dense_mode_of_either_kind_of_score():
    distance = np.concatenate([RNG.lognormal(-3, 0.3, 60), RNG.uniform(0.3, 3, 40)])
    assert np.mean(rule_mask(-distance, True) == TRUTH) > 0.97
    gaussian = np.concatenate([RNG.normal(5, 0.5, 60), RNG.normal(0, 1, 40)])
    assert np.mean(rule_mask(gaussian, False) == TRUTH) > 0.97
    # No two modes: nothing is called authentic.
    assert not rule_mask(np.ones(200), False).any()


def test_the_rule_cuts_negated_distances_on_the_scale_of_their_log():
    distance = np.concatenate([RNG.lognormal(-3, 0.3, 60), RNG.uniform(0.3, 3, 40)])

    def cut(values):
        return values > density_mixture(values).threshold

    np.testing.assert_array_equal(rule_mask(-distance, True), cut(-np.log(distance)))
    np.testing.assert_array_equal(rule_mask(-distance, False), cut(-distance))
    np.testing.assert_array_equal(rule_mask(1 / distance, True), cut(1 / distance))


def test_scores_of_one_class_are_not_defined():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for truth in (np.ones(5, bool), np.zeros(5, bool)):
            assert np.isnan(roc_auc(np.arange(5.0), truth))
    assert np.isnan(average_precision(np.arange(5.0), np.zeros(5, bool)))
    assert average_precision(np.arange(5.0), np.ones(5, bool)) == 1.0
    assert roc_auc([1.0, 2.0, 2.0, 3.0], [False, False, True, True]) == pytest.approx(3.5 / 4)


def test_counts_and_rates_of_a_selection():
    truth = np.repeat([True, False], [5, 15])
    chosen = np.isin(np.arange(20), [0, 1, 2, 7])
    found = mask_counts(chosen, truth)
    assert {key: found[key] for key in ("selected", "tp", "fp", "fn")} == {
        "selected": 4, "tp": 3, "fp": 1, "fn": 2,
    }  # fmt: skip
    rates = [found[key] for key in ("precision", "recall", "f1", "prevalence")]
    assert rates == pytest.approx([3 / 4, 3 / 5, 6 / 9, 5 / 20])
    nothing = mask_counts(np.zeros(20, bool), truth)
    assert np.isnan(nothing["precision"])
    assert (nothing["recall"], nothing["f1"]) == (0.0, 0.0)
    assert np.isnan(mask_counts(chosen, np.zeros(20, bool))["recall"])


def test_the_limit_calls_mixtures_with_hardly_a_second_person_authentic():
    alpha = np.array([0.01, 0.5, 0.99, 0.019, 0.021, 0.3])
    authentic = np.array([False, False, False, False, False, True])
    found = references(np.arange(6.0), authentic, alpha)
    family, score, mask = found["truth, blind below 2%"]
    assert family == "limit"
    assert mask.tolist() == [True, False, True, True, False, True]
    np.testing.assert_array_equal(score, mask.astype(float))
    family, score, mask = found["reconstruction_error"]
    assert family == "image"
    np.testing.assert_array_equal(score, np.arange(6.0))
    np.testing.assert_array_equal(mask, rule_mask(np.arange(6.0), False))


def test_comparison_holds_each_detector_and_both_trivial_ones():
    score = TRUTH.astype(float)
    table: Any = comparison_table({"perfect": ("x", score, TRUTH)}, TRUTH).set_index("detector")
    assert table.loc["perfect", ["roc_auc", "f1", "f1_oracle"]].tolist() == [1, 1, 1]
    assert table.loc["all authentic", "f1"] == pytest.approx(2 * 60 / 160)
    assert table.loc["all authentic", "average_precision_interpolations"] == pytest.approx(0.4)
    assert table.loc["none authentic", "f1"] == 0


def test_peers_score_outliers_higher():
    z = people()
    found = baseline_scores(z)
    assert set(DISTANCES) < set(found)
    for name in ("KNN", "LOF", "IForest"):
        assert np.isfinite(found[name]).all()
        assert found[name][~TRUTH].mean() > found[name][TRUTH].mean()
    again = baseline_scores(z)
    assert all(np.array_equal(found[name], again[name]) for name in found)
    with pytest.raises(InputError, match="20"):
        baseline_scores(z[:20])


GRID_VALUES: dict[str, Any] = {
    "uniqueness_percentiles": [0, 80],
    "stability_percentiles": [0, 45],
    "similarities": [0.6, 0.95],
    "max_neighbors": [0, 7],
}


def test_every_configuration_is_the_published_funnel():
    z = RNG.normal(size=(100, 6))
    s = RNG.normal(size=(100, 4))
    u, steady = RNG.random(100), RNG.random(100)
    table = search_table(s, {"script": u}, steady, TRUTH, GRID_VALUES)
    assert len(table) == 16
    rows: Iterator[Any] = table.itertuples()
    for row in rows:
        cores = authentic_cores(
            s,
            z,
            row.uniqueness_percentile,
            row.stability_percentile,
            similarity=row.similarity,
            max_neighbors=row.max_neighbors,
            uniqueness_scores=u,
            stability_scores=steady,
        )
        # A percentile of 0 leaves out the smallest value: strictly above.
        assert row.selected == len(cores)
        assert row.tp == TRUTH[cores["index"]].sum()


def test_the_choice_is_made_without_the_tested_run(tmp_path):
    base = pd.DataFrame([("script", 0.0, 0.0, 0.6, m) for m in (0, 7)], columns=list(GRID))
    tables = [
        base.assign(f1=f1, precision=0.5, recall=0.5, prevalence=0.5)
        for f1 in ([1.0, 0.0], [0.0, 0.4], [0.0, 0.4])
    ]
    chosen = chosen_elsewhere(tables, [1, 2, 3])
    # Run 1 alone likes configuration 0: the others choose 7 for it, and 2 and 3 follow run 1.
    assert chosen["max_neighbors"].tolist() == [7, 0, 0]
    assert chosen["f1"].tolist() == [0.0, 0.0, 0.0]
    assert chosen["f1_own"].tolist() == [1.0, 0.4, 0.4]
    assert chosen["f1_all"].tolist() == pytest.approx([2 / 3] * 3)
    with pytest.raises(InputError, match="seeds"):
        chosen_elsewhere(tables[:1], [1])
    found = saved(tmp_path, *(t.assign(method="intended") for t in tables))
    summary: Any = tabulate_search(by_seed=found, scenarios=["a"] * 3, seeds=[1, 2, 3])
    assert summary.loc[0, ["max_neighbors", "chosen", "n"]].tolist() == [0, 2, 3]
    assert summary.loc[0, "f1_own_mean"] == pytest.approx(0.6)


def test_differences_are_paired_by_seed(tmp_path):
    def run(own, peer):
        score = {"roc_auc": 0.5, "precision": 1.0, "recall": 1.0, "prevalence": 0.5}
        rows = [
            {"detector": name, "family": family, "average_precision_interpolations": ap,
             "average_precision": ap, "f1": ap, "f1_oracle": ap, **score}
            for name, family, ap in ((OURS, "ours", own), ("KNN", "PyOD", peer),
                                     ("all authentic", "trivial", 0.99))
        ]  # fmt: skip
        return pd.DataFrame(rows)

    found = saved(tmp_path, run(0.9, 0.8), run(0.7, 0.5))
    table = tabulate_comparison(by_seed=found, scenarios=["a", "a"], seeds=[0, 1])
    summary: Any = table.set_index("detector")
    knn = summary.loc["KNN"]
    assert knn["f1_difference"] == pytest.approx(0.15)
    assert knn["f1_difference_low"] < 0.15 < knn["f1_difference_high"]
    assert summary["best_baseline"].tolist() == [False, False, True]
    assert knn["f1_median"] == pytest.approx(0.65)
    assert knn["f1_min"] == 0.5
    assert summary.loc[OURS, "f1_difference"] == 0.0


def test_a_detector_that_refuses_the_data_is_left_out(caplog, monkeypatch):
    rng = np.random.default_rng(0)
    equal = np.repeat(8.0 * rng.normal(size=(8, 6)), 20, axis=0) + 0.1 * rng.normal(size=(160, 6))
    monkeypatch.setattr(logging.getLogger("latent_microscope"), "propagate", True)
    found = baseline_scores(equal)
    assert "CBLOF" not in found
    assert len(found) == 8
    assert "CBLOF is left out" in caplog.text

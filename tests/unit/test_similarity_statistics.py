"""Multiplicity, intervals and summaries against scipy and by hand."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, false_discovery_control

from latent_microscope.errors import InputError
from latent_microscope.statistics.summaries import (
    benjamini_hochberg,
    bootstrap_p_value,
    holm,
    max_t,
    over_runs,
    percentile_interval,
    rank_correlation,
    sd,
    stack,
)

P_VALUES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30)


@given(P_VALUES)
def test_benjamini_hochberg_is_scipys(p: list[float]) -> None:
    np.testing.assert_allclose(benjamini_hochberg(p), false_discovery_control(p), atol=1e-15)


@given(P_VALUES)
def test_holm_rejects_what_the_step_down_procedure_rejects(p: list[float]) -> None:
    alpha = 0.05
    rejected = np.zeros(len(p), dtype=bool)
    for step, index in enumerate(np.argsort(p, kind="stable")):
        if p[index] * (len(p) - step) > alpha:
            break
        rejected[index] = True
    np.testing.assert_array_equal(holm(p) <= alpha, rejected)


def test_adjustments_by_hand_keep_shape_and_leave_missing_tests_out() -> None:
    p = np.array([[0.01, np.nan], [0.04, 0.03]])
    np.testing.assert_allclose(holm(p), [[0.03, np.nan], [0.06, 0.06]])
    np.testing.assert_allclose(benjamini_hochberg(p), [[0.03, np.nan], [0.04, 0.04]])
    assert benjamini_hochberg([]).size == 0
    for wrong in (1.2, -0.2):
        with pytest.raises(InputError, match="0 and 1"):
            holm([wrong])


def test_percentile_interval() -> None:
    draws = np.stack([np.linspace(0, 100, 101), np.linspace(100, 200, 101)], axis=1)
    low, high = percentile_interval(draws, 0.9)
    np.testing.assert_allclose(low, [5, 105])
    np.testing.assert_allclose(high, [95, 195])
    with pytest.raises(InputError):
        percentile_interval([], 0.95)
    with pytest.raises(InputError):
        percentile_interval([1.0], 95)


def test_bootstrap_p_value() -> None:
    assert bootstrap_p_value(np.arange(1, 100)) == pytest.approx(2 / 100)
    assert bootstrap_p_value(np.zeros(10)) == 1.0
    draws = np.concatenate([-np.ones(10), np.ones(89)])
    assert bootstrap_p_value(draws) == pytest.approx(22 / 100)
    assert bootstrap_p_value(-draws) == bootstrap_p_value(draws)
    assert np.isnan(bootstrap_p_value([np.nan]))


def test_bootstrap_p_value_is_never_below_what_the_draws_show() -> None:
    """1,000 draws far from 0 say p <= 0.002 and no more."""
    draws = np.random.default_rng(0).normal(50.0, 1.0, (1000, 2))
    np.testing.assert_array_equal(bootstrap_p_value(draws), 2 / 1001)


def brute_max_t(draws: np.ndarray, values: np.ndarray) -> list[float]:
    """Step-down maxima by their definition, one hypothesis after another."""
    t = abs((draws - draws.mean(axis=0)) / draws.std(axis=0, ddof=1))
    observed = abs(values) / draws.std(axis=0, ddof=1)
    order = sorted(range(len(values)), key=lambda j: -observed[j])
    p, largest = dict.fromkeys(order, 0.0), 0.0
    for step, j in enumerate(order):
        count = sum(max(row[k] for k in order[step:]) >= observed[j] for row in t)
        p[j] = largest = max(largest, (1 + count) / (1 + len(draws)))
    return [p[j] for j in range(len(values))]


def test_max_t_is_the_step_down_procedure() -> None:
    generator = np.random.default_rng(1)
    draws = generator.normal(size=(200, 4)) @ generator.normal(size=(4, 5)) + 3.0
    values = np.array([0.0, -2.0, 5.0, 1.0, 60.0])
    found = max_t(draws, values)
    np.testing.assert_allclose(found, brute_max_t(draws, values))
    assert found[4] == 1 / 201
    assert found[0] == 1.0


def test_max_t_leaves_out_what_is_not_defined() -> None:
    draws = np.random.default_rng(0).normal(size=(50, 4))
    draws[:, 1] = np.nan
    draws[:, 3] = 0.0
    found = max_t(draws, [1.0, 1.0, np.nan, 0.0])
    np.testing.assert_array_equal(np.isnan(found), [False, True, True, False])
    assert found[3] == 1.0
    assert found[0] == max_t(draws[:, :1], [1.0])[0]
    assert np.isnan(max_t(draws[:, :0], [])).all()
    # Two draws have a spread, one has none.
    assert max_t([[1.0], [2.0], [np.nan]], [99.0])[0] == 1 / 4
    assert np.isnan(max_t([[1.0], [np.nan], [np.nan]], [99.0])[0])


def test_max_t_holds_the_family_wise_error_of_related_differences() -> None:
    """Under the null of all ten differences of five scores, at most 5 % of studies report any."""
    a, b = np.triu_indices(5, 1)
    alarms = 0
    for seed in range(300):
        generator = np.random.default_rng(seed)
        scores = generator.normal(size=(40, 5))
        weights = generator.multinomial(40, np.full(40, 1 / 40), 200) / 40
        draws, mean = weights @ scores, scores.mean(axis=0)
        alarms += bool((max_t(draws[:, a] - draws[:, b], mean[a] - mean[b]) <= 0.05).any())
    assert binom.cdf(alarms, 300, 0.05) < 0.995
    assert alarms > 3  # and it is not for nothing


def test_mean_and_sd_over_runs() -> None:
    table = pd.DataFrame(
        {"model": ["b", "b", "a", "a"], "seed": [0, 1, 0, 1], "x": [1, 3, 5, np.nan], "y": 2.0}
    )
    summary = over_runs(table, ["model"], ["x", "y"])
    assert list(summary.columns) == ["model", "x_mean", "x_sd", "y_mean", "y_sd", "n"]
    assert summary["model"].tolist() == ["b", "a"]
    assert summary["n"].tolist() == [2, 2]
    assert summary["x_mean"].tolist() == [2.0, 5.0]
    assert summary["x_sd"].tolist() == [pytest.approx(2**0.5), pytest.approx(np.nan, nan_ok=True)]
    assert summary["y_sd"].tolist() == [0.0, 0.0]


def test_tables_of_runs_are_stacked_with_their_keys() -> None:
    tables = [pd.DataFrame({"x": [1, 2]}), pd.DataFrame({"x": [3]})]
    stacked = stack(tables, {"run": [7, 8]}, "tables")
    assert stacked.to_dict("list") == {"run": [7, 7, 8], "x": [1, 2, 3]}
    for keys, parts in (({"run": [7]}, tables), ({"run": []}, [])):
        with pytest.raises(InputError, match="tables"):
            stack(parts, keys, "tables")


def test_a_rank_correlation_needs_three_values_that_vary() -> None:
    assert rank_correlation([1, 2, 3], [1, 3, 2]) == pytest.approx(0.5)
    for a, b in (([1, 2], [1, 2]), ([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [5, 5, 5])):
        assert np.isnan(rank_correlation(a, b))


def test_sd_of_draws() -> None:
    draws = np.array([[1.0, 0.0], [3.0, 0.0], [5.0, 3.0]])
    assert sd(draws).tolist() == [2.0, pytest.approx(3**0.5)]
    assert np.isnan(sd(draws[:1])).all()


def test_what_does_not_vary_correlates_with_nothing() -> None:
    varied, constant = [1.0, 3.0, 2.0], [4.0, 4.0, 4.0]
    with warnings.catch_warnings(action="error"):
        for pair in ((varied, constant), (constant, varied), (varied[:2], varied[:2])):
            assert np.isnan(rank_correlation(*pair))

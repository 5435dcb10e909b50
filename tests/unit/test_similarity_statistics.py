"""Multiplicity, intervals and summaries against scipy and by hand."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, gamma, norm

from latent_microscope.errors import InputError
from latent_microscope.statistics.summaries import (
    benjamini_hochberg,
    bootstrap_p_value,
    holm,
    over_runs,
    percentile_interval,
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
    with pytest.raises(InputError, match="0 and 1"):
        holm([1.2])


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


def test_bootstrap_p_value_beyond_all_draws_is_a_fitted_tail() -> None:
    normal = norm.ppf((np.arange(1000) + 0.5) / 1000)
    for z in (4.0, 8.0):
        p = float(bootstrap_p_value(normal + z))
        assert np.log(p) == pytest.approx(np.log(2 * norm.sf(z)), rel=0.02)
        assert float(bootstrap_p_value(-normal - z)) == pytest.approx(p, rel=1e-9)
    # A longer tail towards the null makes p larger, a shorter one does not make it smaller.
    long = -gamma.ppf((np.arange(1000) + 0.5) / 1000, 4)
    long = (long - long.mean()) / long.std(ddof=1)
    fair = float(bootstrap_p_value(normal / normal.std(ddof=1) + 6))
    assert float(bootstrap_p_value(long + 6)) > 100 * fair
    assert float(bootstrap_p_value(-long + 6)) == pytest.approx(fair, rel=1e-6)
    # Both rules meet: ten draws beyond are counted, nine give no more than that.
    steps = [float(bootstrap_p_value(normal + norm.ppf(1 - k / 1000))) for k in range(12, 5, -1)]
    assert all(a >= b for a, b in itertools.pairwise(steps))
    assert steps[-1] <= 22 / 1001 <= steps[0]


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

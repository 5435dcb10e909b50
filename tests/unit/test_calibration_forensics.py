"""Worlds of the calibration of forensic methods: what they claim to be."""

import numpy as np
import pytest

from latent_microscope.calibration import detection, reliability, sbs
from latent_microscope.calibration.grid import Cell, Goal, Method, calibrate, cell_text, cells


@pytest.mark.parametrize("module", [detection, reliability, sbs])
def test_a_data_set_of_a_cell_has_outcomes_of_its_goals(module):
    for method in module.METHODS:
        cheap = [c for c in method.cells if int(c["n"]) <= 400 and c.get("found") != "HDBSCAN"]
        for cell in (cheap[0], cheap[-1]):
            found = method.simulate(cell, np.random.default_rng(0))
            assert set(found) <= set(method.goals)
            assert all(np.isfinite(value) for value in found.values())
        assert len({cell_text(cell) for cell in method.cells}) == len(method.cells)
        assert set(method.explained) <= {cell_text(cell) for cell in method.cells}


def test_people_lie_in_one_cluster_each_with_the_shares_of_the_world():
    cell: Cell = {"clusters": "one large", "n": 30_000, "each": 0}
    cluster, person = sbs.people_in_clusters(cell, np.random.default_rng(0))
    assert len(np.unique(person)) == len({*zip(person.tolist(), cluster.tolist(), strict=True)})
    np.testing.assert_allclose(np.bincount(cluster) / 30_000, [0.6, 0.3, 0.1], atol=0.02)
    assert set(np.bincount(person)[:-1]) == {1, 2, 9}


def test_scores_load_on_one_signal():
    made = reliability.scores("unequal", "normal", 100_000, np.random.default_rng(0))
    np.testing.assert_allclose(made.std(axis=0), 1.0, atol=0.02)
    found = np.asarray(np.corrcoef(made.T))[[0, 0, 1], [1, 2, 2]]
    np.testing.assert_allclose(found, [0.95 * 0.7, 0.95 * 0.3, 0.7 * 0.3], atol=0.01)


@pytest.mark.parametrize(("kind", "kurtosis"), [("gaussian", 3.0), ("heavy", 9.0), ("ball", 2.0)])
def test_one_cloud_has_the_tails_of_its_kind(kind, kurtosis):
    z = detection.one_cloud(kind, 200_000, 2, np.random.default_rng(0))[:, 0]
    found = np.mean(z**4) / np.mean(z**2) ** 2
    assert found == pytest.approx(kurtosis, rel=0.4 if kind == "heavy" else 0.05)


def test_the_table_says_what_lies_outside_of_its_band():
    def simulate(cell, generator):
        far = float(cell["far"])
        power = generator.random() if far else np.nan
        return {"alarms": far, "covered": 1.0 - far, "bias": 0.3 * far, "power": power}

    goals = {
        **{"alarms": Goal("at_most", 0.05), "covered": Goal("at_least", 0.95)},
        **{"bias": Goal("within", 0.2), "power": Goal("shown"), "of another": Goal("shown")},
    }
    method = Method("m", cells(far=(0, 1)), simulate, goals, {"far=0": "never", "far=1": "always"})
    table = calibrate(method, 40, seed=3).set_index(["cell", "outcome"])
    known = [*goals][:4]
    assert table.index.tolist() == [(f"far={far}", key) for far in (0, 1) for key in known]
    assert table["outside"].tolist() == [False] * 4 + [True] * 3 + [False]
    assert table["explained"].tolist() == [""] * 4 + ["always"] * 3 + [""]
    # Binomial quantiles of 40 data sets at 1.25 and 98.75 %: half of 5 % in each of two cells.
    assert table["band_low"].tolist()[:3] == [0.0, 34 / 40, -0.2]
    assert table["band_high"].tolist()[:3] == [6 / 40, 1.0, 0.2]
    assert table["n"].tolist()[:4] == [40, 40, 40, 0]
    assert table["not_available"].tolist()[:4] == [0.0, 0.0, 0.0, 1.0]
    assert table["value"].tolist()[4:7] == pytest.approx([1.0, 0.0, 0.3])
    assert table["sd"].tolist()[-1] == pytest.approx(np.sqrt(1 / 12), rel=0.2)


def test_what_no_data_set_had_has_no_band():
    method = Method(
        "m", cells(far=(0,)), lambda cell, generator: {"c": np.nan}, {"c": Goal("at_least", 0.95)}
    )
    with np.errstate(all="raise"):
        row = calibrate(method, 5, seed=3).iloc[0]
    assert np.isnan(row[["value", "band_low", "band_high"]].to_numpy(float)).all()
    assert (row["n"], row["not_available"], row["outside"]) == (0, 1.0, False)

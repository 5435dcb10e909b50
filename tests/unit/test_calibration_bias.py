"""Worlds on which the bias index and the identity AUC are calibrated."""

import numpy as np
import pytest

from latent_microscope.calibration import bias, identity
from latent_microscope.calibration.grid import Cell, Method, calibrate, cell_text


def alone(method: Method, cell: Cell) -> Method:
    return Method(method.name, (cell,), method.simulate, method.goals)


@pytest.mark.parametrize("method", [*bias.METHODS, *identity.METHODS], ids=lambda m: m.name)
def test_every_cell_gives_outcomes_with_a_goal(method: Method) -> None:
    for cell in method.cells:
        found = method.simulate(cell, np.random.default_rng(1))
        assert set(found) <= set(method.goals), cell_text(cell)
        known = not np.isnan(list(found.values())).all()
        if "between" in cell:
            assert found["any_of_all"] in (0.0, 1.0)
        elif cell["people"] in ("single", "celeba", "half"):
            assert known == (cell["people"] != "half"), cell_text(cell)


def test_one_person_with_half_of_all_is_never_tested_and_celeba_is() -> None:
    method = bias.METHODS[2]
    cell = {"images": 1000, "members": 300, "prevalence": 0.3, "odds_ratio": 3.0}
    order = list(method.cells[0])
    rows = {
        people: calibrate(
            alone(method, {k: ({**cell, "people": people})[k] for k in order}), 20, seed=1
        ).set_index("outcome")
        for people in ("half", "celeba")
    }
    assert (rows["half"]["not_available"] == 1.0).all()
    values = rows["celeba"]["value"].to_dict()
    assert values["power"] > 0.8
    assert values["odds_covered"] > 0.7


def test_true_auc_grows_with_the_distance_of_people() -> None:
    assert identity.true_auc(0.0) == pytest.approx(0.547, abs=0.01)  # spreads differ
    assert identity.true_auc(1.0) == pytest.approx(0.695, abs=0.01)


def test_people_that_are_ignored_raise_false_alarms() -> None:
    known, ignored = (
        calibrate(alone(bias.METHODS[0], cell), 60, seed=1).set_index("outcome")["value"]
        for cell in (bias.METHODS[0].cells[3], {**bias.METHODS[0].cells[3], "codes": "ignored"})
    )
    assert known["any_of_all"] <= 0.1
    assert ignored["share_below"] > 0.06 > known["share_below"]

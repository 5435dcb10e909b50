"""Worlds on which the ceilings are tried, and that a data set of each gives outcomes."""

import numpy as np
import pytest

from latent_microscope.calibration import ceilings
from latent_microscope.calibration.grid import cell_text


@pytest.mark.parametrize(
    "world", ["dirichlet", "softmax", "near-unanimous", "flat", "ambiguous", "line"]
)
def test_responses_differ_from_image_to_image(world: str) -> None:
    p = ceilings.responses(world, 40, 5, np.random.default_rng(0))
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    assert len(np.unique(p, axis=0)) == 40


def test_worlds_have_the_entropy_of_their_name() -> None:
    rng = np.random.default_rng(0)
    near = ceilings.responses("near-unanimous", 400, 4, rng)
    flat = ceilings.responses("flat", 400, 4, rng)
    assert near.max(axis=1).mean() > 0.97
    assert flat.max(axis=1).mean() < 0.5
    assert np.ptp(ceilings.responses("identical", 9, 4, rng), axis=0).max() == 0.0
    guessed = ceilings.responses("guessed", 400, 4, rng).max(axis=1)
    assert 0.4 < (guessed > 0.9).mean() < 0.6
    assert ((guessed > 0.9) | (guessed < 0.4)).all()
    heavy = ceilings.responses("heavy-tailed", 400, 4, rng)
    assert heavy.min() < 1e-5  # softmax of normal logits has none
    assert ceilings.responses("softmax", 400, 4, rng).min() > 1e-5
    clusters = ceilings.responses("clusters", 400, 4, rng)
    between = np.abs(clusters[:, 0] - clusters[:, 0].mean())
    assert between.min() > 0.03  # none lies in the middle


def test_totals() -> None:
    rng = np.random.default_rng(0)
    assert ceilings.totals("10", 3, rng).tolist() == [10, 10, 10]
    assert sorted(set(ceilings.totals("4 or 100", 6, rng).tolist())) == [4, 100]
    some = ceilings.totals("2-20", 2000, rng)
    assert (some.min(), some.max()) == (2, 20)


def test_a_data_set_of_each_method() -> None:
    for method in ceilings.METHODS:
        found = method.simulate(method.cells[1], np.random.default_rng(0))
        assert set(found) == set(method.goals)
        assert max(abs(value) for value in found.values()) < 0.3


def test_explained_cells_are_on_the_grid() -> None:
    for method in ceilings.METHODS:
        assert set(method.explained) <= {cell_text(cell) for cell in method.cells}

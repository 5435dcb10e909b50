"""Dissimilarities as rsatoolbox and Meadows write them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rsatoolbox.io.meadows import load_rdms
from rsatoolbox.rdm import RDMs
from scipy.io import savemat
from scipy.spatial.distance import squareform

from latent_microscope.custom.dissimilarity import Square, read_square
from latent_microscope.custom.looking import look
from latent_microscope.errors import InputError

RANDOM = np.random.default_rng(8)
N, PEOPLE = 7, 3
NAMES = [f"stim{k}" for k in (3, 1, 2, 6, 0, 5, 4)]
PAIRS = RANDOM.random((PEOPLE, N * (N - 1) // 2))


def expected(pairs: np.ndarray) -> np.ndarray:
    return np.stack([squareform(one) for one in np.atleast_2d(pairs)])


def found(path: Path) -> Square:
    assert look(str(path)).role == "dissimilarity"
    square = read_square(path, {})
    assert square.ids is not None
    assert square.ids.tolist() == NAMES
    return square


def test_rsatoolbox(tmp_path: Path) -> None:
    for key in ("stimulus", "conds"):
        rdms = RDMs(PAIRS, pattern_descriptors={key: NAMES})
        rdms.save(str(tmp_path / f"{key}.hdf5"), file_type="hdf5")
        np.testing.assert_allclose(found(tmp_path / f"{key}.hdf5").values, expected(PAIRS))


def test_meadows_of_one_participant(tmp_path: Path) -> None:
    path = tmp_path / "Meadows_study_v_v1_cuddly-bunny_1_1D.mat"
    savemat(path, {"stimuli": [f"{name}.png" for name in NAMES], "rdmutv": PAIRS[:1]})
    np.testing.assert_allclose(found(path).values, expected(PAIRS[0]))
    assert load_rdms(str(path), sort=False).pattern_descriptors["conds"] == NAMES


def test_meadows_of_several_participants(tmp_path: Path) -> None:
    path = tmp_path / "Meadows_study_v_v1_arrangement_1D.mat"
    people = ["able_fox", "big_owl", "calm_cat"]
    variables: dict[str, Any] = {f"stimuli_{one}": NAMES for one in people}
    variables |= {f"rdmutv_{one}": PAIRS[[k]] for k, one in enumerate(people)}
    savemat(path, variables)
    np.testing.assert_allclose(found(path).values, expected(PAIRS))
    np.testing.assert_allclose(load_rdms(str(path), sort=False).dissimilarities, PAIRS)
    fewer = {"stimuli_big_owl": NAMES[:-1], "rdmutv_big_owl": PAIRS[[1], : 1 - len(NAMES)]}
    for other in ({"stimuli_big_owl": NAMES[::-1]}, fewer):
        savemat(path, variables | other)
        with pytest.raises(InputError, match=rf"{path.name}: .*different stimuli"):
            look(str(path))
    del variables["stimuli_big_owl"]
    savemat(path, variables)
    with pytest.raises(
        InputError, match=rf"{path.name}: 'rdmutv_big_owl' has no list 'stimuli_big"
    ):
        look(str(path))


def test_meadows_json(tmp_path: Path) -> None:
    path = tmp_path / "Meadows_study_v_v1_cuddly-bunny_tree.json"
    tasks = [
        {
            "task": {"task_type": "multiarrange", "name": f"t{k}"},
            "stimuli": [{"name": name} for name in NAMES],
            "rdm": PAIRS[k].tolist(),
        }
        for k in range(2)
    ]
    path.write_text(json.dumps({"tasks": [{"task": {"task_type": "consent"}}, *tasks]}))
    np.testing.assert_allclose(found(path).values, expected(PAIRS[:2]))
    np.testing.assert_allclose(load_rdms(str(path), sort=False).dissimilarities, PAIRS[:2])

"""Predictions over crops of an image: what is averaged, by which network, with which images."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from step_helpers import judged_images  # type: ignore[import-not-found]

import predict_tta
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_table, save_npy, save_table
from latent_microscope.models.philnet import build_philnet
from latent_microscope.models.pixels import to_unit
from latent_microscope.models.weights import save_weights
from latent_microscope.similarity.temperature import cross_fitted_temperatures, fit_temperature
from latent_microscope.training.folds import shifted, shifts

N, FOLDS = 24, 3
CLASSES = [f"class{i}" for i in range(10)]
NET = {"widths": [4, 8, 8]}
CPU = torch.device("cpu")


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Path]:
    folder = tmp_path / "in"
    ids = judged_images(folder, N, CLASSES)
    states = {
        f"fold{fold}.{name}": value
        for fold in range(FOLDS)
        for name, value in build_philnet(NET, seed=fold).state_dict().items()
    }
    save_weights(folder / "weights.pt", states)
    role = lambda fold, i: "held_out" if i % FOLDS == fold else "train" if i % 4 else "inner"  # noqa: E731
    rows = [(fold, ids[i], role(fold, i)) for fold in range(FOLDS) for i in range(N)]
    members = pd.DataFrame(rows, columns=["fold", "id", "role"])
    save_table(folder / "members.parquet", members.sample(frac=1, random_state=2))
    ends = {"images": "npy", "weights": "pt"}
    names = ("images", "samples", "votes", "weights", "members")
    return {name: folder / f"{name}.{ends.get(name, 'parquet')}" for name in names}


OUTPUTS = {
    "features": "features.npy",
    "feature_ids": "features.parquet",
    "logits": "logits.npy",
    "calibrated": "calibrated.npy",
    "folds": "folds.parquet",
}


def averaged(inputs: dict[str, Path], folder: Path, **settings: Any) -> dict[str, Path]:
    outputs = {name: folder / file for name, file in OUTPUTS.items()}
    wanted = {**NET, "shift": 2, "flip": True, **settings}
    predict_tta.main(**inputs, **outputs, settings=wanted, device="cpu")
    return outputs


def by_hand(images: np.ndarray, fold: int, by: list[tuple[int, int]], flip: bool) -> np.ndarray:
    """Mean logits over crops, each made by padding and cropping."""
    model = build_philnet(NET, seed=fold).eval()
    unit = to_unit(torch.from_numpy(images))
    wide = torch.nn.functional.pad(unit, (2, 2, 2, 2), mode="reflect")
    crops = [wide[:, :, 2 - y : 34 - y, 2 - x : 34 - x] for y, x in by]
    crops += [crop.flip(3) for crop in crops] * flip
    with torch.inference_mode():
        return torch.stack([model(crop) for crop in crops]).mean(dim=0).numpy()


@pytest.mark.parametrize(("shift", "flip"), [(2, True), (2, False), (0, True), (0, False)])
def test_mean_over_crops_by_the_network_of_the_fold(
    inputs: dict[str, Path], tmp_path: Path, shift: int, flip: bool
) -> None:
    made = averaged(inputs, tmp_path / "out", shift=shift, flip=flip)
    images, logits = load_npy(inputs["images"]), load_npy(made["logits"])
    table = load_table(made["folds"])
    assert table["fold"].tolist() == [i % FOLDS for i in range(N)]
    four = [(2, 0), (-2, 0), (0, 2), (0, -2)]
    for fold in range(FOLDS):
        rows = np.arange(N) % FOLDS == fold
        expected = by_hand(np.asarray(images[rows]), fold, [(0, 0), *four * (shift > 0)], flip)
        np.testing.assert_allclose(logits[rows], expected, atol=2e-5)
    features = load_npy(made["features"])
    assert features.shape == (N, 8)
    assert load_table(made["feature_ids"])["id"].tolist() == table["id"].tolist()


def test_temperatures_come_from_inner_images(inputs: dict[str, Path], tmp_path: Path) -> None:
    made = averaged(inputs, tmp_path / "out", shift=0)
    images, table = load_npy(inputs["images"]), load_table(made["folds"])
    votes = load_table(inputs["votes"]).set_index("id").loc[table["id"], CLASSES].to_numpy()
    shares = votes / votes.sum(axis=1, keepdims=True)
    for fold in range(FOLDS):
        inner = (np.arange(N) % FOLDS != fold) & (np.arange(N) % 4 == 0)
        answers = by_hand(np.asarray(images[inner]), fold, [(0, 0)], True)
        expected = fit_temperature(answers, shares[inner])
        mine = table.loc[table["fold"] == fold, "temperature"]
        np.testing.assert_allclose(mine, expected, rtol=1e-3)
    scaled = load_npy(made["calibrated"]) * table["temperature"].to_numpy()[:, None]
    np.testing.assert_allclose(scaled, load_npy(made["logits"]), rtol=1e-5, atol=1e-6)


def test_without_inner_images_temperatures_come_from_other_folds(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    members = load_table(inputs["members"])
    save_table(inputs["members"], members[members["role"] != "inner"])
    made = averaged(inputs, tmp_path / "out", shift=0)
    table = load_table(made["folds"])
    votes = load_table(inputs["votes"]).set_index("id").loc[table["id"], CLASSES].to_numpy()
    shares = votes / votes.sum(axis=1, keepdims=True)
    expected = cross_fitted_temperatures(load_npy(made["logits"]), shares, table["fold"])
    np.testing.assert_allclose(table["temperature"], expected)


def test_shifts_reflect_what_comes_in() -> None:
    image = np.arange(5)[None, None, :, None] + np.zeros((1, 4, 1, 1), dtype=int)
    assert shifted(image, 0, 2)[0, 0, :, 0].tolist() == [2, 1, 0, 1, 2]
    assert shifted(image, 0, -2)[0, 0, :, 0].tolist() == [2, 3, 4, 3, 2]
    assert shifted(image, 1, 0).shape == image.shape
    assert shifts(0) == [(0, 0)]
    assert len(set(shifts(3))) == 5


def test_mistakes(inputs: dict[str, Path], tmp_path: Path) -> None:
    members = load_table(inputs["members"])
    twice = members[members["role"] == "held_out"].iloc[:1]
    save_table(inputs["members"], pd.concat([members, twice], ignore_index=True))
    with pytest.raises(InputError, match=r"members\.parquet: .*held-out.*samples\.parquet"):
        averaged(inputs, tmp_path / "out")
    save_table(inputs["members"], members)
    with pytest.raises(InputError, match=r"weights\.pt"):
        averaged(inputs, tmp_path / "out", widths=[4, 8, 16])
    samples = load_table(inputs["samples"])
    save_npy(inputs["images"], np.zeros((N - 1, 32, 32, 3), dtype=np.uint8))
    with pytest.raises(InputError, match=f"{len(samples)} rows .*{N - 1} images"):
        averaged(inputs, tmp_path / "out")
    assert not (tmp_path / "out").exists()

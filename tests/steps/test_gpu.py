"""On a real GPU: train, go on after an interruption, extract, as on a processor within bounds."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import extract_features
import train_philnet
import train_vae
from latent_microscope.io.artefacts import load_table, save_npy, save_table
from latent_microscope.training import checkpoint
from latent_microscope.training.device import why_no_gpu

pytestmark = pytest.mark.skipif(bool(why_no_gpu()), reason=f"needs a GPU: {why_no_gpu()}")

N = 64
NET = {
    "widths": [8, 16, 32],
    "convolutions": 2,
    "stem": "whitening",
    "pool_after": "first",
    "activation": "gelu",
    "head_pooling": "max",
    "epochs": 3,
    "batch": 16,
    "optimizer": "sgd",
    "learning_rate": 0.05,
    "lookahead": 0.5,
    "augmentation": {"crop": 2, "flip": "alternating"},
    "memory_format": "channels_last",
}
VAE = {"arch": "cifar", "latent": 6, "channels": [4, 8], "epochs": 3, "batch": 16}


@pytest.fixture
def data(tmp_path: Path) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    labels = np.arange(N) % 10
    pixels = np.clip(rng.normal(12 * labels[:, None, None, None] + 60, 20, (N, 32, 32, 3)), 0, 255)
    save_npy(tmp_path / "images.npy", pixels.astype(np.uint8))
    table = pd.DataFrame({"id": [f"i{k:03d}" for k in range(N)], "label": labels})
    save_table(tmp_path / "samples.parquet", table)
    return {"images": tmp_path / "images.npy", "samples": tmp_path / "samples.parquet"}


def train(data: dict[str, Any], folder: Path, device: str) -> bytes:
    folder.mkdir(exist_ok=True)
    train_philnet.main(
        **data,
        test_images=data["images"],
        test_samples=data["samples"],
        weights=folder / "weights.pt",
        training=folder / "training.parquet",
        settings=NET,
        device=device,
        checkpoint_seconds=0.0,
    )
    return (folder / "weights.pt").read_bytes()


def test_a_training_repeats_itself_and_goes_on(
    data: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(data, tmp_path / "one", "cuda")
    assert train(data, tmp_path / "two", "cuda") == whole
    saves: list[dict[str, Any]] = []

    def dying(self: checkpoint.Checkpoint, state: dict[str, Any]) -> None:
        save(self, state)
        saves.append(state)
        if len(saves) == 2:
            raise KeyboardInterrupt

    save = checkpoint.Checkpoint.save
    monkeypatch.setattr(checkpoint.Checkpoint, "save", dying)
    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path / "three", "cuda")
    monkeypatch.setattr(checkpoint.Checkpoint, "save", save)
    assert train(data, tmp_path / "three", "cuda") == whole


def test_the_first_loss_and_the_features_are_those_of_a_processor(
    data: dict[str, Any], tmp_path: Path
) -> None:
    for device in ("cpu", "cuda"):
        train(data, tmp_path / device, device)
    losses = [
        load_table(tmp_path / device / "training.parquet")["loss"].to_numpy()
        for device in ("cpu", "cuda")
    ]
    np.testing.assert_allclose(losses[0], losses[1], rtol=0.02)
    features = []
    for device in ("cpu", "cuda"):
        extract_features.main(
            **data,
            weights=tmp_path / "cpu" / "weights.pt",
            features=tmp_path / f"{device}.npy",
            feature_ids=tmp_path / f"{device}.parquet",
            settings={"kind": "philnet", **NET},
            device=device,
        )
        features.append(np.load(tmp_path / f"{device}.npy"))
    np.testing.assert_allclose(features[0], features[1], rtol=1e-3, atol=1e-4)


def test_a_vae_trains(data: dict[str, Any], tmp_path: Path) -> None:
    losses = []
    for device in ("cpu", "cuda"):
        train_vae.main(
            images=data["images"],
            weights=tmp_path / f"{device}.pt",
            training=tmp_path / f"{device}.parquet",
            samples=tmp_path / f"{device}-samples.npy",
            sample_epochs=tmp_path / f"{device}-epochs.parquet",
            settings=VAE,
            device=device,
        )
        losses.append(load_table(tmp_path / f"{device}.parquet")["loss"].to_numpy())
    np.testing.assert_allclose(losses[0], losses[1], rtol=0.02)
    assert torch.cuda.max_memory_allocated() > 0

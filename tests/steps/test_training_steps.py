"""The steps that train, build and use networks, each main() in a folder of its own."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import build_network
import encode_latents
import extract_features
import import_weights
import train_philnet
import train_vae
from latent_microscope import project
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_table, save_npy, save_table
from latent_microscope.models.vaes import build_vae
from latent_microscope.models.weights import load_weights, save_weights
from latent_microscope.training.splits import held_out_of

N = 12
VAE = {
    "arch": "cifar",
    "latent": 6,
    "channels": [4, 8],
    "epochs": 3,
    "batch": 6,
    "optimizer": "adamw",
    "reconstruction": "l1",
    "beta": {"kind": "constant", "value": 1.0},
    "samples": {"count": 4, "frames": 2},
}
NET = {
    "widths": [4, 8, 16],
    "epochs": 2,
    "batch": 6,
    "optimizer": "adamw",
    "scheduler": {"kind": "cosine"},
    "augmentation": {"crop": 4, "flip": True},
}


@pytest.fixture
def images(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (N, 32, 32, 3), dtype=np.uint8)
    save_npy(tmp_path / "images.npy", pixels)
    ids = [f"test-{i:05d}" for i in range(N)]
    save_table(tmp_path / "samples.parquet", pd.DataFrame({"id": ids, "label": np.arange(N) % 10}))
    return tmp_path / "images.npy"


def _vae(images, folder, **changes):
    outputs = {
        "weights": folder / "weights.pt",
        "training": folder / "training.parquet",
        "samples": folder / "history.npy",
        "sample_epochs": folder / "history.parquet",
        "reconstructions": folder / "history-reconstructions.npy",
    }
    arguments: dict[str, Any] = {
        "settings": VAE,
        "root_seed": 1,
        "seed": 0,
        "device": "cpu",
    } | changes
    train_vae.main(images=images, **outputs, **arguments)
    return outputs


def _philnet(images, folder, **changes):
    outputs = {"weights": folder / "weights.pt", "training": folder / "training.parquet"}
    samples = images.with_name("samples.parquet")
    options: dict[str, Any] = {"settings": NET, "device": "cpu"}
    train_philnet.main(
        images=images,
        samples=samples,
        test_images=images,
        test_samples=samples,
        **outputs,
        **(options | changes),
    )
    return outputs


def _contents(outputs):
    return {name: path.read_bytes() for name, path in outputs.items()}


def test_train_vae(images, tmp_path):
    outputs = _vae(images, tmp_path / "a")
    log = load_table(outputs["training"])
    assert list(log) == [
        *("epoch", "loss", "reconstruction", "kl", "beta", "learning_rate", "restart")
    ]
    assert log["epoch"].tolist() == [0, 1, 2]
    assert (log["restart"] == 0).all()
    np.testing.assert_allclose(log["loss"], log["reconstruction"] + log["kl"], rtol=1e-6)
    history = load_npy(outputs["samples"])
    assert (history.shape, history.dtype) == ((2, 4, 32, 32, 3), np.uint8)
    assert load_table(outputs["sample_epochs"])["epoch"].tolist() == [0, 2]
    shown = load_npy(outputs["reconstructions"])
    assert shown.shape == (3, 4, 32, 32, 3)
    np.testing.assert_array_equal(shown[0], load_npy(images)[:4])
    assert _contents(_vae(images, tmp_path / "b")) == _contents(outputs)
    other = _contents(_vae(images, tmp_path / "c", seed=1))
    assert other["weights"] != outputs["weights"].read_bytes()
    assert not (tmp_path / "a" / ".checkpoints").exists()


def test_a_vae_is_trained_on_the_images_that_are_not_held_out(images, tmp_path):
    samples, pixels = images.with_name("samples.parquet"), load_npy(images)
    new = held_out_of(load_table(samples), 0.25, 1)
    assert 0 < new.sum() <= 0.25 * len(new)
    save_npy(tmp_path / "known.npy", pixels[~new])
    known = _contents(_vae(tmp_path / "known.npy", tmp_path / "known"))
    settings = VAE | {"held_out": 0.25}
    parted = _vae(images, tmp_path / "parted", settings=settings, images_of=samples)
    assert _contents(parted) == known


def test_a_blind_vae_is_trained_again_from_other_weights(images, tmp_path, monkeypatch):
    once = _contents(_vae(images, tmp_path / "once"))
    allowed = VAE | {"restarts": 2}
    seeing = _contents(_vae(images, tmp_path / "seeing", settings=allowed))
    assert seeing == once  # as good as nothing allowed
    verdicts = iter([True, False])
    monkeypatch.setattr(train_vae, "is_blind", lambda *_: next(verdicts))
    again = _vae(images, tmp_path / "again", settings=allowed)
    assert (load_table(again["training"])["restart"] == 1).all()
    assert again["weights"].read_bytes() != once["weights"]
    assert not (tmp_path / "again" / ".checkpoints").exists()
    monkeypatch.setattr(train_vae, "is_blind", lambda *_: True)
    last = _vae(images, tmp_path / "last", settings=allowed)
    assert (load_table(last["training"])["restart"] == 2).all()


def test_train_vae_names_a_wrong_setting(images, tmp_path):
    with pytest.raises(InputError, match="colour"):
        _vae(images, tmp_path / "a", settings=VAE | {"colour": 1})
    with pytest.raises(InputError, match="arch"):
        _vae(images, tmp_path / "a", settings={k: v for k, v in VAE.items() if k != "arch"})


def test_tensorboard_folder(images, tmp_path):
    _vae(images, tmp_path / "a", tensorboard=str(tmp_path / "events"))
    assert list((tmp_path / "events").glob("events.out.tfevents.*"))


def _command(images, folder, settings):
    return [
        sys.executable,
        str(project.script("train_vae")),
        *("--images", str(images)),
        *("--weights", str(folder / "weights.pt")),
        *("--training", str(folder / "training.parquet")),
        *("--samples", str(folder / "history.npy")),
        *("--sample-epochs", str(folder / "history.parquet")),
        *("--settings", json.dumps(settings)),
        *("--checkpoint-seconds", "0", "--device", "cpu", "--numeric-threads", "1"),
    ]


def test_kill_minus_nine_and_again_gives_the_same_bytes(images, tmp_path):
    settings = VAE | {"epochs": 60}
    folder = tmp_path / "killed"
    running = subprocess.Popen(_command(images, folder, settings), stderr=subprocess.DEVNULL)
    # A busy machine needs minutes to import torch: wait for the checkpoint, not for a time.
    deadline = time.monotonic() + 600
    while not list(folder.glob(".checkpoints/weights-*.ckpt")):
        assert running.poll() is None, "the training ended before it could be killed"
        assert time.monotonic() < deadline, "no checkpoint after ten minutes"
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    assert not (folder / "weights.pt").exists()
    again = subprocess.run(
        _command(images, folder, settings), capture_output=True, text=True, check=True
    )
    assert "after epoch" in again.stderr
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    outputs = _vae(images, tmp_path / "whole", settings=settings, root_seed=0)
    torch.set_num_threads(threads)
    for name in ("weights", "training", "samples", "sample_epochs"):
        killed = folder / outputs[name].name
        assert killed.read_bytes() == outputs[name].read_bytes(), name
    assert not (folder / ".checkpoints").exists()


def test_train_philnet(images, tmp_path):
    outputs = _philnet(images, tmp_path / "a")
    log = load_table(outputs["training"])
    assert list(log) == [
        "epoch",
        "loss",
        "accuracy",
        "learning_rate",
        "test_loss",
        "test_accuracy",
        "flop",
    ]
    assert len(log) == 2
    assert log.notna().all().all()
    assert _contents(_philnet(images, tmp_path / "b")) == _contents(outputs)


def _untrained_vae(folder):
    save_weights(folder / "vae.pt", build_vae("cifar", VAE, seed=1).state_dict())
    return folder / "vae.pt"


def _encode(images, weights, folder, **changes):
    names = ["latents", "logvar", "reconstructions", "traversal", "interpolation", "variations"]
    outputs = {name: folder / f"{name}.npy" for name in names}
    outputs |= {name: folder / f"{name}.parquet" for name in ("encoding", "dimensions")}
    options: dict[str, Any] = {"shown": 5, "rows": 3, "columns": 4, "batch": 7, "device": "cpu"}
    encode_latents.main(
        images=images,
        samples=images.with_name("samples.parquet"),
        weights=weights,
        settings={k: VAE[k] for k in ("arch", "latent", "channels", "reconstruction")},
        **outputs,
        **(options | changes),
    )
    return outputs


def test_encode_latents(images, tmp_path):
    weights = _untrained_vae(tmp_path)
    outputs = _encode(images, weights, tmp_path / "a")
    latents, logvar = load_npy(outputs["latents"]), load_npy(outputs["logvar"])
    assert latents.shape == logvar.shape == (N, 6)
    assert latents.dtype == logvar.dtype == np.float32
    model = build_vae("cifar", VAE).eval()
    model.load_state_dict(load_weights(weights))
    unit = torch.from_numpy(load_npy(images)).permute(0, 3, 1, 2) / 255.0
    with torch.no_grad():
        mean, log_variance = model.encode(unit)
        error = (model.decode(mean) - unit).abs().sum((1, 2, 3))
    np.testing.assert_allclose(latents, mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(logvar, log_variance, rtol=1e-4, atol=1e-6)
    kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance)
    encoding = load_table(outputs["encoding"])
    assert encoding["id"].tolist() == [f"test-{i:05d}" for i in range(N)]
    np.testing.assert_allclose(encoding["reconstruction_error"], error, rtol=1e-4)
    np.testing.assert_allclose(encoding["kl"], kl.sum(1), rtol=1e-3, atol=1e-6)
    dimensions = load_table(outputs["dimensions"])
    np.testing.assert_allclose(dimensions["kl"], kl.mean(0), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(dimensions["mean_variance"], mean.numpy().var(0), rtol=1e-3)
    assert dimensions["active"].tolist() == (dimensions["mean_variance"] > 0.01).tolist()
    pairs = load_npy(outputs["reconstructions"])
    assert pairs.shape == (2, 5, 32, 32, 3)
    np.testing.assert_array_equal(pairs[0], load_npy(images)[:5])
    assert load_npy(outputs["traversal"]).shape == (3, 4, 32, 32, 3)
    assert load_npy(outputs["interpolation"]).shape == (3, 4, 32, 32, 3)
    varied = load_npy(outputs["variations"])
    assert varied.shape == (3, 4, 32, 32, 3)
    np.testing.assert_array_equal(varied[0, 0], pairs[1, 0])
    assert _contents(_encode(images, weights, tmp_path / "b")) == _contents(outputs)


def test_encode_needs_one_row_an_image(images, tmp_path):
    weights = _untrained_vae(tmp_path)
    save_table(images.with_name("samples.parquet"), pd.DataFrame({"id": ["a"]}))
    with pytest.raises(InputError, match=r"1 rows .*12 images"):
        _encode(images, weights, tmp_path / "a")


def test_import_weights(tmp_path):
    settings = {"arch": "convolutional", "latent": 200}
    state = build_vae("convolutional", settings, seed=4).state_dict()
    torch.save(state, tmp_path / "published.pth")
    import_weights.main(
        published=tmp_path / "published.pth", weights=tmp_path / "weights.pt", settings=settings
    )
    taken = load_weights(tmp_path / "weights.pt")
    assert all(torch.equal(taken[k], state[k]) for k in state)
    with pytest.raises(InputError, match=r"published\.pth.*'fc_mu\.weight'.*\(200, 4096\)"):
        import_weights.main(
            published=tmp_path / "published.pth",
            weights=tmp_path / "other.pt",
            settings=settings | {"latent": 100},
        )


def _features(images, folder, settings, **options):
    folder.mkdir(exist_ok=True)
    extract_features.main(
        images=images,
        samples=images.with_name("samples.parquet"),
        features=folder / "features.npy",
        feature_ids=folder / "features.parquet",
        settings=settings,
        batch=5,
        device="cpu",
        **options,
    )
    ids = load_table(folder / "features.parquet")["id"].tolist()
    assert ids == [f"test-{i:05d}" for i in range(N)]
    return load_npy(folder / "features.npy")


def _built(weights, settings, **options):
    build_network.main(
        weights=weights, network=weights.with_suffix(".parquet"), settings=settings, **options
    )
    return load_table(weights.with_suffix(".parquet")).iloc[0]


def test_features_of_a_classifier(images, tmp_path):
    settings = {"kind": "random", "widths": [4, 8, 16]}
    weights = tmp_path / "weights.pt"
    row = _built(weights, settings, root_seed=1, seed=2)
    first = weights.read_bytes()
    assert row["sha256"] == hashlib.sha256(first).hexdigest()
    assert (row["weights"], row["file"], row["preprocessing"]) == (
        "random",
        "",
        "as stored, [0, 1]",
    )
    _built(weights, settings, root_seed=1, seed=2)
    assert weights.read_bytes() == first
    named = [tmp_path / "logits.npy", tmp_path / "blocks.1.npy"]
    found = _features(
        images,
        tmp_path / "a",
        settings,
        weights=weights,
        named=named,
        layers=["logits", "blocks.1"],
    )
    assert load_npy(named[1]).shape == (N, 8)
    logits = load_npy(tmp_path / "logits.npy")
    assert (found.shape, found.dtype) == ((N, 16), np.float32)
    assert (logits.shape, logits.dtype) == ((N, 10), np.float32)
    state = load_weights(weights)
    expected = found @ state["head.weight"].numpy().T + state["head.bias"].numpy()
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_features_of_resnet50_from_a_file(images, tmp_path):
    settings = {"kind": "torchvision", "name": "resnet50", "transform": {"size": 32}}
    random = _built(tmp_path / "a.pt", settings, root_seed=1)
    options = {"pretrained": tmp_path / "a.pt", "origin": "a.pt", "root_seed": 2}
    row = _built(tmp_path / "b.pt", settings, **options)
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()
    assert (row["weights"], row["file"], row["sha256"]) == ("file", "a.pt", random["sha256"])
    assert row["preprocessing"].startswith("bilinear to 32 px (shortest); mean 0.485/0.456/0.406")
    assert row["package"].startswith("torchvision ")
    assert row["parameters"] == 25_557_032
    found = _features(images, tmp_path / "c", settings, weights=tmp_path / "b.pt")
    assert found.shape == (N, 2048)


def test_features_of_a_vae_are_its_latents(images, tmp_path):
    weights = _untrained_vae(tmp_path)
    latents = load_npy(_encode(images, weights, tmp_path / "enc")["latents"])
    settings = {"kind": "vae", "arch": "cifar", "latent": 6, "channels": [4, 8]}
    found = _features(images, tmp_path / "a", settings, weights=weights)
    np.testing.assert_allclose(found, latents, rtol=1e-5, atol=1e-6)
    more = {"named": [tmp_path / "logits.npy"], "layers": ["logits"]}
    with pytest.raises(InputError, match="'logits': this network has no classes"):
        _features(images, tmp_path / "b", settings, weights=weights, **more)


def test_features_of_pixels(images, tmp_path):
    found = _features(images, tmp_path / "a", {"kind": "pixels"})
    np.testing.assert_allclose(found, load_npy(images).reshape(N, -1) / 255.0, rtol=1e-6)


def test_features_that_are_not_finite(images, tmp_path):
    settings = {"kind": "vae", "arch": "cifar", "latent": 6, "channels": [4, 8]}
    state = build_vae("cifar", settings).state_dict()
    state["encoder.0.weight"].fill_(1e38)
    save_weights(tmp_path / "weights.pt", state)
    with pytest.raises(InputError, match="not finite"):
        _features(images, tmp_path / "a", settings, weights=tmp_path / "weights.pt")
    assert not (tmp_path / "a" / "features.npy").exists()


def test_a_network_needs_weights(images, tmp_path):
    with pytest.raises(InputError, match="'philnet' needs a weights file"):
        _features(images, tmp_path / "a", {"kind": "philnet"})

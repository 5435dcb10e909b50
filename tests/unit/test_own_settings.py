"""The config of a study of one's own: short forms, defaults, and what must go together."""

from typing import Any

import pytest

from latent_microscope.config.resolve import resolve
from latent_microscope.errors import InputError

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


Z = {"embeddings": "z.npy"}


@pytest.mark.parametrize(
    ("study", "message"),
    [
        ({}, "studies.mine.data: missing"),
        ({"data": {}}, "studies.mine.data: nothing to analyse"),
        ({"data": {"images": "faces"}}, "studies.mine.data: nothing to analyse"),
        ({"data": Z, "vae": VAE}, "studies.mine.vae: the study has embeddings"),
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

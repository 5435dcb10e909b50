"""What ``init`` is told about files: roles, arrays, and what it finds wrong before it writes."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from latent_microscope.commands.init import check_files, write_config
from latent_microscope.errors import InputError
from latent_microscope.io.yaml_files import load_yaml

N = 30
IDS = [f"s{i:02d}" for i in range(N)]
Z = np.random.default_rng(0).normal(size=(N, 5))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.savez("z.npz", id=IDS, near=Z, far=Z + 1)
    people = pd.DataFrame({"id": IDS, "person": [f"p{i // 2}" for i in range(N)]})
    people.to_csv("people.csv", index=False)
    people.assign(town="Ulm", code=range(N)).to_csv("wide.csv", index=False)
    pd.DataFrame({"id": IDS, "hat": [i % 2 for i in range(N)]}).to_csv("hats.csv", index=False)
    return tmp_path


def data_of(text: list[str], **options: Any) -> dict[str, object]:
    config = load_yaml(write_config(text, "made", force=True, **options).path)
    return dict(config["studies"]["made"]["data"])


def test_one_array_of_a_file(folder: Path) -> None:
    with pytest.raises(InputError, match="set `array` to one of near, far"):
        data_of(["z.npz"])
    assert data_of(["embeddings=z.npz:far"])["embeddings"] == {"file": "z.npz", "array": "far"}
    assert data_of(["z.npz:near"])["embeddings"] == {"file": "z.npz", "array": "near"}
    with pytest.raises(InputError, match=r"z.npz: has no array 'mid'; it has id, near, far"):
        data_of(["z.npz:mid"])
    with pytest.raises(InputError, match=r"none.npz:far: no such file"):
        data_of(["none.npz:far"])


@pytest.mark.parametrize(
    ("given", "file", "column"),
    [
        ("people.csv", "people.csv", "person"),
        ("identities=people.csv", "people.csv", "person"),
        ("identities=wide.csv", "wide.csv", "person"),
        ("identities=wide.csv:code", "wide.csv", "code"),
    ],
)
def test_identities_of_their_own_file(folder: Path, given: str, file: str, column: str) -> None:
    data = data_of(["z.npz:near", given])
    assert data["identities"] == {"file": file, "id": "id", "column": column}
    assert "attributes" not in data
    written = (folder / "made.yaml").read_text()
    assert "by_person: true" in written
    assert "anonymise: false" in written
    both = data_of(["z.npz:near", "hats.csv", given])
    assert both["identities"] == data["identities"]
    assert both["attributes"]["file"] == "hats.csv"  # type: ignore[index]


def test_labels_of_their_own_file(folder: Path) -> None:
    assert data_of(["z.npz:near", "labels=wide.csv:town"])["labels"] == {
        "file": "wide.csv",
        "id": "id",
        "column": "town",
    }
    with pytest.raises(InputError, match=r"say labels=wide.csv:COLUMN, one of person, town, code"):
        data_of(["z.npz:near", "labels=wide.csv"])


def test_a_config_elsewhere_names_its_files_from_the_root(folder: Path) -> None:
    (folder / "there").mkdir()
    data = data_of(["z.npz:near", "people.csv"], output=folder / "there/made.yaml")
    assert data["embeddings"]["file"] == str(folder / "z.npz")  # type: ignore[index]
    assert data["identities"]["file"] == str(folder / "people.csv")  # type: ignore[index]


def test_what_no_study_can_use_is_found_before_a_config_is_written(folder: Path) -> None:
    np.savez("few.npz", id=IDS[:24], z=Z[:24])
    with pytest.raises(InputError, match=r"few.npz: 24 samples .* need 25"):
        data_of(["few.npz"])
    holed = Z.copy()
    holed[3, 2] = np.nan
    np.savez("holed.npz", id=IDS, z=holed)
    with pytest.raises(InputError, match=r"holed.npz: .*s03"):
        data_of(["holed.npz"])
    np.savez("same.npz", id=IDS, z=np.ones((N, 5)))
    with pytest.raises(InputError, match=r"same\.npz"):
        data_of(["same.npz"])
    assert not (folder / "made.yaml").exists()


def test_what_readers_decide_is_told_once(folder: Path) -> None:
    table = pd.DataFrame({"id": IDS, "age": [f"3{i % 9},5" for i in range(N)]})
    table.assign(note=[f"text {i}" for i in range(N)]).to_csv("t.csv", sep=";", index=False)
    told = write_config(["z.npz:near", "t.csv"], "made").text
    assert told.count("note: t.csv: the column 'age' has numbers with decimal comma") == 1
    assert "not as attributes: note (30 values)" in told
    assert "note: t.csv: separated by semicolons" in check_files(["z.npz:near", "t.csv"])


def test_outputs_of_another_kind_than_is_said_are_refused_at_once(folder: Path) -> None:
    shares = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    np.savez("p.npz", id=IDS, p=shares)
    counts = pd.DataFrame(np.arange(N * 5).reshape(N, 5), columns=list("abcde"))
    counts.assign(id=IDS).to_csv("votes.csv", index=False)
    with pytest.raises(InputError, match="expected logits, but the rows are probabilities"):
        data_of(["logits:net=p.npz", "votes.csv"])
    data_of(["probabilities:net=p.npz", "votes.csv"])

"""The config that is written for files: what they are is found, and it is a valid config."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from latent_microscope.config.resolve import resolve
from latent_microscope.custom.joining import Joining
from latent_microscope.custom.looking import look
from latent_microscope.custom.votes import read_votes
from latent_microscope.custom.writing import draft, quoted
from latent_microscope.errors import InputError

ROOT = Path(__file__).parents[2]
N = 40
IDS = [f"s{i:02d}" for i in range(N)]
CLASSES = ["cat", "dog", "eel"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    random = np.random.default_rng(0)
    values = random.normal(size=(N, 9))
    np.save(folder / "plain.npy", values)
    np.savez(folder / "z.npz", z=values, ids=np.array(IDS))
    np.savez(folder / "two.npz", a=values, b=values)
    wide = pd.DataFrame(values, columns=[f"z{k}" for k in range(9)]).assign(id=IDS)
    wide.to_parquet(folder / "wide.parquet")
    pd.DataFrame({"id": IDS, "vector": list(values)}).to_parquet(folder / "long.parquet")
    (folder / "ids.txt").write_text("\n".join(IDS) + "\n")
    table = pd.DataFrame(
        {
            "image": [f"{i}.png" for i in IDS],
            "hat": np.arange(N) % 2,
            "town": np.array(["Ulm", "Bonn", "Jena"])[np.arange(N) % 3],
            "age": random.uniform(20, 60, N).round(1),
            "note": [f"text {i}" for i in range(N)],
            "version": 1,
            "person": [f"p{i // 4}" for i in range(N)],
            "kind": np.array(CLASSES)[np.arange(N) % 3],
        }
    )
    table.to_csv(folder / "t.csv", index=False)
    table.assign(image=lambda t: t["image"].replace("s03.png", "x.png")).to_csv(
        folder / "other.csv", index=False
    )
    table.assign(image=[f"u{i}" for i in range(N)]).to_csv(folder / "foreign.csv", index=False)
    counts = random.multinomial(9, [0.5, 0.3, 0.2], size=N)
    votes = pd.DataFrame(counts, columns=CLASSES)
    votes.insert(0, "id", IDS)
    votes.to_csv(folder / "votes.csv", index=False)
    votes.to_csv(folder / "numbers.csv", index=False)
    np.save(folder / "counts.npy", counts)
    np.save(folder / "whole.npy", counts)
    said = [
        (name, label)
        for name, row in zip(IDS, counts, strict=True)
        for label, count in zip(CLASSES, row, strict=True)
        for _ in range(count)
    ]
    pd.DataFrame(said, columns=["id", "choice"]).to_csv(folder / "said.csv", index=False)
    np.savez(folder / "logits.npz", x=random.normal(size=(N, 3)), ids=np.array(IDS))
    square = np.abs(values[:, :1] - values[:, :1].T)
    np.save(folder / "square.npy", square)
    pd.DataFrame(square, columns=IDS, index=IDS).to_csv(folder / "square.csv", index_label="id")
    for row, name in enumerate(IDS):
        own = folder / "faces" / f"p{row // 4}"
        own.mkdir(parents=True, exist_ok=True)
        Image.new("L", (70, 60), row).save(own / f"{name}.png")
        (folder / "flat").mkdir(exist_ok=True)
        Image.new("RGB", (30, 32), (row, 0, 0)).save(folder / "flat" / f"{name}.png")
    return folder


def written(folder: Path, *names: str) -> tuple[dict[str, Any], str]:
    """The study as it is resolved, and the text."""
    found = [look(with_path(folder, name)) for name in names]
    bare = any(one.ids is None for one in found) and any(one.ids is not None for one in found)
    made = draft(found, "mine", "test", Joining(by_position=bare))
    config = yaml.safe_load(made.text)
    study: dict[str, Any] = resolve(config)["studies"]["mine"]
    return study, made.text


def with_path(folder: Path, name: str) -> str:
    role, _, rest = name.rpartition("=")
    return f"{role}={folder / rest}" if role else str(folder / rest)


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (["plain.npy"], {"embeddings"}),
        (["z.npz"], {"embeddings"}),
        (["wide.parquet"], {"embeddings"}),
        (["long.parquet"], {"embeddings"}),
        (["plain.npy", "ids.txt"], {"embeddings"}),
        (["z.npz", "t.csv"], {"embeddings", "attributes", "identities"}),
        (["t.csv", "z.npz", "faces"], {"embeddings", "attributes", "identities", "images"}),
        (["faces"], {"images", "identities"}),
        (["flat"], {"images"}),
        (["votes.csv", "logits.npz"], {"votes"}),
        (["votes.csv", "z.npz", "t.csv"], {"votes", "labels"}),
        (["said.csv", "z.npz"], {"votes"}),
        (["counts.npy", "z.npz"], {"votes"}),
        (["votes=whole.npy", "z.npz"], {"votes"}),
        (["votes.csv", "embeddings=z.npz", "t.csv"],
         {"votes", "labels", "embeddings", "attributes", "identities"}),
        (["votes.csv", "faces"], {"votes", "images", "identities"}),
        (["square.csv", "z.npz"], {"dissimilarity"}),
        (["square.npy", "features:mine=z.npz"], {"dissimilarity"}),
    ],
)  # fmt: skip
def test_a_written_config_is_valid(files: Path, names: list[str], parts: set[str]) -> None:
    study, text = written(files, *names)
    assert set(study["data"]) == parts
    assert written(files, *names)[1] == text
    assert "unmatched: error" in text


def test_attributes_have_types_and_what_is_none_is_skipped(files: Path) -> None:
    study, _ = written(files, "z.npz", "t.csv")
    attributes = study["data"]["attributes"]
    assert attributes["types"] == {
        "hat": "binary", "town": "categorical", "age": "numeric", "kind": "categorical",
    }  # fmt: skip
    assert set(attributes["skip"]) == {"note", "version", "person"}
    assert study["data"]["identities"]["column"] == "person"
    assert study["bias"]["by_person"] is True


def test_images_alone_train_a_vae_of_their_size(files: Path) -> None:
    large, _ = written(files, "faces")
    small, _ = written(files, "flat")
    assert (large["vae"]["arch"], large["data"]["images"]["size"]) == ("convolutional", 64)
    assert (small["vae"]["arch"], small["data"]["images"]["size"]) == ("cifar", 32)
    assert large["data"]["identities"]["folder"]
    assert 10 <= large["vae"]["epochs"] <= 200


def test_names_of_files_are_ids_where_those_are_in_the_table(files: Path) -> None:
    study, _ = written(files, "faces", "t.csv")
    assert study["data"]["images"]["ids"] == "name"


def test_ids_are_found_in_a_column_of_any_name(files: Path) -> None:
    table = pd.read_csv(files / "t.csv").rename(columns={"image": "picture"})
    table.iloc[::-1].to_csv(files / "turned.csv", index=False)
    study, _ = written(files, "faces", "turned.csv")
    assert study["data"]["attributes"]["id"] == "picture"
    assert "picture" not in study["data"]["attributes"].get("skip", [])
    assert study["data"]["images"]["ids"] == "name"
    study, _ = written(files, "z.npz", "turned.csv")
    assert study["data"]["attributes"]["id"] == "picture"


def test_ids_of_votes_and_labels_are_found_in_a_column_of_any_name(files: Path) -> None:
    votes = pd.read_csv(files / "votes.csv").rename(columns={"id": "picture"})
    votes.to_csv(files / "own-votes.csv", index=False)
    table = pd.read_csv(files / "t.csv").rename(columns={"image": "picture"})
    table["picture"] = table["picture"].str.removesuffix(".png")
    table[["picture", "kind"]].to_csv(files / "own-labels.csv", index=False)
    for first in ("votes=own-votes.csv", "own-votes.csv"):
        study, text = written(files, first, "labels=own-labels.csv", "logits.npz")
        assert study["data"]["labels"]["id"] == "picture"
        assert f"votes on {N} samples, {len(CLASSES)} classes; ids such as {IDS[0]}" in text
    votes.assign(by="me").to_csv(files / "own-votes.csv", index=False)  # texts that are no ids
    with pytest.raises(InputError, match=r"own-votes.csv: .*'picture'"):
        look(with_path(files, "votes=own-votes.csv"))


@pytest.mark.parametrize(("column", "names"), [("label", CLASSES), ("Category", ["0", "1", "2"])])
def test_true_classes_beside_votes_are_labels(files: Path, column: str, names: list[str]) -> None:
    votes = pd.read_csv(files / "votes.csv").set_axis(["picture", *names], axis=1)
    votes[column] = np.array(names)[np.arange(N) % 3]
    votes.to_csv(files / "labelled-votes.csv", index=False)
    for first in ("votes=labelled-votes.csv", "labelled-votes.csv"):
        study, text = written(files, first, "logits.npz")
        own = study["data"]["labels"]
        assert Path(own["file"]) == files / "labelled-votes.csv"
        assert (own["id"], own["column"]) == ("picture", column)
        assert f"3 classes, true classes in '{column}'" in text
    assert read_votes(files / "labelled-votes.csv", {}).classes == names
    assert "labels" not in written(files, "votes.csv", "logits.npz")[0]["data"]
    study, _ = written(files, "labelled-votes.csv", "labels=t.csv:kind", "logits.npz")
    assert study["data"]["labels"]["column"] == "kind"


def test_labels_beside_votes_that_are_no_classes_are_refused(files: Path) -> None:
    votes = pd.read_csv(files / "votes.csv").assign(label=["cat", "Dog"] * (N // 2))
    votes.to_csv(files / "misspelt-votes.csv", index=False)
    for first in ("votes=misspelt-votes.csv", "misspelt-votes.csv"):
        with pytest.raises(InputError, match=r"misspelt-votes.csv: 'label' .*'Dog'.*cat, dog, eel"):
            written(files, first, "logits.npz")


def test_a_name_that_no_model_can_have_is_refused_with_one_that_it_can(files: Path) -> None:
    with pytest.raises(InputError, match=r"lower-case.*'Tiny-Net'.*logits:tiny_net=.*logits.npz"):
        written(files, "votes.csv", "logits:Tiny-Net=logits.npz")
    with pytest.raises(InputError, match=r"npz: label is the name of .* say logits:NAME=.*npz"):
        written(files, "votes.csv", "logits:label=logits.npz")
    study, _ = written(files, "votes.csv", "logits:tiny_net=logits.npz")
    assert "tiny_net" in study["models"]


def test_texts_that_are_nobodys_ids_are_not_joined_by_row(files: Path) -> None:
    table = pd.read_csv(files / "t.csv").rename(columns={"image": "picture"})
    table["picture"] = "x" + table["picture"]
    table.to_csv(files / "x.csv", index=False)
    with pytest.raises(InputError, match=r"x.csv: .*'s00'.*'picture'"):
        written(files, "z.npz", "x.csv")
    study, _ = written(files, "plain.npy", "x.csv")  # nobody has ids: by row
    assert study["data"]["attributes"].get("id") is None


def test_models_are_named_and_logits_known_by_their_columns(files: Path) -> None:
    models, _ = written(files, "votes.csv", "logits.npz", "features:mine=z.npz")
    assert models["models"]["logits"]["holds"] == "logits"
    assert models["models"]["mine"]["holds"] == "features"
    assert {"label", "class_mean"} <= set(models["models"])


def test_what_does_not_match_is_left_to_the_user(files: Path) -> None:
    study, text = written(files, "z.npz", "other.csv")
    assert study["unmatched"] == "error"
    assert "2 of 41 ids" in text
    found = [look(str(files / name)) for name in ("z.npz", "other.csv")]
    assert set(draft(found, "mine", "").unmatched["id"]) == {"s03", "x"}


def test_files_without_ids_beside_others_need_a_word(files: Path) -> None:
    found = [look(with_path(files, name)) for name in ("plain.npy", "t.csv")]
    with pytest.raises(InputError, match=r"plain.npy: .*t.csv.*--by-position"):
        draft(found, "mine", "")
    made = draft(found, "mine", "", Joining(by_position=True))
    assert yaml.safe_load(made.text)["studies"]["mine"]["join"] == "position"
    assert made.files["by"].tolist() == ["position", "id"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["t.csv"], "t.csv: .*embeddings or images"),
        (["votes.csv"], "votes.csv: .*features or logits"),
        (["z.npz", "plain.npy"], "plain.npy: .*z.npz .*embeddings"),
        (["two.npz"], r"two.npz: .*`array` to one of a, b"),
        (["numbers.csv"], "9 in every row .*votes=.*attributes="),
        (["whole.npy"], "3 classes .*votes=.*embeddings="),
        (["z.npz", "foreign.csv"], "z.npz and .*foreign.csv: .*'s00'.*'u39'"),
        (["features:m=z.npz", "t.csv"], "embeddings or images"),
        (["features:m=z.npz", "faces"], "z.npz: .*votes"),
        (["votes.csv", "square.npy", "z.npz"], "votes and a dissimilarity matrix"),
        (["z.npz", "ids.txt"], "ids.txt: "),
        (["embeddings=t.csv"], "t.csv: .*`array`"),
        (["none.csv"], "none.csv: no such file"),
    ],
)
def test_what_is_not_clear_is_refused_in_one_sentence(
    files: Path, names: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        written(files, *names)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["a b", "yes", "7", "x: y", "#1", "plain-name", "ümlaut", "-"])
def test_any_name_is_yaml(value: str) -> None:
    assert yaml.safe_load(f"key: {quoted(value)}") == {"key": value}


def test_the_command_writes_prints_and_never_overwrites(files: Path) -> None:
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "latent_microscope.cli", "init", *arguments]
        return subprocess.run(command, cwd=files, capture_output=True, text=True, check=False)

    done = call("z.npz", "t.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "  latent-microscope run z.yaml"
    before = (files / "z.yaml").read_bytes()
    again = call("z.npz")
    assert again.returncode == 1
    assert again.stderr.startswith("error: z.yaml: already exists")
    assert (files / "z.yaml").read_bytes() == before
    assert call("z.npz", "--force", "--name", "other", "--output", "z.yaml").returncode == 0
    assert "run: [other]" in (files / "z.yaml").read_text()

"""The data steps as scripts: demo data end to end, same bytes twice, mistakes named."""

import errno
import hashlib
import io
import os
import runpy
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

import collect_votes
import crop_eyes
import download_file
import generate_demo_faces
import generate_demo_objects
import generate_synthetic
import pack_cifar
import pack_faces
from latent_microscope import project
from latent_microscope.data.faces import Faces
from latent_microscope.errors import InputError
from latent_microscope.io import artefacts
from latent_microscope.io.artefacts import load_npy, load_table, save_table
from latent_microscope.provenance.codehash import LIBRARY, CodeHasher
from latent_microscope.step import run
from latent_microscope.synthetic.objects_demo import CLASSES
from latent_microscope.synthetic.people import eye_region

ATTRIBUTES = [
    *("Glasses", "Hat", "Smiling", "Dark_Hair", "Long_Hair"),
    *("Beard", "Earrings", "Rosy_Cheeks", "Bow_Tie", "Blue_Background"),
]
ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = [
    "collect_votes",
    "crop_eyes",
    "download_file",
    "generate_demo_faces",
    "generate_demo_objects",
    "generate_synthetic",
    "pack_cifar",
    "pack_faces",
]


def digests(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def make_faces(folder: Path, *, images: int = 24, seed: int = 0) -> dict[str, Any]:
    files: dict[str, Any] = {
        "archive": folder / "demo-faces.zip",
        "identities": folder / "identity_demo.txt",
    }
    generate_demo_faces.main(**files, images=images, people=7, root_seed=seed)
    return files


def pack(folder: Path, source: dict[str, Any], **options: Any) -> dict[str, Any]:
    outputs: dict[str, Any] = {
        "images": folder / "images.npy",
        "samples": folder / "samples.parquet",
        "attributes": folder / "attributes.parquet",
    }
    pack_faces.main(**(source | outputs), **options)
    return outputs


def make_objects(folder: Path, *, seed: int = 0) -> dict[str, Any]:
    files: dict[str, Any] = {
        "train": folder / "train.parquet",
        "test": folder / "test.parquet",
        "counts": folder / "counts.npy",
        "probabilities": folder / "probabilities.npy",
    }
    generate_demo_objects.main(**files, train_per_class=3, test_per_class=2, root_seed=seed)
    return files


def pack_split(folder: Path, source: Path, split: str, **options: Any) -> dict[str, Any]:
    outputs: dict[str, Any] = {
        "images": folder / "images.npy",
        "samples": folder / "samples.parquet",
    }
    pack_cifar.main(sources=[source], split=split, **outputs, **options)
    return outputs


def test_demo_faces_end_to_end_twice(tmp_path: Path) -> None:
    for name in ("a", "b"):
        pack(tmp_path / name, make_faces(tmp_path / name))
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    images = load_npy(tmp_path / "a" / "images.npy")
    assert (images.shape, images.dtype) == ((24, 64, 64, 3), np.uint8)
    samples = load_table(tmp_path / "a" / "samples.parquet")
    attributes = load_table(tmp_path / "a" / "attributes.parquet")
    assert list(samples.columns) == ["id", "identity"]
    assert samples["id"].tolist() == [f"{i:06d}" for i in range(1, 25)]
    assert samples["identity"].nunique() == 7
    assert list(attributes.columns) == ["id", *ATTRIBUTES]
    assert (attributes["id"] == samples["id"]).all()
    assert set(np.unique(attributes[ATTRIBUTES])) == {0, 1}
    assert (attributes[ATTRIBUTES].dtypes == np.uint8).all()


def test_another_seed_gives_other_faces(tmp_path: Path) -> None:
    make_faces(tmp_path / "a")
    make_faces(tmp_path / "b", seed=1)
    assert digests(tmp_path / "a") != digests(tmp_path / "b")


def test_a_subset_of_faces_is_the_beginning(tmp_path: Path) -> None:
    source = make_faces(tmp_path)
    whole = pack(tmp_path / "whole", source)
    part = pack(tmp_path / "part", source, subset=5, size=64)
    assert np.array_equal(load_npy(part["images"]), load_npy(whole["images"])[:5])
    for name in ("samples", "attributes"):
        assert load_table(part[name]).equals(load_table(whole[name]).head(5))


def test_faces_without_identities_from_a_folder_with_a_separate_table(tmp_path: Path) -> None:
    source = make_faces(tmp_path)
    with zipfile.ZipFile(source["archive"]) as archive:
        archive.extractall(tmp_path / "folder")
    table = tmp_path / "folder" / "list_attr_celeba.csv"
    table.rename(tmp_path / "mine.csv")
    whole = pack(tmp_path / "whole", source)
    other = pack(
        tmp_path / "other",
        {"archive": tmp_path / "folder", "attribute_file": tmp_path / "mine.csv"},
    )
    assert other["images"].read_bytes() == whole["images"].read_bytes()
    assert other["attributes"].read_bytes() == whole["attributes"].read_bytes()
    assert (load_table(other["samples"])["identity"] == -1).all()


def rewritten(source: Path, target: Path, change: Any) -> Path:
    """A copy of a zip with members changed: ``change(name, content)`` → content or None."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return target


@contextmanager
def read_colours(
    archive: Path, identities: Path | None, *, size: int, subset: int | None
) -> Iterator[Faces]:
    """A reader of another layout: a text file with one shade of grey a line."""
    shades = [int(line) for line in archive.read_text().split()][:subset]
    ids = [f"shade-{i}" for i in range(len(shades))]
    yield Faces(
        ids,
        np.arange(len(ids)),
        pd.DataFrame({"id": ids, "dark": [int(shade < 128) for shade in shades]}),
        (np.full((size, size, 3), shade, dtype=np.uint8) for shade in shades),
    )


class Shades:
    """A split of the same layout."""

    def __init__(self, sources: list[Path], split: str) -> None:
        self.classes = ["dark", "light"]
        self.shades = np.array([int(line) for line in sources[0].read_text().split()])
        self.labels = (self.shades >= 128).astype(np.int64)

    def images(self, rows: Any, max_pixels: int = 0) -> Iterator[np.ndarray]:
        yield from (np.full((32, 32, 3), self.shades[i], dtype=np.uint8) for i in rows)


def test_a_data_set_may_bring_its_own_reader(tmp_path: Path) -> None:
    (tmp_path / "shades.txt").write_text("7\n200\n90\n")
    source = {"archive": tmp_path / "shades.txt"}
    made = pack(tmp_path, source, size=4, subset=2, reader=f"{__name__}:read_colours")
    assert load_npy(made["images"])[:, 0, 0, 0].tolist() == [7, 200]
    assert load_table(made["attributes"])["dark"].tolist() == [1, 0]
    assert load_table(made["samples"])["identity"].tolist() == [0, 1]
    split = pack_split(tmp_path, source["archive"], "test", reader=f"{__name__}:Shades")
    assert load_table(split["samples"])["label_name"].tolist() == ["dark", "light", "dark"]
    for reader in (f"{__name__}:gone", "no_such_module:read"):
        with pytest.raises(InputError, match=reader):
            pack(tmp_path, source, reader=reader)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda n, c: c[: len(c) // 2] if n.endswith("000007.jpg") else c,
            r"image 000007\.jpg",
        ),
        (
            lambda n, c: None if n.endswith("000007.jpg") else c,
            r"1 of 24 .*'000007\.jpg'",
        ),
        (
            lambda n, c: c.replace(b"000009.jpg", b"000010.jpg") if n.endswith("csv") else c,
            r"'000010\.jpg'",
        ),
        (
            lambda n, c: (
                c.replace(b"\n000009.jpg,1", b"\n000009.jpg,nan").replace(
                    b"\n000009.jpg,-1", b"\n000009.jpg,nan"
                )
                if n.endswith("csv")
                else c
            ),
            r"image '000009\.jpg', attribute 'Glasses': 'nan'",
        ),
        (
            lambda n, c: c[: c.index(b"000009.jpg")] if n.endswith("csv") else c,
            r"16 of 24 .*'000009\.jpg'",
        ),
    ],
)
def test_damaged_faces_are_named_and_leave_nothing(
    tmp_path: Path, change: Any, message: str
) -> None:
    source = make_faces(tmp_path)
    source["archive"] = rewritten(source["archive"], tmp_path / "bad.zip", change)
    with pytest.raises(InputError, match=message):
        pack(tmp_path / "out", source)
    assert digests(tmp_path / "out") == {}


def test_a_truncated_archive_of_faces(tmp_path: Path) -> None:
    source = make_faces(tmp_path)
    content = source["archive"].read_bytes()
    source["archive"].write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"demo-faces\.zip"):
        pack(tmp_path / "out", source)


def test_an_archive_that_climbs_out_writes_nothing_outside(tmp_path: Path) -> None:
    source = make_faces(tmp_path / "in")
    with zipfile.ZipFile(source["archive"], "a") as archive:
        archive.writestr("../../escaped.jpg", b"x")
    with pytest.raises(InputError, match=r"escaped\.jpg'"):
        pack(tmp_path / "out", source)
    assert list(tmp_path.rglob("escaped*")) == []


def test_demo_objects_end_to_end_twice(tmp_path: Path) -> None:
    for name in ("a", "b"):
        files = make_objects(tmp_path / name)
        for split in ("train", "test"):
            pack_split(tmp_path / name / split, files[split], split)
        collect_votes.main(
            counts=files["counts"],
            samples=tmp_path / name / "test" / "samples.parquet",
            votes=tmp_path / name / "votes.parquet",
        )
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    images = load_npy(tmp_path / "a" / "train" / "images.npy")
    samples = load_table(tmp_path / "a" / "train" / "samples.parquet")
    assert (images.shape, images.dtype) == ((30, 32, 32, 3), np.uint8)
    assert list(samples.columns) == ["id", "label", "label_name"]
    assert samples["id"].tolist() == [f"train-{i:05d}" for i in range(30)]
    assert [CLASSES[k] for k in samples["label"]] == samples["label_name"].tolist()
    votes = load_table(tmp_path / "a" / "votes.parquet")
    assert list(votes.columns) == ["id", *CLASSES]
    assert votes["id"].tolist() == [f"test-{i:05d}" for i in range(20)]
    assert votes[CLASSES].sum(axis=1).between(47, 63).all()
    truth = load_npy(tmp_path / "a" / "probabilities.npy")
    shares = votes[CLASSES].to_numpy() / votes[CLASSES].sum(axis=1).to_numpy()[:, None]
    assert np.abs(shares - truth).mean() < 0.02


def test_votes_of_a_subset_follow_the_ids(tmp_path: Path) -> None:
    files = make_objects(tmp_path)
    whole = pack_split(tmp_path / "whole", files["test"], "test")
    part = pack_split(tmp_path / "part", files["test"], "test", subset=10)
    assert load_table(part["samples"])["id"].tolist() == [f"test-{i:05d}" for i in range(10)]
    assert np.array_equal(load_npy(part["images"]), load_npy(whole["images"])[:10])
    rows, samples = [3, 7, 15], tmp_path / "some.parquet"
    some = load_table(whole["samples"]).iloc[rows].reset_index(drop=True)
    save_table(samples, some)
    ids = some["id"].tolist()
    votes_path = tmp_path / "votes.parquet"
    collect_votes.main(counts=files["counts"], samples=samples, votes=votes_path, classes=CLASSES)
    votes = load_table(tmp_path / "votes.parquet")
    assert votes["id"].tolist() == ids
    assert np.array_equal(votes[CLASSES].to_numpy(), np.load(files["counts"])[rows])


def test_votes_that_do_not_fit(tmp_path: Path) -> None:
    files = make_objects(tmp_path)
    packed = pack_split(tmp_path, files["test"], "test")
    np.save(tmp_path / "few.npy", np.load(files["counts"])[:7])
    common: dict[str, Any] = {"samples": packed["samples"], "votes": tmp_path / "votes.parquet"}
    with pytest.raises(InputError, match=r"7 rows.*'test-00007'"):
        collect_votes.main(counts=tmp_path / "few.npy", **common)
    np.save(tmp_path / "shares.npy", np.full((20, 10), 0.1))
    with pytest.raises(InputError, match=r"shares\.npy: row 0 and \d+ others"):
        collect_votes.main(counts=files["counts"], probabilities=tmp_path / "shares.npy", **common)
    assert not (tmp_path / "votes.parquet").exists()


def test_a_parquet_lacking_a_column_leaves_nothing(tmp_path: Path) -> None:
    files = make_objects(tmp_path)
    pq.write_table(pq.read_table(files["test"], columns=["img"]), tmp_path / "no-label.parquet")
    with pytest.raises(InputError, match=r"no-label.parquet: .*'label'"):
        pack_split(tmp_path / "out", tmp_path / "no-label.parquet", "test")
    assert digests(tmp_path / "out") == {}


def test_images_of_another_size_are_refused_not_resized(tmp_path: Path) -> None:
    files = make_objects(tmp_path)
    with pytest.raises(InputError, match=r"test-00000 .*32 x 32.* 16 x 16"):
        pack_split(tmp_path / "out", files["test"], "test", size=16)
    assert digests(tmp_path / "out") == {}


def test_synthetic_people_and_their_eyes(tmp_path: Path) -> None:
    for name, number in (("a", 0), ("b", 0), ("c", 1)):
        generate_synthetic.main(
            images=tmp_path / name / "images-whole.npy",
            samples=tmp_path / name / "samples.parquet",
            per_person=4,
            interpolations=6,
            root_seed=5,
            seed=number,
        )
        crop_eyes.main(
            images=tmp_path / name / "images-whole.npy", eyes=tmp_path / name / "images-eyes.npy"
        )
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert not set(digests(tmp_path / "a").values()) & set(digests(tmp_path / "c").values())
    images = load_npy(tmp_path / "a" / "images-whole.npy")
    samples = load_table(tmp_path / "a" / "samples.parquet")
    assert images.shape == (26, 32, 64, 3)
    assert samples["authentic"].tolist() == [True] * 20 + [False] * 6
    assert np.array_equal(load_npy(tmp_path / "a" / "images-eyes.npy"), eye_region(images))


def test_a_scenario_is_generated_from_its_section_of_the_config(tmp_path: Path) -> None:
    """The rule generate_scenario gives the section whole; equal settings make equal images."""
    data = {"per_person": 3, "interpolations": 8, "people": 6, "noise": 0.1, "edge": 0.1}

    def generated(name: str, **settings: Any) -> dict[str, str]:
        folder = tmp_path / name
        files: dict[str, Any] = {
            "images": folder / "images.npy",
            "samples": folder / "samples.parquet",
        }
        generate_synthetic.main(**files, **settings, root_seed=5, seed=1)
        return digests(folder)

    whole = generated("section", data=data)
    assert whole == generated("arguments", **data)
    noisier = generated("noisier", data={**data, "noise": 0.2})
    assert whole["samples.parquet"] == noisier["samples.parquet"]
    assert whole["images.npy"] != noisier["images.npy"]
    samples = load_table(tmp_path / "section" / "samples.parquet")
    assert samples["person_a"].max() == 5
    assert samples["kind"].value_counts().to_dict() == {"authentic": 18, "interpolation": 8}
    alpha = samples.loc[samples["kind"] == "interpolation", "alpha"]
    assert (np.minimum(alpha, 1 - alpha) <= 0.1).all()


def manifest_for(tmp_path: Path, content: bytes) -> Path:
    file = {
        "role": "counts",
        "mirror": "toy/counts.npy",
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    toy = {"description": "d", "version": "1", "licence": "none", "files": {"counts.npy": file}}
    path = tmp_path / "datasets.yaml"
    path.write_text(yaml.safe_dump({"datasets": {"toy": toy}}))
    return path


def test_download_from_the_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LATENT_MICROSCOPE_MIRROR", raising=False)
    content = b"some counts"
    (tmp_path / "mirror" / "toy").mkdir(parents=True)
    (tmp_path / "mirror" / "toy" / "counts.npy").write_bytes(content)
    common: dict[str, Any] = {
        "dataset": "toy",
        "name": "counts.npy",
        "manifest": manifest_for(tmp_path, content),
    }
    target = tmp_path / "data" / "toy" / "counts.npy"
    with pytest.raises(InputError, match=r"toy/counts\.npy.*mirror"):
        download_file.main(file=target, **common)
    download_file.main(file=target, mirror=str(tmp_path / "mirror"), **common)
    assert target.read_bytes() == content
    target.unlink()
    monkeypatch.setenv("LATENT_MICROSCOPE_MIRROR", str(tmp_path / "mirror"))
    download_file.main(file=target, **common)
    assert target.read_bytes() == content
    with pytest.raises(InputError, match="'other'"):
        download_file.main(file=target, **(common | {"dataset": "other"}))


def test_download_as_a_command_fails_in_one_line(tmp_path: Path) -> None:
    result = subprocess.run(
        [
            sys.executable,
            str(project.script("download_file")),
            *("--file", str(tmp_path / "out" / "x.zip")),
            *("--dataset", "celeba-full", "--name", "celeba-dataset.zip"),
            *("--manifest", str(ROOT / "config" / "datasets.yaml")),
        ],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("error: celeba-full/celeba-dataset.zip: ")
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert digests(tmp_path / "out") == {}


def test_a_full_disk_ends_in_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    source = make_faces(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "images.npy")

    monkeypatch.setattr(artefacts.os, "fsync", full)
    arguments = [f"--{name}={path}" for name, path in source.items()]
    for name in ("images.npy", "samples.parquet", "attributes.parquet"):
        arguments.append(f"--{name.split('.')[0]}={tmp_path / 'out' / name}")
    with pytest.raises(SystemExit) as caught:
        run(pack_faces.main, argv=arguments)
    assert caught.value.code == 1
    assert "images.npy" in capfd.readouterr().err
    assert digests(tmp_path / "out") == {}


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_names_every_argument(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(project.script(name)), run_name="__main__")
    assert caught.value.code == 0
    lines = capsys.readouterr().out
    assert "[output]" in lines
    assert "--numeric-threads" in lines
    assert "[input] \n" not in lines
    assert "[param] \n" not in lines


@pytest.mark.parametrize("name", SCRIPTS)
def test_data_steps_need_no_torch_and_little_of_the_library(name: str) -> None:
    reached = CodeHasher().reach(project.script(name))
    packages = ("models", "training", "forensics")
    assert not [f for f in reached for p in packages if f.is_relative_to(LIBRARY / p)]
    code = (
        f"import sys; sys.path.insert(0, {str(project.script(name).parent)!r}); import {name}; "
        + ("print([m for m in ('torch', 'torchvision', 'kaggle', 'sklearn') if m in sys.modules])")
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert result.stdout.strip() == "[]", result.stderr


def test_the_demo_images_can_be_read_by_anyone(tmp_path: Path) -> None:
    files = make_objects(tmp_path)
    cells = pd.read_parquet(files["train"])["img"]
    assert Image.open(io.BytesIO(cells[0]["bytes"])).size == (32, 32)

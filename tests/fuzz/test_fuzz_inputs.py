"""Hostile and broken files to every reader: read, or refused in one sentence, and nothing else.

``FUZZ=20 pytest tests/fuzz`` tries twenty times as many, at random; without it the inputs are the
same every time.
"""

import os
import struct
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hostile import NAMES, Files, archive_bomb, damaged, tars, zipped, zips  # type: ignore[import-not-found]
from hostile_formats import formats  # type: ignore[import-not-found]
from hostile_images import encoded, images, png_of  # type: ignore[import-not-found]
from hostile_pickles import pickles, weights  # type: ignore[import-not-found]
from hostile_tables import CELLS, PANDAS, arrays, csvs, npy, parquet_of, parquets, table  # type: ignore[import-not-found]
from hostile_trees import jsons, yamls  # type: ignore[import-not-found]
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judge import Judge, little_memory  # type: ignore[import-not-found]

import collect_votes
import import_external
import import_weights
import pack_cifar
import pack_faces
from latent_microscope.config.resolve import resolve
from latent_microscope.custom.arrays import read_ids, read_rows
from latent_microscope.custom.attributes import Encoding, encode
from latent_microscope.custom.images import open_pictures
from latent_microscope.custom.looking import look
from latent_microscope.custom.study import table_source
from latent_microscope.custom.tables import read_table
from latent_microscope.data.archives import tar_members
from latent_microscope.data.cifar10h import load_raw_votes
from latent_microscope.data.content_checks import check_content
from latent_microscope.data.decoding import decode_image
from latent_microscope.data.faces import open_faces, packed_faces
from latent_microscope.data.manifest import load_manifest
from latent_microscope.data.unpickle import load_batch
from latent_microscope.errors import InputError
from latent_microscope.files.contents import open_contents
from latent_microscope.io.artefacts import load_table
from latent_microscope.io.inputs import load_scores, load_truth, load_votes, load_with_ids
from latent_microscope.io.yaml_files import load_yaml
from latent_microscope.messages import naming, one_line
from latent_microscope.models.vaes import build_vae
from latent_microscope.provenance.lineage import read_job, table_row

TIMES = int(os.environ.get("FUZZ", "0"))
ROOT = Path(__file__).parents[2]
LEAST = 2000
DISTINCT = 0.65
"""Of all inputs; a strategy also makes the same one again, which is not counted."""
VAE = {"arch": "cifar", "latent": 2, "channels": [2, 2, 2]}
IDS = ["test-00000", "test-00001", "test-00002", "test-00003"]
CLASSES = ["airplane", "bird"]
COUNTS = np.array([[3, 1], [0, 4], [2, 2], [5, 0]], dtype=np.int64)


@dataclass(frozen=True)
class Case:
    """Files of one kind to one reader; ``also`` are words that a message may name instead."""

    name: str
    file: str
    inputs: Files
    read: Callable[[Path, Path], Any]
    count: int
    also: tuple[str, ...] = ()


def samples_of(folder: Path) -> Path:
    path = folder.parent.parent / "samples.parquet"
    if not path.exists():
        labels = [0, 1, 0, 1]
        names = [CLASSES[label] for label in labels]
        path.write_bytes(table(id=IDS, label=labels, label_name=names))
    return path


def external(file: Path, out: Path) -> None:
    outputs: dict[str, Any] = {"features": out / "features.npy", "ids": out / "ids.parquet"}
    import_external.main(file=file, samples=samples_of(out), holds="features", **outputs)


def votes(file: Path, out: Path) -> None:
    collect_votes.main(
        counts=file, samples=samples_of(out), votes=out / "votes.parquet", classes=CLASSES
    )


def votes_of_samples(file: Path, out: Path) -> None:
    counts = out.parent.parent / "counts.npy"
    counts.write_bytes(npy(COUNTS))
    collect_votes.main(counts=counts, samples=file, votes=out / "votes.parquet")


def faces(file: Path, out: Path, **options: Any) -> None:
    pack_faces.main(
        archive=options.pop("archive", file),
        images=out / "images.npy",
        samples=out / "samples.parquet",
        attributes=out / "attributes.parquet",
        size=8,
        **options,
    )


def with_attributes(file: Path, out: Path) -> None:
    archive = out.parent.parent / "faces.zip"
    archive.write_bytes(FACES)
    faces(file, out, archive=archive, attribute_file=file)


def with_identities(file: Path, out: Path) -> None:
    archive = out.parent.parent / "faces.zip"
    archive.write_bytes(FACES)
    faces(file, out, archive=archive, identities=file)


def cifar(file: Path, out: Path) -> None:
    pack_cifar.main(
        sources=[file],
        images=out / "images.npy",
        samples=out / "samples.parquet",
        split="test",
        size=32 if file.name.endswith(".tar.gz") else 8,
        archive_md5=None,
    )


def taken_over(file: Path, out: Path) -> None:
    import_weights.main(published=file, weights=out / "weights.pt", settings=VAE)


def config(file: Path, _out: Path) -> None:
    content = load_yaml(file)
    if isinstance(content, dict):  # Snakemake itself refuses anything else
        resolve(content)


def every_check(file: Path, _out: Path) -> None:
    kind = KINDS[len(file.read_bytes()) % len(KINDS)]
    facts = {"pixels_sha256": "0" * 64} if kind == "parquet" else {}
    check_content(file, {"kind": kind, **facts}, file.name)


def inputs_of_steps(file: Path, out: Path) -> None:
    read: list[Callable[[], Any]] = [
        lambda: load_votes(file, samples_of(out)),
        lambda: load_votes(samples_of(out), file),
        lambda: load_scores(file, ["score"]),
        lambda: load_truth(file),
        lambda: load_with_ids(file.with_name("x.npy"), file),
    ]
    (file.with_name("x.npy")).write_bytes(npy(np.zeros((4, 2))))
    try:
        read[len(file.read_bytes()) % len(read)]()
    finally:
        file.with_name("x.npy").unlink()


def own_images(file: Path, _out: Path) -> None:
    with open_pictures(file) as found:
        list(found.rows(np.arange(found.count), 8))


def own_attributes(file: Path, _out: Path) -> None:
    table_source("attributes", file, {})
    whole = read_table(file).dropna()
    if len(whole):
        encode(whole, Encoding(), file)


def everything(file: Path, _out: Path) -> None:
    """All that a file contains, and what it would be taken for."""
    contents = open_contents(file)
    readable = [one for one in contents.entries.values() if not one.unusable]
    if not readable:
        raise InputError(f"{file}: nothing can be read")
    for one in readable:
        found = one.read()
        assert found.shape == one.shape
        assert found.dtype == one.dtype
    look(str(file))


KINDS = ["parquet", "npy", "npz", "faces", "identities", "tar", "zip", "weights"]
FACES = zipped(
    [
        ("img/a.jpg", encoded(9, 8, "JPEG")),
        ("img/b.png", encoded(8, 9, "PNG")),
        ("list_attr_celeba.csv", b"image_id,Smiling,Male\na.jpg,1,-1\nb.png,-1,-1\n"),
    ]
)
IMAGE_CELLS = [
    {"bytes": encoded(8, 8, "PNG"), "path": "x"},
    {"bytes": encoded(8, 8, "JPEG"), "path": None},
] * 2
SPLIT = table(img=IMAGE_CELLS, label=[0, 1, 2, 9])
BATCH = "cifar-10-batches-py/test_batch"
STATE = build_vae("cifar", VAE).state_dict()
TINY: dict[str, Any] = {
    "run": ["tiny-faces"],
    "studies": {
        name: study
        for name, study in yaml.safe_load(
            (ROOT / "tests/workflow/tiny.yaml").read_text(encoding="utf-8")
        )["studies"].items()
        if name == "tiny-faces"
    },
}
MANIFEST = {
    "datasets": {
        "toy": {
            "description": "x",
            "version": "1",
            "licence": "none",
            "files": {
                "a.zip": {"role": "archive", "url": "https://x/a.zip", "sha256": "0" * 64},
                "b.npy": {"role": "counts", "mirror": "b.npy", "check": {"kind": "npy"}},
            },
        }
    }
}
SIDECAR = {
    "artefact": "a.npy",
    "sha256": "0" * 64,
    "step": "train_vae",
    "code": "0" * 16,
    "params": {"seed": 1},
    "inputs": {"images": {"data/a.npy": "0" * 64}},
}
RAW = ["annotator_id", "is_attn_check", "chosen_label", "cifar10_test_test_idx"]
RAW_ROW = b"\n1,0,3,7\n2,1,4,-99999\n"
NUMBERS = np.arange(12, dtype=np.float32).reshape(4, 3)
SCORES = table(id=IDS, score=[0.0, 1.0, 2.0, 3.0], authentic=[True, True, False, False])
PNG_OR_TEXT = st.sampled_from([encoded(8, 8, "PNG"), b"image_id,x\na.jpg,1\n", b""]) | st.binary(
    max_size=20
)

CASES = [
    Case("config", "config.yaml", yamls(TINY), config, 250, ("config key",)),
    Case("manifest", "datasets.yaml", yamls(MANIFEST), lambda f, _: load_manifest(f), 200),
    Case("sidecar", "a.npy.meta.json", jsons(SIDECAR),
         lambda f, _: read_job(f.with_name("a.npy")), 120),
    Case("features .npy", "x.npy", arrays(NUMBERS), external, 250),
    Case("features .npz", "x.npz", zips(arrays(NUMBERS)), external, 150),
    Case("features .parquet", "x.parquet",
         parquets(["id", "label", "f0"], [table(id=IDS, f0=[1.0, 2, 3, 4])]), external, 150),
    Case("votes .npy", "counts.npy", arrays(COUNTS), votes, 150),
    Case("samples .parquet", "samples.parquet",
         parquets(["id", "label", "label_name"], [table(id=IDS, label=[0, 1, 0, 1],
                  label_name=["airplane", "bird"] * 2)]), votes_of_samples, 150),
    Case("tables of steps", "t.parquet",
         parquets(["id", "label", "label_name", "score", "authentic"], [SCORES]),
         inputs_of_steps, 150, ("samples.parquet",)),
    Case("faces .zip", "faces.zip", zips(PNG_OR_TEXT) | damaged([FACES]), faces, 250),
    Case("attributes .csv", "list_attr.csv", csvs(["image_id", "Smiling", "Male"],
         st.sampled_from(["a.jpg", "b.png"]) | CELLS), with_attributes, 200),
    Case("attributes .txt", "list_attr.txt", csvs(["2", "Smiling"]), with_attributes, 100),
    Case("identities", "identity.txt", csvs(["a.jpg", "5"]), with_identities, 150),
    Case("CIFAR .parquet", "test.parquet", parquets(["img", "label"], [SPLIT]), cifar, 200),
    Case("CIFAR archive", "cifar.tar.gz",
         tars(pickles(), [BATCH, BATCH, BATCH, *NAMES]), cifar, 250),
    Case("annotators .csv", "raw.csv", csvs(RAW) | damaged([",".join(RAW).encode() + RAW_ROW]),
         lambda f, _: load_raw_votes(f), 150),
    Case("annotators .zip", "raw.zip", zips(csvs(RAW)), lambda f, _: load_raw_votes(f), 60),
    Case("images", "image.png", images(), lambda f, _: decode_image(f.read_bytes(), f.name), 300),
    Case("weights", "weights.pt", weights(dict(STATE)), taken_over, 200),
    Case("checks of content", "file.bin", st.one_of(arrays(NUMBERS), zips(PNG_OR_TEXT),
         tars(st.binary(max_size=30)), csvs(["a.jpg", "1"]), damaged([SPLIT])), every_check, 200),
    Case("own numbers .npz", "z.npz", zips(arrays(NUMBERS)), lambda f, _: read_rows(f), 80),
    Case("own numbers .parquet", "z.parquet", parquets(["id", "v"], [table(id=IDS, v=[[1.0]] * 4)]),
         lambda f, _: read_rows(f), 120),
    Case("own ids", "ids.csv", csvs(["id"]), lambda f, _: read_ids(f), 80),
    Case("own attributes .csv", "t.csv", csvs(["id", "age", "town"]), own_attributes, 150),
    Case("own attributes .parquet", "t.parquet",
         parquets(["id", "age", "town"], [table(id=IDS, age=[1, 2, 3, 4], town=list("abab"))]),
         own_attributes, 100),
    Case("own images .zip", "i.zip", zips(PNG_OR_TEXT) | damaged([FACES]), own_images, 120),
    Case("own images .parquet", "i.parquet", parquets(["img", "id"], [SPLIT]), own_images, 100),
    Case("own images .npy", "i.npy", arrays(np.zeros((3, 8, 8), "u1")), own_images, 100),
    *(
        Case(f"own {ending}", f"z{ending}", made, everything, 20 if ending == ".mat" else 80)
        for ending, made in formats().items()
    ),
    Case("table rows", "t.csv", csvs(["id", "score"]), lambda f, _: table_row(f, 0), 80),
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _little_memory() -> Iterator[None]:
    with little_memory():
        yield


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_file_is_read_or_refused(
    case: Case, tmp_path: Path, record_property: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(tmp_path)
    judge = Judge(work, case.file, case.read, case.also)

    @settings(
        max_examples=case.count * max(TIMES, 1),
        derandomize=not TIMES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case.inputs)
    def try_one(content: bytes) -> None:
        judge(content)

    begun = time.process_time()
    try_one()
    # A strategy that repeats itself, or makes only good files, tests nothing.
    assert len(judge.tried) > DISTINCT * case.count
    assert judge.refused > 0.2 * case.count
    record_property("hostile inputs", len(judge.tried))
    record_property("processor seconds", time.process_time() - begun)


def test_there_are_enough_of_them() -> None:
    assert DISTINCT * sum(case.count for case in CASES) > LEAST


@pytest.mark.parametrize("metadata", PANDAS)
def test_foreign_metadata_of_pandas(tmp_path: Path, metadata: bytes) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(parquet_of([("id", IDS)], {b"pandas": metadata}))
    with suppress(InputError):
        load_table(path)


def test_a_header_of_a_tar_that_would_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "cifar.tar.gz"
    path.write_bytes(archive_bomb(2**28))
    assert path.stat().st_size < 2**19
    with pytest.raises(InputError, match=r"cifar\.tar\.gz: .*header of 268435456 bytes"):
        list(tar_members(path))


def test_a_thin_image_does_not_grow_beyond_bounds(tmp_path: Path) -> None:
    thin = png_of(1, 10**6, 8, 0, 0, bytes(2 * 10**6), b"")
    path = tmp_path / "faces.zip"
    path.write_bytes(zipped([("thin.png", thin)], zipfile.ZIP_DEFLATED))
    with (
        open_faces(path) as archive,
        pytest.raises(InputError, match=r"faces\.zip: image thin\.png: 1 x 1000000 .* too thin"),
    ):
        list(packed_faces(archive, ["thin.png"]))


def test_large_images_in_a_table_of_small_ones_are_not_unpacked(tmp_path: Path) -> None:
    large = {"bytes": png_of(3000, 3000, 8, 2, 0, bytes(3000 * 9001), b""), "path": "x"}
    path = tmp_path / "test.parquet"
    path.write_bytes(table(img=[large] * 40, label=[0] * 40))
    with pytest.raises(InputError, match=r"test\.parquet.*more than 256: refused"):
        cifar(path, tmp_path)


def test_a_pickle_that_asks_for_a_huge_memo_gets_none() -> None:
    data = b"\x80\x02}r" + struct.pack("<I", 2**32 - 1) + b"."
    assert load_batch(data, "batch") == {}


def test_the_words_of_a_file_cannot_forge_a_log() -> None:
    forged = "x\n2026-01-01 INFO all is well\x1b[2J\u202e\udc80" + "y" * 5000
    line = one_line(f"a.zip: {forged!s}: refused; download it again")
    assert line.isprintable()
    assert len(line) < 1100
    assert line.startswith("a.zip: x 2026-01-01 INFO")
    assert line.endswith("refused; download it again")
    assert "\\x1b[2J\\u202e\\udc80" in line


def test_naming_adds_the_file_once() -> None:
    with pytest.raises(InputError, match=r"^a\.zip: broken$"), naming("a.zip"), naming("a.zip"):
        raise InputError("broken")

"""CIFAR-10's two layouts give the same images; damaged and foreign files are refused."""

import hashlib
import io
import json
import pickle
import struct
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torchvision
from PIL import Image

from latent_microscope.data.cifar import (
    CIFAR10_CLASSES,
    first_rows,
    open_split,
    read_archive,
    row_of_id,
    sample_table,
    stack_images,
)
from latent_microscope.errors import InputError

RNG = np.random.default_rng(0)
BATCHES = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
DATA = {name: RNG.integers(0, 256, (12, 3072), dtype=np.uint8) for name in BATCHES}
LABELS = {name: RNG.integers(0, 10, 12).tolist() for name in BATCHES}


def python2_array(data: np.ndarray) -> bytes:
    """An array as Python 2 and its numpy pickled it: the form of the official archive."""
    n, width = data.shape
    return (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        + b"(K\x01"
        + b"J" + struct.pack("<i", n) + b"J" + struct.pack("<i", width) + b"\x86"
        + b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
        + b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        + b"\x89T" + struct.pack("<i", data.nbytes) + data.tobytes() + b"tb"
    )  # fmt: skip


def python2_batch(data: np.ndarray, labels: list[int]) -> bytes:
    numbers = b"".join(b"K" + bytes([label]) for label in labels)
    return (
        b"\x80\x02}(U\x0bbatch_labelU\x04some"
        + b"U\x06labels](" + numbers + b"e"
        + b"U\x04data" + python2_array(data) + b"u."
    )  # fmt: skip


def python3_batch(data: np.ndarray, labels: list[Any]) -> bytes:
    return pickle.dumps({"data": data, "labels": labels}, protocol=2)


def make_archive(path: Path, write: Any = python2_batch, leave_out: str = "") -> str:
    """Write an archive of the official layout; its MD5."""
    meta = pickle.dumps({"label_names": CIFAR10_CLASSES}, protocol=2)
    with tarfile.open(path, "w:gz") as archive:
        for name in ["batches.meta", *reversed(BATCHES)]:
            content = meta if name == "batches.meta" else write(DATA[name], LABELS[name])
            if name != leave_out:
                info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return hashlib.md5(path.read_bytes()).hexdigest()


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return buffer.getvalue()


def make_parquet(
    path: Path,
    images: np.ndarray,
    labels: Any,
    *,
    column: str = "img",
    classes: list[str] | None = None,
) -> Path:
    cells = [{"bytes": png(image), "path": "x.png"} for image in images]
    table = pa.table({column: cells, "label": pa.array(labels)})
    if classes:
        info = {"info": {"features": {"label": {"names": classes}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
    pq.write_table(table, path, row_group_size=5)
    return path


def images_of(split: str) -> np.ndarray:
    names = BATCHES[:5] if split == "train" else BATCHES[5:]
    flat = np.concatenate([DATA[n] for n in names])
    return flat.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


def labels_of(split: str) -> list[int]:
    names = BATCHES[:5] if split == "train" else BATCHES[5:]
    return [label for n in names for label in LABELS[n]]


def all_images(split: Any) -> np.ndarray:
    return np.stack(list(split.images(np.arange(len(split.labels)))))


@pytest.mark.parametrize("write", [python2_batch, python3_batch])
@pytest.mark.parametrize("split", ["train", "test"])
def test_the_official_archive(tmp_path: Path, write: Any, split: str) -> None:
    path = tmp_path / "cifar-10-python.tar.gz"
    found = open_split([path], split, archive_md5=make_archive(path, write))
    assert np.array_equal(all_images(found), images_of(split))
    assert found.labels.tolist() == labels_of(split)
    assert found.classes == CIFAR10_CLASSES


def test_the_archive_reads_as_torchvision_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cifar-10-python.tar.gz"
    md5 = make_archive(path)
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path, filter="data")
    base = tmp_path / "cifar-10-batches-py"
    sums = {p.name: hashlib.md5(p.read_bytes()).hexdigest() for p in base.iterdir()}
    dataset = torchvision.datasets.CIFAR10
    monkeypatch.setattr(dataset, "train_list", [[n, sums[n]] for n in BATCHES[:5]])
    monkeypatch.setattr(dataset, "test_list", [[n, sums[n]] for n in BATCHES[5:]])
    meta = {"filename": "batches.meta", "key": "label_names", "md5": sums["batches.meta"]}
    monkeypatch.setattr(dataset, "meta", meta)
    for split in ("train", "test"):
        reference = dataset(tmp_path, train=split == "train")
        ours = read_archive(path, split, md5=md5)
        assert np.array_equal(ours.array, reference.data)
        assert ours.labels.tolist() == reference.targets
        assert ours.classes == reference.classes


def test_the_checksum_of_the_archive_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(b"not even an archive")
    with pytest.raises(InputError, match="c58f30108f718f92721af3b95e74349a"):
        open_split([path], "test")
    with pytest.raises(InputError, match=r"cifar-10-python\.tar\.gz"):
        open_split([path], "test", archive_md5=None)


def test_an_archive_without_a_batch(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    md5 = make_archive(path, leave_out="data_batch_3")
    with pytest.raises(InputError, match="data_batch_3"):
        read_archive(path, "train", md5=md5)
    assert len(read_archive(path, "test", md5=md5).labels) == 12


@pytest.mark.parametrize(
    "write",
    [
        lambda data, labels: python3_batch(data, labels[:-1]),
        lambda data, labels: python3_batch(data[:, :-1], labels),
        lambda data, labels: python3_batch(data, [str(x) for x in labels]),
        lambda data, labels: pickle.dumps({"labels": labels}, protocol=2),
    ],
)
def test_batches_of_another_form(tmp_path: Path, write: Any) -> None:
    path = tmp_path / "a.tar.gz"
    make_archive(path, write)
    with pytest.raises(InputError, match="test_batch"):
        read_archive(path, "test", md5=None)


@pytest.mark.parametrize("column", ["img", "image"])
def test_parquet_in_parts(tmp_path: Path, column: str) -> None:
    images, labels = images_of("train"), labels_of("train")
    parts = [
        make_parquet(tmp_path / f"{k}.parquet", images[rows], labels[rows], column=column)
        for k, rows in enumerate((slice(0, 17), slice(17, 60)))
    ]
    split = open_split(parts, "train")
    assert split.labels.tolist() == labels
    assert split.classes is None
    assert np.array_equal(all_images(split), images)
    rows = np.array([3, 16, 17, 40])
    assert np.array_equal(np.stack(list(split.images(rows))), images[rows])


def test_class_names_come_from_the_file(tmp_path: Path) -> None:
    path = make_parquet(
        tmp_path / "a.parquet", images_of("test"), labels_of("test"), classes=list("abcdefghij")
    )
    assert open_split([path], "test").classes == list("abcdefghij")


def test_parquet_lacking_a_column(tmp_path: Path) -> None:
    images, labels = images_of("test"), labels_of("test")
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"label": labels}), path)
    with pytest.raises(InputError, match=r"'img'.*\['label'\]"):
        open_split([path], "test")
    pq.write_table(pa.table({"img": [{"bytes": png(i)} for i in images]}), path)
    with pytest.raises(InputError, match=r"'label'.*\['img'\]"):
        open_split([path], "test")
    pq.write_table(pa.table({"img": labels, "label": labels}), path)
    with pytest.raises(InputError, match=r"'img'.*'bytes'"):
        open_split([path], "test")


def test_parquet_with_bad_cells(tmp_path: Path) -> None:
    images, labels = images_of("test"), labels_of("test")
    with pytest.raises(InputError, match="'label'"):
        open_split([make_parquet(tmp_path / "n.parquet", images, [None, *labels[1:]])], "test")
    with pytest.raises(InputError, match="'label'"):
        open_split([make_parquet(tmp_path / "f.parquet", images, [0.5] * 12)], "test")
    path = tmp_path / "b.parquet"
    cells: list[dict[str, Any]] = [{"bytes": png(i)} for i in images]
    cells[4] = {"bytes": png(images[4])[:60]}
    pq.write_table(pa.table({"img": cells, "label": labels}), path)
    with pytest.raises(InputError, match=r"b\.parquet row 4"):
        all_images(open_split([path], "test"))
    cells[4] = {"bytes": None}
    pq.write_table(pa.table({"img": cells, "label": labels}), path)
    with pytest.raises(InputError, match="row 4"):
        all_images(open_split([path], "test"))


def test_truncated_and_missing_parquet(tmp_path: Path) -> None:
    path = make_parquet(tmp_path / "a.parquet", images_of("test"), labels_of("test"))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"a\.parquet"):
        open_split([path], "test")
    with pytest.raises(InputError, match=r"none\.parquet"):
        open_split([tmp_path / "none.parquet"], "test")


def test_a_damaged_page_is_an_input_error(tmp_path: Path) -> None:
    path = make_parquet(tmp_path / "a.parquet", images_of("test"), labels_of("test"))
    data = bytearray(path.read_bytes())
    data[4:2000] = bytes(1996)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.parquet"):
        all_images(open_split([path], "test"))


def test_sources_that_make_no_sense(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="test: "):
        open_split([], "test")
    with pytest.raises(InputError, match=r"a\.tar\.gz.*b\.parquet"):
        open_split([tmp_path / "a.tar.gz", tmp_path / "b.parquet"], "test")
    with pytest.raises(InputError, match="'valid'"):
        open_split([tmp_path / "a.tar.gz"], "valid")


def test_subsets() -> None:
    labels = np.array([0, 0, 0, 1, 2, 1, 2, 2, 1, 0])
    assert first_rows(labels, None).tolist() == list(range(10))
    assert first_rows(labels, 99).tolist() == list(range(10))
    assert first_rows(labels, 4).tolist() == [0, 1, 2, 3]
    with pytest.raises(InputError, match="subset 0"):
        first_rows(labels, 0)


def test_ids_name_rows_of_the_whole_file() -> None:
    labels = np.array([0, 1, 2, 1])
    table = sample_table("test", np.array([1, 3]), labels, ["a", "b", "c"])
    assert table["id"].tolist() == ["test-00001", "test-00003"]
    assert table["label_name"].tolist() == ["b", "b"]
    assert [row_of_id(i) for i in table["id"]] == [1, 3]
    for wrong in ("test", "test-", "test-x", "00001"):
        with pytest.raises(InputError, match=f"{wrong!r}"):
            row_of_id(wrong)
    for bad in (3, -1):
        with pytest.raises(InputError, match=f"row 2 .*{bad}"):
            sample_table("test", np.array([0]), np.array([0, 1, bad]), ["a", "b", "c"])


def test_an_image_of_another_size_is_named() -> None:
    out = np.zeros((2, 4, 4, 3), dtype=np.uint8)
    images = iter([np.ones((4, 4, 3), dtype=np.uint8), np.ones((4, 5, 3), dtype=np.uint8)])
    with pytest.raises(InputError, match=r"test-7 .*5 x 4 "):
        stack_images(images, out, ["test-6", "test-7"])

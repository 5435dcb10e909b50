"""CIFAR-10 and data sets of its shape: Parquet (Hugging Face layout) and the official archive."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from latent_microscope.data.archives import tar_members
from latent_microscope.data.decoding import decode_image
from latent_microscope.data.images import (
    Encoded,
    has_image_struct,
    map_in_order,
    parquet_images,
    parquet_schema,
    reading_parquet,
)
from latent_microscope.data.unpickle import load_batch
from latent_microscope.errors import InputError

CIFAR10_CLASSES = [
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
]
CIFAR10_MD5 = "c58f30108f718f92721af3b95e74349a"
_ARCHIVE_ENDINGS = (".tar.gz", ".tgz", ".tar")
_BATCHES = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}
_IMAGE_COLUMNS = ("img", "image")
MAX_PIXELS = 512 * 512


class Split(Protocol):
    """One split: labels in memory, images on demand."""

    labels: npt.NDArray[np.int64]
    classes: list[str] | None

    def images(self, rows: npt.NDArray[np.int64], max_pixels: int = ...) -> Iterator[np.ndarray]:
        """uint8 (H, W, 3) of each row, in the order of ``rows`` (ascending).

        An image that declares more pixels than ``max_pixels`` is refused before it is unpacked.
        """


def open_split(
    sources: Sequence[Path], split: str, *, archive_md5: str | None = CIFAR10_MD5
) -> Split:
    """Open the split ``train`` or ``test``: its Parquet files in order, or the official archive.

    The archive must have the MD5, unless None (it is read safely anyway).
    """
    if split not in _BATCHES:
        raise InputError(f"split {split!r} is neither train nor test")
    archives = [path for path in sources if path.name.endswith(_ARCHIVE_ENDINGS)]
    if not archives and sources:
        return ParquetSplit(list(sources))
    if len(sources) != 1:
        raise InputError(
            f"{split}: give Parquet files, or one archive ({', '.join(_ARCHIVE_ENDINGS)}); "
            f"not {[str(p) for p in sources]}"
        )
    return read_archive(archives[0], split, md5=archive_md5)


@dataclass
class ArraySplit:
    """A split in memory (the official archive)."""

    array: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    classes: list[str] | None

    def images(
        self, rows: npt.NDArray[np.int64], max_pixels: int = MAX_PIXELS
    ) -> Iterator[np.ndarray]:
        """uint8 (H, W, 3) of each row."""
        yield from (self.array[row] for row in rows)


class ParquetSplit:
    """A split in Parquet files: a column ``img`` or ``image`` {bytes, path} and ``label``."""

    def __init__(self, paths: list[Path]) -> None:
        found = [(path, *parquet_schema(path)) for path in paths]
        self._files = [(path, _image_column(path, schema), count) for path, schema, count in found]
        self.classes = next(filter(None, (_class_names(schema) for _, schema, _ in found)), None)
        self.labels = np.concatenate([_labels(path) for path in paths])

    def images(
        self, rows: npt.NDArray[np.int64], max_pixels: int = MAX_PIXELS
    ) -> Iterator[np.ndarray]:
        """uint8 (H, W, 3) of each row; only these rows are decoded."""
        # Hundreds are in memory at once; no encoding needs more than this for so many pixels.
        encoded = self._encoded(rows, max_bytes=2**16 + 8 * max_pixels)
        return map_in_order(
            lambda item: np.asarray(decode_image(item[1](), item[0], max_pixels)), encoded
        )

    def _encoded(
        self, rows: npt.NDArray[np.int64], max_bytes: int
    ) -> Iterator[Encoded]:
        start = 0
        for path, column, count in self._files:
            inside = rows[(rows >= start) & (rows < start + count)] - start
            yield from parquet_images(path, column, inside, max_bytes)
            start += count


def _image_column(path: Path, schema: pa.Schema) -> str:
    name = next((name for name in _IMAGE_COLUMNS if name in schema.names), None)
    if name is None:
        raise InputError(f"{path}: the column 'img' (or 'image') is missing among {schema.names}")
    if not has_image_struct(schema.field(name).type):
        raise InputError(f"{path}: the column {name!r} must be a struct with 'bytes'")
    if "label" not in schema.names:
        raise InputError(f"{path}: the column 'label' is missing among {schema.names}")
    return name


def _labels(path: Path) -> npt.NDArray[np.int64]:
    with reading_parquet(path):
        column = pq.read_table(path, columns=["label"])["label"]
    if column.null_count or not pa.types.is_integer(column.type):
        raise InputError(f"{path}: the column 'label' must hold a whole number in each row")
    return column.to_numpy().astype(np.int64)


def _class_names(schema: pa.Schema) -> list[str] | None:
    """Names from the ``huggingface`` metadata of a file, None without them."""
    metadata = (schema.metadata or {}).get(b"huggingface")
    if metadata is None:
        return None
    try:
        names = json.loads(metadata)["info"]["features"]["label"]["names"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    good = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return names if good and len(set(names)) == len(names) else None


def read_archive(path: Path, split: str, *, md5: str | None = CIFAR10_MD5) -> ArraySplit:
    """Read one split (``train``: data_batch_1 to 5, or ``test``) of ``cifar-10-python.tar.gz``.

    The MD5, unless None, is checked before anything is read, and the pickles inside are read
    without running them (:mod:`latent_microscope.data.unpickle`).
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if md5 is not None:
        with path.open("rb") as handle:
            digest = hashlib.file_digest(handle, "md5").hexdigest()
        if digest != md5:
            raise InputError(f"{path}: its MD5 is {digest}, not {md5}; download it again")
    folder = "cifar-10-batches-py/"
    wanted = [folder + name for name in _BATCHES[split]]
    batches: dict[str, dict[str, Any]] = {}
    for name, data in tar_members(path):
        if name in (*wanted, folder + "batches.meta"):
            batches[name] = load_batch(data, f"{path}: {name}")
    missing = [name for name in wanted if name not in batches]
    if missing:
        raise InputError(f"{path}: {missing[0]} is missing; download it again")
    pairs = [_batch_arrays(batches[name], f"{path}: {name}") for name in wanted]
    classes = batches.get(folder + "batches.meta", {}).get("label_names")
    return ArraySplit(
        np.concatenate([images for images, _ in pairs]),
        np.concatenate([labels for _, labels in pairs]),
        [str(c) for c in classes] if isinstance(classes, list) else None,
    )


def _batch_arrays(batch: dict[str, Any], name: str) -> tuple[np.ndarray, np.ndarray]:
    data, labels = batch.get("data"), batch.get("labels")
    if (
        not isinstance(data, np.ndarray)
        or data.dtype != np.uint8
        or data.ndim != 2
        or data.shape[1] != 3 * 32 * 32
        or not isinstance(labels, list)
        or not all(isinstance(label, int) and 0 <= label < 2**31 for label in labels)
        or len(labels) != len(data)
    ):
        raise InputError(f"{name}: must hold uint8 data (n, 3072) and n labels")
    images = data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), np.array(labels, dtype=np.int64)


def first_rows(labels: npt.NDArray[np.int64], subset: int | None) -> npt.NDArray[np.int64]:
    """Rows of a subset, the first so many, of a split with these labels (n,); None: all."""
    if subset is not None and subset < 1:
        raise InputError(f"subset {subset}: must be at least 1")
    return np.arange(len(labels))[:subset]


def sample_table(
    split: str, rows: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], classes: list[str]
) -> pd.DataFrame:
    """The table of a split: id (``test-02405``: row of the whole file), label, label_name."""
    outside = (labels < 0) | (labels >= len(classes))
    if outside.any():
        row = int(np.argmax(outside))
        raise InputError(
            f"{split}: row {row} has the label {labels[row]}, there are {len(classes)} classes"
        )
    return pd.DataFrame(
        {
            "id": [f"{split}-{row:05d}" for row in rows],
            "label": labels[rows],
            "label_name": [classes[label] for label in labels[rows]],
        }
    )


def row_of_id(image_id: str) -> int:
    """Row of the whole file that an id names: ``test-02405`` → 2405."""
    head, _, number = str(image_id).rpartition("-")
    if not head or not re.fullmatch("[0-9]{1,15}", number):
        raise InputError(f"the id {image_id!r} is not of the form 'test-00000'")
    return int(number)


def stack_images(images: Iterator[np.ndarray], out: np.ndarray, ids: Sequence[str]) -> None:
    """Fill ``out`` (n, H, W, 3) uint8 with the images; all must have this size."""
    for row, image in enumerate(images):
        if image.shape != out.shape[1:]:
            raise InputError(
                f"image {ids[row]} is {image.shape[1]} x {image.shape[0]} pixels, "
                f"the others {out.shape[2]} x {out.shape[1]}"
            )
        out[row] = image

"""Parquet for Embedding Atlas, which shows millions of samples.

https://apple.github.io/embedding-atlas/tool.html
"""

import io
import shlex
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from latent_microscope.explorer.columns import Column
from latent_microscope.exports.study import BLOCK, Samples
from latent_microscope.io.artefacts import atomic

_OWN = ("id", "x", "y", "neighbors", "image")


def write(samples: Samples, path: Path) -> str:
    """Write one row per sample; returns the command that opens the file.

    ``id``, ``x`` and ``y``, ``neighbors`` (``ids``: rows from 0, ``distances`` in standard
    deviations), ``image`` (``bytes``: JPEG; only where images are shown), then scores, clusters,
    labels and attributes.
    """
    with atomic(path) as temporary:
        writer = None
        for start in range(0, len(samples.ids), BLOCK):
            table = pa.table(_block(samples, slice(start, start + BLOCK)))
            writer = writer or pq.ParquetWriter(temporary, table.schema, compression="zstd")
            writer.write_table(table)
        assert writer is not None
        writer.close()
    words = ["embedding-atlas", str(path), "--x", "x", "--y", "y", "--neighbors", "neighbors"]
    return shlex.join([*words, *(["--image", "image"] if samples.images is not None else [])])


def _block(samples: Samples, rows: slice) -> dict[str, pa.Array]:
    layout = samples.layout
    plane = np.asarray(layout.plane[rows], dtype=np.float32)
    near = [_lists(part[rows]) for part in (layout.neighbours, samples.distances)]
    found = {
        "id": pa.array(samples.ids[rows], pa.string()),
        "x": pa.array(plane[:, 0]),
        "y": pa.array(plane[:, 1]),
        "neighbors": pa.StructArray.from_arrays(near, ["ids", "distances"]),
    }
    if samples.images is not None:
        encoded = pa.array([_jpeg(image) for image in samples.images[rows]], pa.binary())
        found["image"] = pa.StructArray.from_arrays([encoded], ["bytes"])
    for name, column in samples.columns.items():
        found[f"{name}_" if name in _OWN else name] = _values(column, rows)
    return found


def _lists(values: np.ndarray) -> pa.ListArray:
    offsets = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
    return pa.ListArray.from_arrays(offsets, values.ravel())


def _values(column: Column, rows: slice) -> pa.Array:
    values = column.values[rows]
    if column.levels is None:
        return pa.array(values, from_pandas=True)  # NaN: no value
    return pa.array(np.array(column.levels, dtype=object)[values], pa.string())


def _jpeg(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    pixels = image.squeeze(-1) if image.shape[-1] == 1 else image
    Image.fromarray(pixels).save(stream, "JPEG", quality=90)
    return stream.getvalue()

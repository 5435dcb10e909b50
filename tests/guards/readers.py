"""Artefacts as named parts (an array, a tensor, a column, the whole file), and their digests.

Nothing of the library is imported: its own readers and writers are among what is guarded.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

WHOLE = "file"
DIGITS = 32
"""Hexadecimal digits kept of a SHA-256: 128 bits."""
MASKED = {
    "report.html": (
        (r"code <code>[0-9a-f]{16}</code>", "hash of the step's code"),
        (r"(python scripts/trace\.py|latent-microscope trace)", "the command of its provenance"),
        (r"<dt>Machine</dt><dd>[^<]*</dd>", "cores and memory of the machine"),
        (r"<dt>Libraries</dt><dd>[^<]*</dd>", "versions of libraries, more than decide numbers"),
    ),
}
"""File name → what of it is not compared, and why."""


def read(path: Path) -> dict[str, Any]:
    """The parts of an artefact: arrays, lists of a column's values with its type, bytes."""
    reader = {".npy": _array, ".pt": _tensors, ".parquet": _columns, ".csv": _cells}
    return reader.get(path.suffix, _file)(path)


def _array(path: Path) -> dict[str, Any]:
    return {"array": np.load(path, allow_pickle=False)}


def _tensors(path: Path) -> dict[str, Any]:
    import torch  # seconds

    content = torch.load(path, map_location="cpu", weights_only=True)
    return dict(_flat(content, torch.Tensor))


def _flat(content: Any, tensor: type, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield from _flat(value, tensor, f"{name}.{key}" if name else str(key))
    elif isinstance(content, tensor):
        yield name, content.contiguous().numpy()  # type: ignore[attr-defined]
    else:
        yield name, (type(content).__name__, [content])


def _columns(path: Path) -> dict[str, Any]:
    table: pa.Table = pq.read_table(path)
    return {
        name: (str(column.type), column.to_pylist())
        for name, column in zip(table.column_names, table.columns, strict=True)
    }


def _cells(path: Path) -> dict[str, Any]:
    """Columns as text, as they stand in the file."""
    head, *rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline=""))
    return {name: ("text", [row[number] for row in rows]) for number, name in enumerate(head)}


def _file(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    for pattern, _ in MASKED.get(path.name, ()):
        content, count = re.subn(pattern.encode(), b"(masked)", content)
        assert count, f"{path}: nothing to mask like {pattern}"
    return {WHOLE: content}


def digest(value: Any) -> list[str]:
    """Type and SHA-256 of a part: the same for the same values, NaN and None told apart."""
    if isinstance(value, bytes):
        return ["bytes", _sha256(value)]
    if isinstance(value, np.ndarray):
        little = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
        return [f"{little.dtype} {list(value.shape)}", _sha256(little.tobytes())]
    kind, values = value
    return [f"{kind} [{len(values)}]", _sha256(json.dumps(values, default=str).encode())]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGITS]


def relative_difference(old: Any, new: Any) -> float | None:
    """The largest one between two parts; None where they are not numbers of one shape."""
    try:
        one, two = (np.asarray(_numbers(value), dtype=float) for value in (old, new))
    except (TypeError, ValueError):
        return None
    if one.shape != two.shape or not np.array_equal(np.isnan(one), np.isnan(two)):
        return None
    apart = np.abs(one - two)[one != two]
    size = np.maximum(np.abs(one), np.abs(two))[one != two]
    return float(np.nanmax(apart / size, initial=0.0))


def _numbers(value: Any) -> Any:
    if isinstance(value, tuple):
        _, values = value
        return [float("nan") if v in (None, "") else v for v in values]
    if isinstance(value, np.ndarray):
        return value
    raise TypeError("no numbers")

"""Checks of a file's content, for files whose checksum is not known, and beside it.

A check is a dict of the manifest with a ``kind`` and the facts to hold: rows, shapes, label counts
and, for images whose encoding may differ from copy to copy, a digest of the decoded pixels.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from latent_microscope.io.artefacts import load_npy
from latent_microscope.data.archives import open_zip, read_zip_member, tar_members, zip_members
from latent_microscope.data.cifar import ParquetSplit
from latent_microscope.data.faces import count_archive, parse_identities
from latent_microscope.errors import InputError


def check_content(path: Path, check: dict[str, Any], label: str) -> None:
    """Compare a file with the facts of the manifest.

    Args:
        path: The file (its name may be temporary).
        check: ``kind`` and the facts.
        label: ``dataset/name``, for the message.

    Raises:
        InputError: A fact differs, or the file cannot be read at all.
    """
    facts = dict(check)
    found = _KINDS[facts.pop("kind")](path, facts)
    for name, expected in facts.items():
        if found.get(name) != expected:
            raise InputError(
                f"{label}: its {name} is {found.get(name)!r}, the manifest says {expected!r}: "
                "another version or a damaged file"
            )


def _parquet(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    split = ParquetSplit([path])
    found: dict[str, Any] = {
        "rows": len(split.labels),
        "label_counts": np.bincount(np.maximum(split.labels, 0)).tolist(),
    }
    if "pixels_sha256" in facts or "pixels_sha256_any_order" in facts:
        rows = np.arange(len(split.labels), dtype=np.int64)
        digests = [
            hashlib.sha256(bytes([label]) + image.tobytes()).digest()
            for label, image in zip(split.labels.tolist(), split.images(rows), strict=True)
        ]
        found["pixels_sha256"] = hashlib.sha256(b"".join(digests)).hexdigest()
        found["pixels_sha256_any_order"] = hashlib.sha256(b"".join(sorted(digests))).hexdigest()
    return found


def _npy(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    array = load_npy(path)
    found: dict[str, Any] = {"shape": list(array.shape), "dtype": str(array.dtype)}
    if "total" in facts:
        found["total"] = array.sum().item()
    return found


def _npz(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    with open_zip(path) as archive:
        names = sorted(info.filename.removesuffix(".npy") for info in zip_members(archive))
    return {"arrays": names}


def _faces(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    return dict(count_archive(path))


def _identities(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    identities = parse_identities(path)
    return {"rows": len(identities), "people": len(set(identities.values()))}


def _tar(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    return {"members": sorted(name for name, _ in tar_members(path))}


def _torch_weights(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """The shell of a state dict: a whole zip with one pickle in it, which is not read here."""
    with open_zip(path) as archive:
        members = zip_members(archive)
        for info in members:
            read_zip_member(archive, info)
        return {"pickles": sum(info.filename.endswith(".pkl") for info in members)}


def _csv_zip(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    with open_zip(path) as archive:
        names = [info.filename for info in zip_members(archive)]
        return {"members": sorted(n for n in names if not n.startswith("__MACOSX"))}


_KINDS: dict[str, Callable[[Path, dict[str, Any]], dict[str, Any]]] = {
    "parquet": _parquet,
    "npy": _npy,
    "npz": _npz,
    "faces": _faces,
    "identities": _identities,
    "tar": _tar,
    "zip": _csv_zip,
    "weights": _torch_weights,
}

"""Checks of a file's content, for files whose checksum is not known, and beside it.

A check is a dict of the manifest with a ``kind`` and the facts to hold: rows, shapes, label counts
and, for images whose encoding may differ from copy to copy, a digest of the decoded pixels.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from latent_microscope.data.archives import open_zip, read_zip_member, tar_members, zip_members
from latent_microscope.data.cifar import ParquetSplit
from latent_microscope.data.faces import count_archive, parse_identities
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy


def check_content(path: Path, check: dict[str, Any], label: str) -> None:
    """Compare a file with the facts of the manifest; ``label`` names it in messages."""
    facts = dict(check)
    measured = _KINDS[facts.pop("kind")](path, facts)
    for name, expected in facts.items():
        if measured.get(name) != expected:
            raise InputError(
                f"{label}: its {name} is {measured.get(name)!r}, the manifest says {expected!r}: "
                "another version or a damaged file"
            )


def _parquet(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    split = ParquetSplit([path])
    measured: dict[str, Any] = {
        "rows": len(split.labels),
        "label_counts": np.bincount(np.maximum(split.labels, 0)).tolist(),
    }
    if "pixels_sha256" in facts or "pixels_sha256_any_order" in facts:
        images = split.images(np.arange(len(split.labels), dtype=np.int64))
        digests = [
            hashlib.sha256(bytes([label]) + image.tobytes()).digest()
            for label, image in zip(split.labels.tolist(), images, strict=True)
        ]
        measured["pixels_sha256"] = hashlib.sha256(b"".join(digests)).hexdigest()
        measured["pixels_sha256_any_order"] = hashlib.sha256(b"".join(sorted(digests))).hexdigest()
    return measured


def _npy(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    array = load_npy(path)
    total = {"total": array.sum().item()} if "total" in facts else {}
    return {"shape": list(array.shape), "dtype": str(array.dtype), **total}


def _npz(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    return {"arrays": sorted(name.removesuffix(".npy") for name in _names(path))}


def _identities(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    identities = parse_identities(path)
    return {"rows": len(identities), "people": len(set(identities.values()))}


def _torch_weights(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """The shell of a state dict: a whole zip with one pickle in it, which is not read here."""
    with open_zip(path) as archive:
        for info in zip_members(archive):
            read_zip_member(archive, info)
    return {"pickles": sum(name.endswith(".pkl") for name in _names(path))}


def _names(path: Path) -> list[str]:
    with open_zip(path) as archive:
        return [info.filename for info in zip_members(archive)]


_KINDS: dict[str, Callable[[Path, dict[str, Any]], dict[str, Any]]] = {
    "parquet": _parquet,
    "npy": _npy,
    "npz": _npz,
    "faces": lambda path, _: dict(count_archive(path)),
    "identities": _identities,
    "tar": lambda path, _: {"members": sorted(name for name, _ in tar_members(path))},
    "zip": lambda path, _: {"members": sorted(n for n in _names(path) if n[:8] != "__MACOSX")},
    "weights": _torch_weights,
}

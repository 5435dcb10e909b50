"""Trainings that are not repeated: the same code, parameters, inputs and libraries as last time.

Snakemake deletes the outputs of a job before it starts, and starts it when a job before it ran,
also where that wrote the same bytes again. So a finished training keeps hard links to its outputs
beside them, which take no space, and puts them back instead of training for hours.
"""

import hashlib
import importlib.metadata
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_json, save_json
from latent_microscope.provenance.sidecars import read_sidecar, sha256_file, sidecar_path

_FOLDER = ".finished"
_RECORD = "record.json"


def _folder(outputs: Sequence[Path]) -> Path:
    return outputs[0].parent / _FOLDER / outputs[0].stem


def _key(
    facts: Mapping[str, Any], inputs: Mapping[str, Sequence[Path]], outputs: Sequence[Path]
) -> str:
    content = {name: [sha256_file(path) for path in paths] for name, paths in inputs.items()}
    text = json.dumps(
        [facts, content, [path.name for path in outputs]], default=str, sort_keys=True
    )
    return hashlib.sha256(text.encode()).hexdigest()


def keep(
    facts: Mapping[str, Any], inputs: Mapping[str, Sequence[Path]], outputs: Sequence[Path]
) -> None:
    """Keep the outputs of a finished step, which have their sidecars.

    Args:
        facts: What the job knows: step, code, params, ….
        inputs: Its files by argument.
        outputs: What it wrote.
    """
    folder, sidecars = _folder(outputs), [read_sidecar(path) for path in outputs]
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
        for number, path in enumerate(outputs):
            os.link(path, folder / str(number))
    except OSError:  # a file system without hard links
        shutil.rmtree(folder, ignore_errors=True)
        return
    save_json(folder / _RECORD, {"key": _key(facts, inputs, outputs), "sidecars": sidecars})


def put_back(
    facts: Mapping[str, Any], inputs: Mapping[str, Sequence[Path]], outputs: Sequence[Path]
) -> bool:
    """Whether the outputs of just this step were kept and are in their places now.

    Arguments as of :func:`keep`. What is kept but does not fit its hash is of no use.
    """
    folder = _folder(outputs)
    try:
        record = load_json(folder / _RECORD)
    except InputError:
        return False
    sidecars = record["sidecars"]
    kept = [folder / str(number) for number in range(len(outputs))]
    if record["key"] != _key(facts, inputs, outputs) or not _same_libraries(sidecars[0]):
        return False
    if not all(
        path.is_file() and sha256_file(path) == sidecar["sha256"]
        for path, sidecar in zip(kept, sidecars, strict=True)
    ):
        return False
    try:
        for path, source, sidecar in zip(outputs, kept, sidecars, strict=True):
            os.utime(source)  # as new as if it were written now
            path.unlink(missing_ok=True)
            os.link(source, path)
            save_json(sidecar_path(path), sidecar)
    except OSError:  # files of another user
        return False
    return True


def _same_libraries(sidecar: Mapping[str, Any]) -> bool:
    for name, version in sidecar["libraries"].items():
        with suppress(importlib.metadata.PackageNotFoundError):
            if importlib.metadata.version(name) == version:
                continue
        return False
    return True

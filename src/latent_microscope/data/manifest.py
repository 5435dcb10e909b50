"""The data manifest ``config/datasets.yaml``: where each file comes from and how it is checked."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema

from latent_microscope.errors import InputError
from latent_microscope.io.yaml_files import load_yaml
from latent_microscope.project import asset

SCHEMA = "workflow/schemas/datasets.schema.yaml"


@dataclass(frozen=True)
class KaggleSource:
    """A data set on Kaggle, fetched by its official client.

    Attributes:
        dataset: ``owner/name``.
        file: One file of it; None takes the whole data set as one zip.
    """

    dataset: str
    file: str | None = None


@dataclass(frozen=True)
class ManifestFile:
    """One file of one variant of a data set.

    Attributes:
        dataset: Name of the manifest entry.
        role: What the file is to a study (archive, identities, train, test, counts …).
        name: File name under ``data/{dataset}/``.
        url: Where HTTP gets it; None if it is only in a mirror, on Kaggle or generated.
        sha256: Checksum of the distributor's file, None if it is not known yet.
        md5: Checksum published by the distributor, where that is what there is.
        bytes: Size, where known.
        mirror: Path relative to the mirror folder, None if it is not looked for there.
        kaggle: Source on Kaggle.
        check: Facts about the content (see :mod:`latent_microscope.data.content_checks`).
        generated: The workflow makes the file itself.
    """

    dataset: str
    name: str
    role: str
    url: str | None = None
    sha256: str | None = None
    md5: str | None = None
    bytes: int | None = None
    mirror: str | None = None
    kaggle: KaggleSource | None = None
    check: dict[str, Any] | None = None
    generated: bool = False

    @property
    def label(self) -> str:
        """``dataset/name``, for messages."""
        return f"{self.dataset}/{self.name}"


@dataclass(frozen=True)
class Dataset:
    """One variant of a data set, with its files by name.

    ``reader`` is the function (``module:function``) that reads its layout; empty: the usual one.
    """

    name: str
    description: str
    version: str
    licence: str
    homepage: str | None = None
    reader: str = ""
    files: dict[str, ManifestFile] = field(default_factory=dict)


def load_manifest(path: Path, schema: Path | None = None) -> dict[str, Dataset]:
    """Read and validate the manifest.

    Args:
        path: ``config/datasets.yaml``.
        schema: The JSON schema that it must obey; default: the project's.

    Returns:
        The data sets by name, in the file's order.

    Raises:
        InputError: Missing, not YAML, or against the schema; the message names the key.
    """
    content = load_yaml(path)
    validator = jsonschema.Draft202012Validator(load_yaml(schema or asset(SCHEMA)))
    errors = sorted(validator.iter_errors(content), key=lambda e: [str(p) for p in e.absolute_path])
    if errors:
        error = _most_telling(errors[0])
        key = ".".join(str(p) for p in error.absolute_path) or "(top level)"
        comment = error.schema.get("$comment") if isinstance(error.schema, dict) else None
        raise InputError(f"{path}: {key}: {comment or error.message}")
    return {name: _dataset(name, entry) for name, entry in content["datasets"].items()}


def _most_telling(error: jsonschema.ValidationError) -> jsonschema.ValidationError:
    """For a check, the error in the branch of its own kind, not that no branch fits."""
    if error.validator != "oneOf":
        return error
    branches: dict[Any, list[jsonschema.ValidationError]] = {}
    for cause in error.context:
        branches.setdefault(cause.schema_path[0], []).append(cause)
    for causes in branches.values():
        if not any(list(cause.path) == ["kind"] for cause in causes):
            return causes[0]
    return error


def find_file(manifest: dict[str, Dataset], dataset: str, name: str) -> ManifestFile:
    """The manifest's entry of one file.

    Raises:
        InputError: No such data set, or no such file in it; the message lists what there is.
    """
    if dataset not in manifest:
        raise InputError(f"no data set {dataset!r} in the manifest; it has {', '.join(manifest)}")
    files = manifest[dataset].files
    if name not in files:
        raise InputError(f"data set {dataset!r} has no file {name!r}; it has {', '.join(files)}")
    return files[name]


def entry_as_params(file: ManifestFile) -> dict[str, Any]:
    """What identifies a file's content, as a plain dict for the params of a rule.

    A rule that carries this as a param (and the manifest as an ``ancient`` input) downloads again
    when this entry changes and not when another one does.
    """
    return json.loads(
        json.dumps({"url": file.url, "sha256": file.sha256, "md5": file.md5, "check": file.check})
    )


def _dataset(name: str, entry: dict[str, Any]) -> Dataset:
    files = {}
    for file_name, options in entry["files"].items():
        options = dict(options)
        kaggle = options.pop("kaggle", None)
        files[file_name] = ManifestFile(
            dataset=name,
            name=file_name,
            kaggle=KaggleSource(**kaggle) if kaggle else None,
            **options,
        )
    return Dataset(
        name=name,
        description=entry["description"],
        version=str(entry["version"]),
        licence=entry["licence"],
        homepage=entry.get("homepage"),
        reader=entry.get("reader", ""),
        files=files,
    )

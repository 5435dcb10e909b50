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
    """A data set on Kaggle, fetched by its official client."""

    dataset: str  # owner/name
    file: str | None = None  # one file of it; None: the whole data set as one zip


@dataclass(frozen=True)
class ManifestFile:
    """One file of one variant of a data set."""

    dataset: str
    name: str
    role: str  # what it is to a study: archive, identities, train, test, counts …
    url: str | None = None
    sha256: str | None = None  # None: not known yet
    md5: str | None = None  # as published by the distributor
    bytes: int | None = None
    mirror: str | None = None  # path relative to the mirror folder
    kaggle: KaggleSource | None = None
    check: dict[str, Any] | None = None  # facts about the content, see content_checks
    generated: bool = False  # by the workflow

    @property
    def label(self) -> str:
        """``dataset/name``, for messages."""
        return f"{self.dataset}/{self.name}"

    @property
    def path(self) -> str:
        """Where the workflow puts it."""
        return f"data/{self.dataset}/{self.name}"

    @property
    def mirror_hint(self) -> str:
        """What else the user can do, as the end of a message."""
        return f", or put the file at {self.mirror} in a mirror folder" if self.mirror else ""


@dataclass(frozen=True)
class Dataset:
    """One variant of a data set, with its files by name."""

    name: str
    description: str
    version: str
    licence: str
    homepage: str | None = None
    reader: str = ""  # module:function that reads its layout; empty: the usual one
    files: dict[str, ManifestFile] = field(default_factory=dict)


def load_manifest(path: Path) -> dict[str, Dataset]:
    """The data sets by name, in the file's order; InputError names a key against the schema."""
    content = load_yaml(path)
    validator = jsonschema.Draft202012Validator(load_yaml(asset(SCHEMA)))
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
    """The manifest's entry of one file."""
    if dataset not in manifest:
        raise InputError(f"no data set {dataset!r} in the manifest; it has {', '.join(manifest)}")
    files = manifest[dataset].files
    if name not in files:
        raise InputError(f"data set {dataset!r} has no file {name!r}; it has {', '.join(files)}")
    return files[name]


def datasets_by_path(manifest: dict[str, Dataset]) -> dict[str, Dataset]:
    """The data set of each file of the manifest, by the path where the workflow puts it."""
    return {file.path: entry for entry in manifest.values() for file in entry.files.values()}


def entry_as_params(file: ManifestFile) -> dict[str, Any]:
    """What identifies a file's content, as a param: another entry's change downloads nothing."""
    names = ("url", "sha256", "md5", "check")
    return json.loads(json.dumps({name: getattr(file, name) for name in names}))


def _dataset(name: str, entry: dict[str, Any]) -> Dataset:
    files = {}
    for file_name, options in entry["files"].items():
        kaggle = options.get("kaggle")
        source = {"kaggle": KaggleSource(**kaggle) if kaggle else None}
        files[file_name] = ManifestFile(dataset=name, name=file_name, **{**options, **source})
    return Dataset(name=name, **{**entry, "version": str(entry["version"]), "files": files})

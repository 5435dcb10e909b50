"""What the commands without a workflow share: the default settings, and the table they write."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from latent_microscope import project
from latent_microscope.config.resolve import merge, resolve
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_table, save_text
from latent_microscope.io.yaml_files import load_yaml

KIND = "custom"
TABLES = (".csv", ".parquet")


@dataclass(frozen=True)
class Result:
    """What a command has written, and lines to print."""

    path: Path
    text: str


@dataclass(frozen=True)
class Settings:
    """Defaults of a study of the user's files."""

    study: dict[str, Any]
    seed: int  # root seed
    threads: int


def default_settings(
    data: Mapping[str, Any], *, seed: int | None = None, **sections: Any
) -> Settings:
    """The resolved settings of a study with this section ``data``; its files are not read."""
    study = {"kind": KIND, "data": dict(data), **sections}
    given: dict[str, Any] = {"run": ["command"], "studies": {"command": study}}
    given |= {} if seed is None else {"root_seed": seed}
    config = resolve(merge(load_yaml(project.asset("config/config.yaml")), given))
    return Settings(config["studies"]["command"], config["root_seed"], config["numeric_threads"])


def result_path(
    output: Path | None, default: str, endings: tuple[str, ...], *, force: bool
) -> Path:
    """The output, or its default name in this folder; checked before the computation.

    No ``endings``: any will do.
    """
    path = output or Path(default)
    if endings and path.suffix.lower() not in endings:
        raise InputError(f"{path}: unknown suffix; use {' or '.join(endings)}")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give a file as --output")
    if path.exists() and not force:
        raise InputError(f"{path}: already exists; --force overwrites it, --output renames it")
    return path


def save_result(path: Path, table: pd.DataFrame) -> None:
    """Write a table as ``.csv`` (numbers in full, so that they read back exactly) or Parquet."""
    if path.suffix.lower() == ".csv":
        save_text(path, table.to_csv(index=False))
    else:
        save_table(path, table)

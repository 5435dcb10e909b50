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

KIND = "own"
TABLES = (".csv", ".parquet")


@dataclass(frozen=True)
class Result:
    """What a command has done.

    Attributes:
        path: The file that it wrote.
        text: Lines to print.
    """

    path: Path
    text: str


@dataclass(frozen=True)
class Settings:
    """What a study of the user's files gets where its config says nothing.

    Attributes:
        study: Its sections, resolved.
        seed: Root seed.
        threads: Numeric threads.
    """

    study: dict[str, Any]
    seed: int
    threads: int


def default_settings(
    data: Mapping[str, Any], *, seed: int | None = None, **sections: Any
) -> Settings:
    """Resolve the config of a study that names some data, as the workflow does.

    Args:
        data: Its section ``data``; files are not looked at.
        seed: Root seed; None: the default config's.
        sections: More of it.

    Raises:
        InputError: A value is out of its range.
    """
    study = {"kind": KIND, "data": dict(data), **sections}
    given = {"run": ["command"], "studies": {"command": study}}
    config = resolve(
        merge(
            load_yaml(project.asset("config/config.yaml")),
            given if seed is None else {**given, "seed": seed},
        )
    )
    return Settings(config["studies"]["command"], config["seed"], config["numeric_threads"])


def result_path(
    output: Path | None, default: str, endings: tuple[str, ...], *, force: bool
) -> Path:
    """Where a result goes: checked before the work is done.

    Args:
        output: As the user gave it.
        default: Its name in this folder otherwise.
        endings: That can be written.
        force: Overwrite it if it is there.

    Raises:
        InputError: Another ending, a folder, or it is there already.
    """
    path = output or Path(default)
    if path.suffix.lower() not in endings:
        raise InputError(f"{path}: unknown ending; name the output {' or '.join(endings)}")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file with --output")
    if path.exists() and not force:
        raise InputError(f"{path}: already exists; --force overwrites it, --output renames it")
    return path


def save_result(path: Path, table: pd.DataFrame) -> None:
    """Write a table as ``.csv`` (numbers in full, so that they read back exactly) or Parquet."""
    if path.suffix.lower() == ".csv":
        save_text(path, table.to_csv(index=False))
    else:
        save_table(path, table)

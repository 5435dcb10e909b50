"""Look at files and write the config of a study of them."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from latent_microscope.custom.looking import look
from latent_microscope.custom.writing import draft
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_text


@dataclass(frozen=True)
class Written:
    """A config that was written, and one line per file about what it is."""

    config: Path
    notes: list[str]


def write_config(
    files: Sequence[str],
    name: str | None = None,
    output: Path | None = None,
    *,
    force: bool = False,
) -> Written:
    """Write the config of a study of some files; see ``latent-microscope init -h``."""
    found = [look(path) for path in files]
    options = [f"--name={name}"] if name else []
    command = shlex.join(["latent-microscope", "init", *files, *options])
    written = draft(found, name, command)
    study = written.text.partition("run: [")[2].partition("]")[0]
    config = output or Path(f"{study}.yaml")
    if config.exists() and not force:
        raise InputError(f"{config}: already exists; --force overwrites it, --output renames it")
    save_text(config, written.text)
    return Written(config, written.notes)

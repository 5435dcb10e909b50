"""Look at files and write the config of a study of them."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from latent_microscope.commands.results import Result, result_path
from latent_microscope.custom.looking import look
from latent_microscope.custom.writing import draft
from latent_microscope.io.artefacts import save_text


def write_config(
    files: Sequence[str],
    name: str | None = None,
    output: Path | None = None,
    *,
    force: bool = False,
) -> Result:
    """Write the config of a study of some files; see ``latent-microscope init -h``."""
    found = [look(path) for path in files]
    options = [f"--name={name}"] if name else []
    written = draft(found, name, shlex.join(["latent-microscope", "init", *files, *options]))
    study = written.text.partition("run: [")[2].partition("]")[0]
    config = result_path(output, f"{study}.yaml", (), force=force)
    save_text(config, written.text)
    command = f"  latent-microscope run {config}"
    return Result(config, "\n".join([*written.notes, f"written: {config}", "run it:", command]))

"""Look at files and write the config of a study of them."""

import logging
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from latent_microscope.commands.results import Result, result_path
from latent_microscope.custom.joining import EXACT, Joining
from latent_microscope.custom.looking import Found, look, read_whole
from latent_microscope.custom.writing import draft
from latent_microscope.io.artefacts import save_text
from latent_microscope.messages import log, one_line

_SHOWN = 10  # ids that do not match


def write_config(
    files: Sequence[str],
    name: str | None = None,
    output: Path | None = None,
    *,
    joining: Joining = EXACT,
    force: bool = False,
) -> Result:
    """Write the config of a study of some files; see ``latent-microscope init -h``."""
    found, notes = _looked_at(files, everything=False)
    if output is not None and output.resolve().parent != Path.cwd():
        for one in found:  # the config may be run from its own folder
            one.make_absolute()
    options = [f"--name={name}"] if name else []
    options += ["--by-position"] if joining.by_position else []
    options += [f"--ignoring={name}" for name in joining.ignoring]
    command = shlex.join(["latent-microscope", "init", *files, *options])
    written = draft(found, name, command, joining)
    lines = [*_what_was_found(written.files, written.unmatched), *notes]
    study = written.text.partition("run: [")[2].partition("]")[0]
    config = result_path(output, f"{study}.yaml", (), force=force)
    save_text(config, written.text)
    command = f"  latent-microscope run {config}"
    return Result(config, "\n".join([*lines, f"written: {config}", "run it:", command]))


def check_files(files: Sequence[str], joining: Joining = EXACT) -> str:
    """Read files as a whole, write nothing: what each is and how they join."""
    found, notes = _looked_at(files, everything=True)
    written = draft(found, None, "", joining)
    lines = [*_what_was_found(written.files, written.unmatched), *notes]
    return "\n".join([*lines, "all files were read; nothing was written"])


def _looked_at(files: Sequence[str], *, everything: bool) -> tuple[list[Found], list[str]]:
    """What each file is, and notes; small ones, or ``everything``, are read as a whole."""
    with _said() as notes:
        found = [look(path) for path in files]
        for one in found:
            if everything or one.is_small:
                read_whole(one)
    return found, notes


@contextmanager
def _said() -> Iterator[list[str]]:
    """What readers of files say meanwhile, which a run has in its logs: each line once."""
    lines: list[str] = []

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            line = f"note: {one_line(record.getMessage())}"
            if line not in lines:
                lines.append(line)

    handler, level = Notes(), log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def _what_was_found(files: pd.DataFrame, unmatched: pd.DataFrame) -> list[str]:
    """A short table of the files, and the ids that are not in all of them."""
    lines = []
    for one in files.to_dict("records"):
        joined = f"{one['joined']} joined by {one['by']}"
        others = {"not in other files": one["not in others"], "missing here": one["missing"]}
        joined += "".join(f"; {count} {what}" for what, count in others.items() if count)
        ids = "no ids" if one["ids"] == "none" else f"ids such as {one['ids']}"
        lines += [
            f"{one['file']}: {one['taken for']}",
            f"    {one['contains']}; {ids}",
            f"    {joined}",
        ]
    if len(unmatched):
        lines.append(f"{len(unmatched)} ids are not in all files:")
        lines += [
            f"    {row.id}: missing from {row.missing_from}"
            for row in unmatched[:_SHOWN].itertuples()
        ]
        if len(unmatched) > _SHOWN:
            lines.append(f"    and {len(unmatched) - _SHOWN} more")
        lines.append("look at them, then set `unmatched: drop` in the config to leave them out")
    return lines

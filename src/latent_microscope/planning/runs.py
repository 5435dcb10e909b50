"""The run in this folder: which studies it is about, and what it says at its end."""

import json
import os
from collections.abc import Iterable
from contextlib import suppress

from latent_microscope.commands.pages import LAST_RUN, last_run, listing, pages_of

COMMAND = "LATENT_MICROSCOPE_COMMAND"
"""Set by the console command, which lists what to open itself, also when nothing was to be done."""


def remember(studies: Iterable[str]) -> None:
    """Note down the studies of this run, if the folder can be written."""
    temporary = LAST_RUN.with_name(f".tmp-{os.getpid()}-{LAST_RUN.name}")
    with suppress(OSError):
        LAST_RUN.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(list(studies)), encoding="utf-8")
        os.replace(temporary, LAST_RUN)


def told_at_the_end() -> str:
    """What there is to open now; nothing where the console command says it."""
    return "" if COMMAND in os.environ else listing(pages_of(last_run()))

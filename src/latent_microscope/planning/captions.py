"""Captions of declared figures and tables: Snakemake's report reads each from its own file."""

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from latent_microscope import registry
from latent_microscope.planning.figures import is_drawn
from latent_microscope.planning.study import Study
from latent_microscope.planning.tables import is_made

FOLDER = Path(".snakemake/latent_microscope/captions")
"""Where they are written, below the folder of a run."""


def captions(studies: Iterable[Study] | None = None) -> dict[str, dict[str, str]]:
    """Text by kind (figures, tables) and name: of everything declared, or of these studies.

    With the marks of :func:`registry.said`, since the studies may differ.
    """
    figures, tables = registry.figures(), registry.tables()
    if studies is not None:
        every = list(studies)
        figures = tuple(f for f in figures if any(is_drawn(f, study) for study in every))
        tables = tuple(t for t in tables if any(is_made(t, study) for study in every))
    return {
        "figures": {figure.name: figure.caption for figure in figures},
        "tables": {table.name: table.caption for table in tables},
    }


def file_of(kind: str, name: str) -> str:
    """The file of a caption; ``kind`` is figures or tables."""
    return str((FOLDER / f"{kind}-{name}.rst").resolve())


def write_captions() -> None:
    """Write all of them if one has changed since the last run, and the folder can be written."""
    texts = captions()
    digest = hashlib.sha256(json.dumps(texts).encode()).hexdigest()
    written = FOLDER / "digest"
    with suppress(OSError):
        if not written.is_file() or written.read_text() != digest:
            FOLDER.mkdir(parents=True, exist_ok=True)
            for kind, named in texts.items():
                for name, caption in named.items():
                    Path(file_of(kind, name)).write_text(
                        f"{registry.said(caption)}\n", encoding="utf-8"
                    )
            written.write_text(digest)

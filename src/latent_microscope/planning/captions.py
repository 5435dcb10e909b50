"""Captions of declared figures and tables: Snakemake's report wants each in a file of its own."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from latent_microscope import registry
from latent_microscope.planning.figures import is_drawn
from latent_microscope.planning.study import Study
from latent_microscope.planning.tables import is_made

FOLDER = Path(".snakemake/latent_microscope/captions")
"""Where they are written, below the folder of a run."""


def captions(studies: Iterable[Study] | None = None) -> dict[str, dict[str, str]]:
    """Text by kind and name of what is declared, or of what these studies make."""
    figures, tables = registry.figures(), registry.tables()
    if studies is not None:
        every = list(studies)
        figures = tuple(f for f in figures if any(is_drawn(f, study) for study in every))
        tables = tuple(t for t in tables if any(is_made(t, study) for study in every))
    return {
        "figures": {figure.name: figure.caption for figure in figures},
        "tables": {table.name: table.caption for table in tables},
    }


def file_of(kind: str, name: str, folder: Path = FOLDER) -> str:
    """The file of a caption; ``kind`` is figures or tables."""
    return str((folder / f"{kind}-{name}.rst").resolve())


def write_captions(texts: Mapping[str, Mapping[str, str]], folder: Path = FOLDER) -> None:
    """Write those that are new or different, if the folder can be written."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        for kind, named in texts.items():
            for name, caption in named.items():
                text = f"{caption}\n"
                path = Path(file_of(kind, name, folder))
                if not path.is_file() or path.read_text(encoding="utf-8") != text:
                    path.write_text(text, encoding="utf-8")

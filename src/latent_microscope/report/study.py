"""The finished tables and figures of a study, by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from latent_microscope import former_names
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.provenance.lineage import has_former_names


@dataclass(frozen=True)
class Study:
    """Tables (name → Parquet) and figures (name → PNG; of a further crop as ``crop/name``)."""

    name: str
    tables: Mapping[str, Path]
    figures: Mapping[str, Path]
    _read: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(
        cls, name: str, tables: Sequence[Path], figures: Sequence[Path], crop: str = "whole"
    ) -> "Study":
        """A study of these files, with its first crop; two of one name are an InputError."""
        named = {_stem(path): path for path in sorted(tables)}
        drawn = {_figure_name(path, crop): path for path in sorted(figures)}
        if len(named) < len(tables) or len(drawn) < len(figures):
            raise InputError(f"{name}: two of its tables or figures have one name")
        return cls(name, named, drawn)

    @classmethod
    def published(cls, folder: Path) -> "Study":
        """A study in results/published."""
        tables, figures = (folder / "tables").glob("*.parquet"), (folder / "figures").rglob("*.png")
        return cls.of(folder.name, list(tables), list(figures))

    def has(self, *tables: str) -> bool:
        """Whether the study has all of these tables, and rows in the first one."""
        return all(t in self.tables for t in tables) and len(self.table(tables[0])) > 0

    def table(self, name: str) -> pd.DataFrame:
        """A table, read once."""
        if name not in self._read:
            path = self.tables[name]
            table = load_table(path)
            self._read[name] = former_names.table(name, table) if has_former_names(path) else table
        return self._read[name]

    def pictures(self, words: str) -> list[str]:
        """Sorted names of the figures whose file names are, or begin with, these words."""
        stems = {name: name.rpartition("/")[2] for name in self.figures}
        return sorted(name for name, stem in stems.items() if f"{stem}-".startswith(f"{words}-"))

    def anchor(self, *parts: str) -> str:
        """Of a section, or of the provenance of a ``table`` or ``figure`` and its name.

        No name of a study has a slash, so that no two anchors of a page are the same.
        """
        return "/".join([self.name, *parts])


def _stem(path: Path) -> str:
    return former_names.file_stem(path.stem) if has_former_names(path) else path.stem


def _figure_name(path: Path, first: str) -> str:
    """The stem; one of a VAE of a further crop with the crop in front."""
    parts = path.parts
    crop = parts[parts.index("vae") + 1] if "vae" in parts else path.parent.name
    return _stem(path) if crop in ("figures", first) else f"{crop}/{_stem(path)}"

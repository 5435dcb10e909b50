"""The finished tables and figures of a study, by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from latent_microscope import former_names
from latent_microscope.io.artefacts import load_table


@dataclass(frozen=True)
class Study:
    """Tables (name → Parquet) and figures (name → PNG; of a further crop as ``crop/name``)."""

    name: str
    tables: Mapping[str, Path]
    figures: Mapping[str, Path]
    _read: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False, compare=False)

    def has(self, *tables: str) -> bool:
        """Whether the study has all of these tables, and rows in the first one."""
        return all(t in self.tables for t in tables) and len(self.table(tables[0])) > 0

    def table(self, name: str) -> pd.DataFrame:
        """A table, read once."""
        if name not in self._read:
            self._read[name] = former_names.columns(load_table(self.tables[name]))
        return self._read[name]

    def pictures(self, *prefixes: str) -> list[str]:
        """Sorted names of the figures whose file names begin so."""
        stems = {name: name.rpartition("/")[2] for name in self.figures}
        return sorted(name for name, stem in stems.items() if stem.startswith(prefixes))

    def anchor(self, kind: str, name: str) -> str:
        """Of the provenance of a ``table`` or ``figure`` on the page."""
        return f"{self.name}-{kind}-{name}".replace("/", "-")

    @classmethod
    def published(cls, folder: Path) -> "Study":
        """A study in results/published."""
        tables, figures = folder / "tables", folder / "figures"
        drawn = sorted(figures.rglob("*.png"))
        return cls(
            folder.name,
            {former_names.file_stem(path.stem): path for path in sorted(tables.glob("*.parquet"))},
            {
                former_names.file_stem(path.relative_to(figures).with_suffix("").as_posix()): path
                for path in drawn
            },
        )

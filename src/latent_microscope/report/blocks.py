"""What a page is made of, before anybody says whether it is Markdown, HTML or PDF."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from latent_microscope.io.artefacts import load_table


class Code(str):
    """A cell or a word that is a name in the code."""

    __slots__ = ()


class Strong(str):
    """A cell that stands out."""

    __slots__ = ()


@dataclass(frozen=True)
class Link:
    """A word that leads to a table of the study.

    Attributes:
        text: What is read.
        table: Name of the table.
    """

    text: str
    table: str


@dataclass(frozen=True, init=False)
class Text:
    """A paragraph of plain words, :class:`Code` and :class:`Link`."""

    parts: tuple[str | Link, ...]

    def __init__(self, *parts: str | Link) -> None:
        object.__setattr__(self, "parts", parts)


@dataclass(frozen=True)
class Table:
    """A table of finished cells.

    Attributes:
        head: Names of the columns.
        rows: Cells, the row's name first.
        source: Name of the study's table that the cells come from; none: no single one.
        numbers: Row of the source that each row shows, from 0; none: rows sum up several.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    source: str = ""
    numbers: Sequence[int] = ()


@dataclass(frozen=True)
class Picture:
    """A figure of the study.

    Attributes:
        name: Its file's name without ending.
        text: What it shows, in a few words.
    """

    name: str
    text: str


@dataclass(frozen=True)
class Reading:
    """What a table says, in words made from its numbers.

    Attributes:
        text: One or a few sentences.
        source: Name of the table.
    """

    text: str
    source: str


Block = Text | Table | Picture | Reading


@dataclass(frozen=True)
class Section:
    """A part of a page under its own title."""

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Study:
    """The finished tables and figures of a study, by name.

    Attributes:
        name: Of the study.
        tables: Name → Parquet file.
        figures: Name → PNG; one of a further view as ``view/name``.
    """

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
            self._read[name] = load_table(self.tables[name])
        return self._read[name]

    def pictures(self, *beginnings: str) -> list[str]:
        """Names of the figures that begin so, in the order of their names."""
        plain = {name: name.rpartition("/")[2] for name in self.figures}
        return sorted(name for name, stem in plain.items() if stem.startswith(beginnings))

    @classmethod
    def published(cls, folder: Path) -> "Study":
        """A study in results/published."""
        figures = folder / "figures"
        return cls(
            folder.name,
            {path.stem: path for path in sorted((folder / "tables").glob("*.parquet"))},
            {
                path.relative_to(figures).with_suffix("").as_posix(): path
                for path in sorted(figures.rglob("*.png"))
            },
        )

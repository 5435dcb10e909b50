"""Pieces of a Markdown page about published studies: tables, numbers, figures, links."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from latent_microscope.artefacts import load_table


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def number(value: float, digits: int = 3) -> str:
    """A rounded number; – for none."""
    return "–" if pd.isna(value) else f"{value:.{digits}f}"


def spread(mean: float, sd: float, digits: int = 3) -> str:
    """Mean ± sd; the mean alone for one run."""
    return number(mean, digits) if pd.isna(sd) else f"{mean:.{digits}f} ± {sd:.{digits}f}"


def figure(folder: Path, name: str, text: str) -> str:
    """Image of a published figure; nothing where it was not published."""
    path = folder / "figures" / f"{name}.png"
    if not path.is_file():
        return ""
    return f"![{text}](results/published/{folder.name}/figures/{name}.png)\n"


def percent(value: float) -> str:
    """A share in per cent; – for none."""
    return "–" if pd.isna(value) else f"{100 * value:.1f} %"


def rows_of(table: pd.DataFrame) -> Iterator[Any]:
    """Rows with the columns as attributes."""
    return iter(table.itertuples(index=False))


def table_of(folder: Path, name: str) -> pd.DataFrame:
    """A published table."""
    return load_table(folder / "tables" / f"{name}.parquet")


def link(folder: Path, name: str) -> str:
    """Link to a published table for people."""
    return f"[all of it](results/published/{folder.name}/tables/{name}.csv)"

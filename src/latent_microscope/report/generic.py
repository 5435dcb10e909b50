"""A table that nobody wrote a section for, as it is."""

from collections.abc import Iterator
from numbers import Real
from typing import Any

import pandas as pd

from latent_microscope.report.blocks import Block, Code, Link, Study, Table, Text
from latent_microscope.report.cells import numbers_of

_ROWS = 12
_COLUMNS = 9


def table_blocks(study: Study, name: str) -> Iterator[Block]:
    """Its first rows and columns."""
    table = study.table(name)
    shown = table.iloc[:_ROWS, :_COLUMNS]
    size = f": {len(table):,} rows of {len(table.columns)} columns"
    cut = shown.shape != table.shape
    yield Text(
        Code(name),
        size + (f", the first {len(shown)} and {len(shown.columns)} of them (" if cut else " ("),
        Link("all of it", name),
        "):",
    )
    if len(table):
        rows = [[_cell(value) for value in row] for row in shown.itertuples(index=False)]
        yield Table([str(c) for c in shown.columns], rows, name, numbers_of(shown))


def _cell(value: Any) -> str:
    if isinstance(value, Real) and not isinstance(value, bool):
        return "–" if pd.isna(float(value)) else f"{float(value):.4g}"
    return str(value)

"""Sections of a study of one's own: its files, and numbers beside scores."""

from collections.abc import Callable, Iterator

from latent_microscope.report.blocks import Block, Link, Reading, Study, Table, Text
from latent_microscope.report.cells import (
    counted,
    highest,
    listed,
    numbers_of,
    rows_of,
    signed,
)
from latent_microscope.report.generic import table_blocks
from latent_microscope.report.limits import FALSE_DISCOVERY_RATE


def as_it_is(name: str) -> Callable[[Study], Iterator[Block]]:
    """A section that shows a table's first rows and columns."""
    return lambda study: table_blocks(study, name)


def read_files(study: Study) -> Iterator[Reading]:
    """Whether all files know the same samples."""
    table = study.table("files")
    bad = table[(table["alone"] > 0) | (table["lacking"] > 0)]
    if not len(bad):
        text = f"The ids of {counted(len(table), 'file')} match, all of them."
    else:
        names = listed([str(name) for name in bad["source"]], 6)
        text = f"Not all ids match: {names}. What some file lacks was dropped, and is listed."
    yield Reading(text, "files")


def correlations(study: Study) -> Iterator[Block]:
    """Numbers of the user beside the scores."""
    table = study.table("correlations")
    yield Text(
        "Spearman correlation of numeric attributes with the scores, 95 % intervals, chance 0 (",
        Link("all of it", "correlations"),
        "):",
    )
    rows = [
        [
            row.attribute,
            row.score,
            str(row.run),
            signed(row.spearman, row.low, row.high, 2),
            f"{row.q:.2g}",
        ]
        for row in rows_of(table)
    ]
    head = ["attribute", "score", "seed", "Spearman (95 %)", "q"]
    yield Table(head, rows, "correlations", numbers_of(table))


def read_correlations(study: Study) -> Iterator[Reading]:
    """The strongest, or none."""
    table = study.table("correlations")
    found = table[table["q"] <= FALSE_DISCOVERY_RATE]
    if not len(found):
        yield Reading(
            f"None of {len(table)} correlations differs from 0 after correction.", "correlations"
        )
        return
    best = highest(found, found["spearman"].abs())
    yield Reading(
        f"{len(found)} of {len(table)} correlations differ from 0 after correction; the strongest "
        f"is {best['attribute']} with {best['score']} (Spearman {best['spearman']:.2f}).",
        "correlations",
    )

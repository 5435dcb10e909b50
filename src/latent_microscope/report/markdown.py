"""Blocks of a page as Markdown: README's results."""

from collections.abc import Iterable, Iterator

from latent_microscope.report.blocks import (
    Block,
    Code,
    Link,
    Picture,
    Strong,
    Study,
    Table,
    Text,
)


def markdown(blocks: Iterable[Block], study: Study) -> Iterator[str]:
    """The blocks of a published study; figures that it does not have are left out, readings too."""
    for block in blocks:
        if isinstance(block, Text):
            yield "".join(_part(part, study) for part in block.parts) + "\n"
        elif isinstance(block, Table):
            yield table(block)
        elif isinstance(block, Picture) and block.name in study.figures:
            yield f"![{block.text}]({_folder(study)}/figures/{block.name}.png)\n"


def table(block: Table) -> str:
    """A Markdown table."""
    lines = [_line(block.head), "|" + "---|" * len(block.head)]
    return "\n".join([*lines, *(_line(row) for row in block.rows)]) + "\n"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(cell: str) -> str:
    text = cell.replace("|", r"\|")
    if isinstance(cell, Code):
        return f"`{text}`"
    return f"**{text}**" if isinstance(cell, Strong) else text


def _part(part: str | Link, study: Study) -> str:
    if isinstance(part, Link):
        return f"[{part.text}]({_folder(study)}/tables/{part.table}.csv)"
    return f"`{part}`" if isinstance(part, Code) else part


def _folder(study: Study) -> str:
    return f"results/published/{study.name}"

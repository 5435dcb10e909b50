"""Write the report of finished studies: what was run, what was found, and its provenance."""

from typing import Any

from latent_microscope.report.pages import write_pages
from latent_microscope.step import In, Out, run


def main(
    *,
    checks: list[In],
    tables: list[In],
    figures: list[In],
    page: Out,
    pages: list[Out],
    studies: dict[str, Any],
    captions: dict[str, dict[str, str]] | None = None,
) -> None:
    """Write one page for all studies and one for each study.

    Args:
        checks: .parquet, the checks of each study, in the order of studies.
        tables: .parquet of all studies.
        figures: .png of all studies.
        page: .html of all studies.
        pages: .html of each study, in the order of studies.
        studies: {name: {"settings": its resolved config, "made_up": whether its data are
            synthetic, "explorer": path of its explorer, or empty}}.
        captions: {"figures": {name: text}, "tables": {name: text}}.
    """
    write_pages(
        studies,
        checks=checks,
        tables=tables,
        figures=figures,
        captions=captions or {},
        page=page,
        pages=pages,
    )


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

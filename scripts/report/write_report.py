"""Write the story page of finished studies: what was run, what was found, where it came from."""

from typing import Any

from latent_microscope.report.write import write_pages
from latent_microscope.step import In, Out, run


def main(
    *,
    checks: list[In],
    tables: list[In],
    figures: list[In],
    page: Out,
    pdf: Out,
    pages: list[Out],
    studies: dict[str, Any],
    captions: dict[str, dict[str, str]] | None = None,
) -> None:
    """Write one page for all studies, the same as PDF, and one for each study.

    Args:
        checks: .parquet, the checks of each study, in the order of studies.
        tables: .parquet of all studies.
        figures: .png of all studies.
        page: .html of all studies.
        pdf: .pdf of all studies.
        pages: .html of each study, in the order of studies.
        studies: {name: {"settings": its resolved config, "made_up": true or false, "explorer":
            path of the page to look at its latent space, or empty}}.
        captions: {"figures": {name: text}, "tables": {name: text}}.
    """
    write_pages(
        studies,
        checks=checks,
        tables=tables,
        figures=figures,
        captions=captions or {},
        whole=page,
        printed=pdf,
        pages=pages,
    )


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

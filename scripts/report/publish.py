from pathlib import Path
from typing import Any

from latent_microscope.report.publishing import publish
from latent_microscope.step import In, Out, run


def main(
    *,
    checks: In,
    tables: list[In],
    figures: list[In],
    folder: Out,
    study: str,
    settings: dict[str, Any],
) -> None:
    """Copy a finished study's tables and figures to results/published/.

    checks: .parquet, its checks, so that nothing unchecked is published.
    tables: .parquet and .csv.
    figures: .png without photographs, at most 1 MB each.
    folder: results/published/<study>.
    study: name of the study.
    settings: its resolved config.
    """
    results = Path(checks).parent
    publish(tables, figures, folder, study=study, settings=settings, results=results)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

from pathlib import Path
from typing import Any

from latent_microscope.report.publishing import publish
from latent_microscope.step import In, Out, run


def main(
    *,
    checks: In,
    tables: list[In],
    figures: list[In],
    logits: list[In],
    folder: Out,
    study: str,
    settings: dict[str, Any],
    classifiers: list[str],
    datasets: list[dict[str, str | None]],
) -> None:
    """Copy a finished study's tables, figures and logits to results/published/.

    checks: .parquet, its checks, so that nothing unchecked is published.
    tables: .parquet and .csv.
    figures: .png without photographs, at most 1 MB each.
    logits: .npy, of each network trained here.
    folder: results/published/<study>.
    study: name of the study.
    settings: its resolved config.
    classifiers: name of each of the logits, <model>-seed<seed>.
    datasets: title, licence and homepage of each data set that the results are derived from.
    """
    results = Path(checks).parent
    publish(
        tables,
        figures,
        folder,
        study=study,
        settings=settings,
        results=results,
        logits=dict(zip(classifiers, logits, strict=True)),
        datasets=datasets,
    )


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

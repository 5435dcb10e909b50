from pathlib import Path
from typing import Any

from latent_microscope.io.artefacts import save_json
from latent_microscope.report.publishing import publish
from latent_microscope.step import In, Out, run


def main(
    *,
    checks: In,
    tables: list[In],
    figures: list[In],
    logits: list[In],
    done: Out,
    folder: str,
    study: str,
    settings: dict[str, Any],
    classifiers: list[str],
    datasets: list[dict[str, str | None]],
    root_seed: int,
) -> None:
    """Copy a finished study's tables, figures and logits to results/published/.

    checks: .parquet, its checks, so that nothing unchecked is published.
    tables: .parquet and .csv.
    figures: .png without photographs, at most 1 MB each.
    logits: .npy, of each network trained here.
    done: .json, names of the published files. Snakemake deletes an output before it is made again;
        the folder is replaced when the new one is complete.
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
        Path(folder),
        study=study,
        settings=settings,
        results=results,
        root_seed=root_seed,
        logits=dict(zip(classifiers, logits, strict=True)),
        datasets=datasets,
    )
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    save_json(done, [str(path.relative_to(folder)) for path in files])


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

"""Tabulate the detectors of authentic samples over runs beside chance."""

from latent_microscope.io.artefacts import load_table, save_csv, save_table
from latent_microscope.step import In, Out, run
from latent_microscope.tables.forensics import detector_summary


def main(
    *,
    detections: list[In],
    methods: list[str],
    runs: list[int],
    views: list[str],
    table: Out,
    csv: Out,
) -> None:
    """Summarise the detectors over runs.

    Args:
        detections: .parquet of the detectors of each run and method.
        methods: method of the sources of each.
        runs: number of the run of each.
        views: view of each.
        table: .parquet, one row a view, method and detector, best first: means, standard
            deviations, number of runs, chance, earlier values and their source.
        csv: the same for people.
    """
    result = detector_summary([load_table(path) for path in detections], methods, runs, views)
    save_table(table, result)
    save_csv(csv, result)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

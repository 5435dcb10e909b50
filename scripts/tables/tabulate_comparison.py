"""Compare detectors on every setting: mean, spread and paired difference to ours."""

from latent_microscope.io.artefacts import load_table, save_csv, save_table
from latent_microscope.step import In, Out, run
from latent_microscope.tables.detection import comparison_summary


def main(
    *,
    runs_found: list[In],
    settings: list[str],
    seeds: list[int],
    table: Out,
    csv: Out,
) -> None:
    """Summarise over the data seeds of each setting.

    Args:
        runs_found: comparison .parquet of each run.
        settings: setting of each run.
        seeds: data seed of each run.
        table: .parquet, one row a setting and detector.
        csv: the same for people.
    """
    result = comparison_summary([load_table(path) for path in runs_found], settings, seeds)
    save_table(table, result)
    save_csv(csv, result)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

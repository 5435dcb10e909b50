"""Tabulate the funnel at parameters chosen on other data seeds."""

from latent_microscope.io.artefacts import load_table, save_csv, save_table
from latent_microscope.step import In, Out, run
from latent_microscope.tables.detection import search_summary


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
        runs_found: search .parquet of each run.
        settings: setting of each run.
        seeds: data seed of each run.
        table: .parquet, one row a setting and method of the sources.
        csv: the same for people.
    """
    result = search_summary([load_table(path) for path in runs_found], settings, seeds)
    save_table(table, result)
    save_csv(csv, result)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

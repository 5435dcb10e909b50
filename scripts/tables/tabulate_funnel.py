"""Tabulate the published funnel over runs beside chance and the published table."""

from latent_microscope.io.artefacts import load_table, save_csv, save_table
from latent_microscope.step import In, Out, run
from latent_microscope.tables.forensics import funnel_summary


def main(
    *,
    funnels: list[In],
    methods: list[str],
    runs: list[int],
    views: list[str],
    table: Out,
    csv: Out,
) -> None:
    """Summarise the funnel over runs.

    Args:
        funnels: .parquet of the funnel of each run and method.
        methods: method of the sources of each.
        runs: number of the run of each.
        views: view of each.
        table: .parquet, one row a view, method and configuration: means, standard deviations,
            number of runs, chance, published values and their source.
        csv: the same for people.
    """
    result = funnel_summary([load_table(path) for path in funnels], methods, runs, views)
    save_table(table, result)
    save_csv(csv, result)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

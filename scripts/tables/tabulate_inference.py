"""Tabulate the differences between models, and the check of the bootstrap, of all metrics."""

import pandas as pd

from latent_microscope.io.artefacts import load_table, save_csv, save_table
from latent_microscope.step import In, Out, run


def main(
    *,
    differences: list[In],
    check: list[In],
    table: Out,
    csv: Out,
    check_table: Out,
    check_csv: Out,
) -> None:
    """Put the tables of all metrics below each other.

    Args:
        differences: .parquet of paired differences of each metric.
        check: .parquet of the check of the bootstrap of each metric.
        table: .parquet of all differences.
        csv: the same for people.
        check_table: .parquet of all checks.
        check_csv: the same for people.
    """
    for paths, parquet, text in ((differences, table, csv), (check, check_table, check_csv)):
        found = pd.concat([load_table(path) for path in paths], ignore_index=True)
        save_table(parquet, found)
        save_csv(text, found)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

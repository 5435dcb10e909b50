"""Tabulate the attributes that are over- or under-represented in clusters beyond chance."""

from latent_microscope.artefacts import load_table, save_csv, save_table
from latent_microscope.step import In, Out, run
from latent_microscope.tables.forensics import bias_summary


def main(*, abis: list[In], profiles: list[In], runs: list[int], table: Out, csv: Out) -> None:
    """List the biases that survive Benjamini-Hochberg at 5 %.

    Args:
        abis: .parquet of the attribute bias index of each run.
        profiles: .parquet of the cluster profile of each run.
        runs: number of each run.
        table: .parquet, strongest first in each run and group: odds ratio, interval, p, q,
            prevalences, and in how many of the runs the attribute shows in that direction.
        csv: the same for people.
    """
    result = bias_summary(
        [load_table(path) for path in abis], [load_table(path) for path in profiles], runs
    )
    save_table(table, result)
    save_csv(csv, result)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

"""Tabulate the attributes that are over- or under-represented in clusters beyond chance."""

from latent_microscope.io.artefacts import load_table, save_csv, save_table
from latent_microscope.step import In, Out, run
from latent_microscope.tables.forensics import bias_summary
from latent_microscope.tables.runs import stack


def main(
    *,
    abis: list[In],
    profiles: list[In],
    runs: list[int],
    table: Out,
    csv: Out,
    tests: Out,
    tests_csv: Out,
) -> None:
    """List the biases that survive Benjamini-Hochberg at 5 %, and all that were tested.

    Args:
        abis: .parquet of the attribute bias index of each run.
        profiles: .parquet of the cluster profile of each run.
        runs: number of each run.
        table: .parquet, strongest first in each run and group: odds ratio, interval, p, q,
            prevalences, and in how many of the runs the attribute shows in that direction.
        csv: the same for people.
        tests: .parquet, every attribute of every group of every run, with p and q.
        tests_csv: the same for people.
    """
    measured = [load_table(path) for path in abis]
    result = bias_summary(measured, [load_table(path) for path in profiles], runs)
    save_table(table, result)
    save_csv(csv, result)
    every = stack(measured, {"run": runs}, "abis")
    save_table(tests, every)
    save_csv(tests_csv, every)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

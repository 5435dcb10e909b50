"""Tabulate what linear probes read off the latents, over the runs of a study."""

from latent_microscope.io.artefacts import load_table, save_csv, save_table
from latent_microscope.step import In, Out, run
from latent_microscope.tables.probes import probe_summary


def main(*, probes: list[In], runs: list[int], table: Out, csv: Out) -> None:
    """Put the probes of all runs together.

    Args:
        probes: .parquet of the probes of each run.
        runs: number of each.
        table: .parquet, one row an attribute, best first: AUC (mean, sd, interval, q), that of
            pixels and colour, the gain over pixels.
        csv: the same for people.
    """
    result = probe_summary([load_table(path) for path in probes], runs)
    save_table(table, result)
    save_csv(csv, result)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

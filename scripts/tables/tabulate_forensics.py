"""Tabulate what is true of the latents and their scores over runs."""

from latent_microscope.io.artefacts import load_table, save_csv, save_table
from latent_microscope.step import In, Out, run
from latent_microscope.tables.forensics import forensic_summary


def main(
    *,
    summaries: list[In],
    views: list[str],
    runs: list[int],
    table: Out,
    csv: Out,
    dimensions: list[In] | None = None,
    sbs: list[In] | None = None,
) -> None:
    """Summarise the forensic quantities over runs.

    Args:
        summaries: .parquet of quantity and value of each run.
        views: view of each run.
        runs: number of each run.
        table: .parquet: view, quantity, mean, sd, n (runs).
        csv: the same for people.
        dimensions: .parquet of the latent dimensions of each run, where they are a VAE's.
        sbs: .parquet of the stereotypical bias score of each run, where there are clusters.
    """
    result = forensic_summary(
        [load_table(path) for path in summaries],
        [load_table(path) for path in sbs or []],
        [load_table(path) for path in dimensions or []],
        views,
        runs,
    )
    save_table(table, result)
    save_csv(csv, result)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

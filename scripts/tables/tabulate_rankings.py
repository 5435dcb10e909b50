"""Tabulate how far the runs of a study rank the same samples alike."""

from latent_microscope.io.artefacts import load_table, save_csv, save_table
from latent_microscope.step import In, Out, run
from latent_microscope.tables.forensics import ranking_stability


def main(*, scores: list[In], runs: list[int], table: Out, csv: Out) -> None:
    """Correlate each score between all pairs of runs (Spearman).

    Args:
        scores: .parquet of all scores of each run.
        runs: number of each run.
        table: .parquet: score, mean, sd, n (pairs of runs), baseline.
        csv: the same for people.
    """
    result = ranking_stability([load_table(path) for path in scores], runs)
    save_table(table, result)
    save_csv(csv, result)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

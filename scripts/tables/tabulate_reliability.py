"""Tabulate how far rankings by U, O, stability and CLS repeat, and how sure each sample is."""

import logging

from latent_microscope.io.artefacts import load_table, save_csv, save_table
from latent_microscope.io.inputs import load_scores
from latent_microscope.seeds import derive
from latent_microscope.step import In, Out, run
from latent_microscope.tables.reliability import (
    SCORES,
    gather,
    reliability_table,
    score_intervals,
)

log = logging.getLogger("latent_microscope")


def main(
    *,
    scores: list[In],
    restarts: list[In],
    runs: list[int],
    table: Out,
    csv: Out,
    intervals: Out,
    lists: dict[str, int],
    alpha: float = 0.5,
    seed: int = 0,
) -> None:
    """Compare rankings over VAE seeds and over the ICA restarts of each.

    Args:
        scores: .parquet of all scores of each run.
        restarts: .parquet of the uniqueness by every ICA restart of each run.
        runs: number of each run.
        table: .parquet, one row a score and source of variation: Spearman, Kendall's W, ICC,
            repeats of the list beside chance, widths, status and note.
        csv: the same for people.
        intervals: .parquet, one row a score and sample: median, low and high percentile, the band
            of another VAE, and what pure noise would give.
        lists: lengths of the ranked lists: creative, stereotypes.
        alpha: weight of uniqueness in the CLS.
        seed: root seed.
    """
    ids, replicates = gather(
        [load_scores(path, list(SCORES)) for path in scores],
        [load_table(path) for path in restarts],
        runs,
        alpha,
    )
    result = reliability_table(replicates, lists)
    for row in result[result["status"] != "ok"].to_dict("records"):
        known = row["status"] != "unknown"
        log.log(
            logging.WARNING if known else logging.INFO,
            "%s over %s: %s (%s)", row["score"], row["over"], row["status"], row["note"],
        )  # fmt: skip
    save_table(table, result)
    save_csv(csv, result)
    save_table(intervals, score_intervals(ids, replicates, seed=derive(seed, "reliability")))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

"""Tabulate the health of a study's VAEs."""

import logging

from latent_microscope.io.artefacts import load_table, save_csv, save_table
from latent_microscope.step import In, Out, run
from latent_microscope.tables.health import health_summary

log = logging.getLogger("latent_microscope")


def main(*, healths: list[In], views: list[str], runs: list[int], table: Out, csv: Out) -> None:
    """Put the checks of all runs together; the worst status of the runs counts.

    Args:
        healths: .parquet of the checks of each run.
        views: view of each.
        runs: number of each.
        table: .parquet, one row a view and check: status, mean, sd, min, max, n, limits, the runs
            that are not ok, what it means and what to do.
        csv: the same for people.
    """
    result = health_summary([load_table(path) for path in healths], views, runs)
    for row in result[result["status"] != "ok"].to_dict("records"):
        log.warning(
            "%s (view %s, runs %s): %s: %s",
            row["status"], row["view"], row["runs_not_ok"], row["check"], row["action"],
        )  # fmt: skip
    save_table(table, result)
    save_csv(csv, result)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

"""Tabulate the rank correlations of numeric attributes with the scores."""

from latent_microscope.custom.correlations import SCORES, correlation_table
from latent_microscope.io.artefacts import join_by_id, load_table, save_csv, save_table
from latent_microscope.io.inputs import load_scores
from latent_microscope.step import In, Out, run
from latent_microscope.tables.bias import resampling_units


def main(
    *,
    numbers: In,
    samples: In,
    scores: list[In],
    runs: list[int],
    table: Out,
    csv: Out,
    seed: int = 0,
) -> None:
    """Correlate every numeric attribute, as it is, with every score.

    Args:
        numbers: .parquet with id and the numeric columns.
        samples: .parquet with id, identity.
        scores: .parquet of the scores of each run.
        runs: number of each run.
        table: .parquet: run, attribute, score, spearman, low, high (95 %), p, q, baseline,
            samples, units (of the bootstrap), resampled (people or samples). Empty without numbers.
        csv: the same for people.
        seed: root seed.
    """
    every = join_by_id(load_table(samples), load_table(numbers), names=(str(samples), str(numbers)))
    own = every[[name for name in load_table(numbers).columns if name != "id"]]
    found = correlation_table(
        own,
        [
            join_by_id(every[["id"]], load_scores(path, SCORES), names=(str(samples), str(path)))
            for path in scores
        ],
        runs,
        resampling_units(every["identity"]),
        seed=seed,
    )
    save_table(table, found)
    save_csv(csv, found)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

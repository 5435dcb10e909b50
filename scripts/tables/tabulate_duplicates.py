"""Tabulate a study's near-duplicates: pairs with what is known of both, and what to do."""

from latent_microscope.io.artefacts import load_table, save_csv, save_table
from latent_microscope.step import In, Out, run
from latent_microscope.tables.duplicates import duplicate_list


def main(
    *,
    duplicates: list[In],
    runs: list[int],
    samples: In,
    table: Out,
    csv: Out,
    attributes: In | None = None,
    pictures: bool = True,
) -> None:
    """Put the pairs of all runs together.

    Args:
        duplicates: .parquet of the pairs of each run.
        runs: number of each.
        samples: .parquet with id and identity, or label_name.
        table: .parquet: rank, id_i, id_j, verdict, group (number of the photograph), same (identity
            or class), label_i, label_j, differing attributes, detail, pixel_difference, mean
            similarity and distance, runs_found of n_runs, action.
        csv: the same for people.
        attributes: .parquet with id and one 0/1 column an attribute.
        pictures: whether the samples are images.
    """
    result = duplicate_list(
        [load_table(path) for path in duplicates],
        runs,
        load_table(samples),
        load_table(attributes) if attributes else None,
        pictures=pictures,
    )
    save_table(table, result)
    save_csv(csv, result)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

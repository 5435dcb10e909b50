"""Tabulate the layer by layer similarity to people of all networks over runs."""

from latent_microscope.io.artefacts import load_table, save_csv, save_table
from latent_microscope.io.inputs import load_votes
from latent_microscope.step import In, Out, run
from latent_microscope.tables.layers import layers_table


def main(
    *,
    profiles: list[In],
    votes: In,
    samples: In,
    table: Out,
    csv: Out,
    wanted: int = 2000,
    splits: int = 20,
    seed: int = 0,
    notes: dict[str, str] | None = None,
) -> None:
    """Put the profiles together, with noise ceilings of the same images.

    Args:
        profiles: .parquet of each network and run.
        votes: .parquet with id and one column of counts a class.
        samples: .parquet with id, label, label_name.
        table: .parquet, one row a metric, model and layer.
        csv: the same for people.
        wanted: images that the profiles are of.
        splits: random halvings of the votes.
        seed: root seed.
        notes: what a reader must know of a model, by its name.
    """
    result = layers_table(
        [load_table(path) for path in profiles],
        load_votes(votes, samples),
        wanted=wanted,
        splits=splits,
        seed=seed,
        notes=notes,
    )
    save_table(table, result)
    save_csv(csv, result)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

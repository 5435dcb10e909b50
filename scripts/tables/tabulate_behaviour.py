"""Tabulate the behaviour of classifiers over runs beside people and baselines."""

from latent_microscope.io.artefacts import load_table, save_csv, save_table
from latent_microscope.step import In, Out, run
from latent_microscope.tables.alignment import behaviour_summary


def main(
    *, behaviour: In, table: Out, csv: Out, simulated: bool = False, published: bool = True
) -> None:
    """Summarise behaviour over runs.

    Args:
        behaviour: .parquet of behaviour of each model and run.
        table: .parquet, one row a model: means, standard deviations, number of runs, the least
            possible cross-entropy (nats), published values and their source.
        csv: the same for people.
        simulated: whether the votes are simulated; published values are then left out.
        published: whether published values are of these images at all.
    """
    result = behaviour_summary(load_table(behaviour), simulated=simulated, published=published)
    save_table(table, result)
    save_csv(csv, result)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

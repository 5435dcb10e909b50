"""Gather the comparisons of all models with people in one table."""

from latent_microscope.artefacts import load_table, save_table
from latent_microscope.step import In, Out, run
from latent_microscope.tables.rsa import gather


def main(*, comparisons: list[In], ceiling: In, rsa: Out) -> None:
    """Put the comparisons of one metric together, with the noise ceiling.

    Args:
        comparisons: .parquet of each model RDM.
        ceiling: .parquet with lower and upper.
        rsa: .parquet, one row a model RDM: model, layer, seed, metric, method, value,
            partial_label, rho_a, within_class, non_unanimous, label_only, ceiling_lower,
            ceiling_upper, n_images, n_pairs.
    """
    bounds = load_table(ceiling, ["lower", "upper"])
    save_table(rsa, gather([load_table(path) for path in comparisons], bounds))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

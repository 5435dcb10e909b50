"""Compare the RDMs of all models, and of people, with each other."""

from latent_microscope.artefacts import save_table
from latent_microscope.step import In, Out, run
from latent_microscope.tables.rsa import model_similarity


def main(*, rdms: list[In], names: list[str], similarity: Out) -> None:
    """Correlate every RDM with every other one (Spearman).

    Args:
        rdms: .npy condensed RDMs, their ids beside them.
        names: name of each.
        similarity: .parquet, all ordered pairs: model_a, model_b, value.
    """
    save_table(similarity, model_similarity(rdms, names, similarity.parent))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

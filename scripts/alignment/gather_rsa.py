"""Add the noise ceiling to the comparisons of all models with human votes."""

from latent_microscope.io.artefacts import load_table, save_table
from latent_microscope.step import In, Out, run
from latent_microscope.tables.rsa import gather


def main(*, comparisons: In, ceiling: In, rsa: Out) -> None:
    """Write the comparisons of one metric with the columns ceiling_lower and ceiling_upper."""
    save_table(rsa, gather(load_table(comparisons), load_table(ceiling, ["lower", "upper"])))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

from latent_microscope.io.artefacts import load_table, save_table
from latent_microscope.step import In, Out, run
from latent_microscope.tables.rsa import CEILING, gather


def main(*, comparisons: In, ceiling: In, rsa: Out) -> None:
    """Add the noise ceiling, ceiling_lower and ceiling_upper, to the comparisons of one metric."""
    save_table(rsa, gather(load_table(comparisons), load_table(ceiling, CEILING)))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

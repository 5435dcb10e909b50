from latent_microscope.config.reference import config_reference
from latent_microscope.io.artefacts import save_text
from latent_microscope.step import Out, run


def main(*, page: Out) -> None:
    """Write config/README.md from the classes of the config.

    page: config/README.md.
    """
    save_text(page, config_reference())


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

"""Write config/README.md from the schema of the config."""

from latent_microscope.config.reference import config_reference
from latent_microscope.config.schema import config_schema
from latent_microscope.io.artefacts import save_text
from latent_microscope.step import In, Out, run


def main(*, schema: In, page: Out) -> None:
    """Write the page.

    Args:
        schema: workflow/schemas/config.schema.yaml.
        page: config/README.md.
    """
    save_text(page, config_reference(config_schema(schema)))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

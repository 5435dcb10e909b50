from pathlib import Path

from latent_microscope.io.artefacts import save_text
from latent_microscope.report.readme import with_results
from latent_microscope.step import In, Out, run


def main(*, published: In, readme: In, page: Out) -> None:
    """Renew the results section of README.md from results/published.

    published: results/published.
    readme: README.md as it is.
    page: README.md renewed.
    """
    save_text(page, with_results(Path(readme).read_text(encoding="utf-8"), published))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

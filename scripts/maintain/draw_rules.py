"""Draw the rules and what they wait for: docs/rulegraph.svg from Snakemake's graph."""

from pathlib import Path

from latent_microscope.io.artefacts import save_text
from latent_microscope.planning.rule_graph import picture
from latent_microscope.step import In, Out, run


def main(*, graph: In, picture_file: Out) -> None:
    """Write the picture.

    Args:
        graph: tests/workflow/rulegraph.mmd, which `python tests/workflow/test_rulegraph.py` renews.
        picture_file: .svg
    """
    save_text(picture_file, picture(Path(graph).read_text(encoding="utf-8")))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

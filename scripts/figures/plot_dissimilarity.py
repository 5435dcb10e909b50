"""Plot how alike models are to people's dissimilarities."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.dissimilarity import dissimilarity
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(*, table: In, png: Out, pdf: Out, title: str, style: dict[str, Any] | None = None) -> None:
    """Plot correlations with intervals, baseline and ceiling.

    Args:
        table: .parquet of the similarity to people's dissimilarities.
        png: The figure.
        pdf: The figure as vectors.
        title: Study.
        style: dpi, font_size, palette, limits.
    """
    with look("dissimilarity", style) as made:
        save_figure(dissimilarity(load_table(table), title, made), png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

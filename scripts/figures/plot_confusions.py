"""Plot confusion matrices of people and models, and their difference."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.behaviour import confusions as confusion_panels
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    confusions: In,
    png: Out,
    pdf: Out,
    title: str,
    models: list[str] | None = None,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot shares of answers by true class on a log scale.

    Args:
        confusions: .parquet: source, seed, true, predicted, share.
        png: The figure.
        pdf: The figure as vectors.
        title: Study.
        models: which, in order; all by default.
        style: dpi, font_size, palette, limits.
    """
    with look("confusions", style) as made:
        figure = confusion_panels(load_table(confusions), title, made, sources=models)
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

"""Plot the class-level RDMs of people and models, and maps of the classes."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.classes import classes as draw
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run

COLUMNS = ["model", "layer", "seed", "metric", "class_a", "class_b", "value"]


def main(
    *,
    classes: In,
    png: Out,
    pdf: Out,
    title: str,
    notes: dict[str, str] | None = None,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot distances between classes, and maps by them.

    Args:
        classes: .parquet: model, layer, seed, metric, class_a, class_b, value.
        png: The figure.
        pdf: The figure as vectors.
        title: Study.
        notes: what a reader must know of a model, by its name.
        style: dpi, font_size, palette, limits.
    """
    with look("classes", style) as made:
        figure = draw(load_table(classes, COLUMNS), title, made, notes=notes)
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

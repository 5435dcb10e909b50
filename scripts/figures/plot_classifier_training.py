"""Plot the learning curves of the trained classifiers, several models side by side."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.style import look, pretty, save_figure
from latent_microscope.plots.training import training_curves
from latent_microscope.step import In, Out, run


def main(
    *,
    training: list[In],
    png: Out,
    pdf: Out,
    title: str,
    labels: list[str],
    style: dict[str, Any] | None = None,
) -> None:
    """Plot loss, accuracy and learning rate over epochs; runs of one model share a colour.

    Args:
        training: training.parquet of each model and seed.
        png: The figure.
        pdf: The figure as vectors.
        title: Study.
        labels: the model's name, one a table.
        style: dpi, font_size, palette, limits.
    """
    with look("classifier_training", style) as made:
        figure = training_curves(
            [load_table(p) for p in training], [pretty(x) for x in labels], title, made
        )
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

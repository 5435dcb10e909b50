"""Plot the learning curves of one network over its seeds."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.style import look, save_figure
from latent_microscope.plots.training import training_curves
from latent_microscope.step import In, Out, run


def main(
    *,
    training: list[In],
    png: Out,
    pdf: Out,
    title: str,
    labels: list[str] | None = None,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot loss and its parts (VAE) or loss and accuracy (classifier) over epochs.

    Args:
        training: training.parquet of each run.
        png: The figure.
        pdf: The figure as vectors.
        title: Study and model.
        labels: One a run; "seed 0", "seed 1", … by default.
        style: dpi, font_size, palette, limits.
    """
    with look("training", style) as made:
        names = labels or [f"seed {i}" for i in range(len(training))]
        figure = training_curves([load_table(p) for p in training], names, title, made)
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

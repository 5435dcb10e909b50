"""Plot which model simulated votes were attributed to."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.recovery import recovery
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *, recovered: In, png: Out, pdf: Out, title: str, style: dict[str, Any] | None = None
) -> None:
    """Plot a matrix of makers by attributions.

    Args:
        recovered: .parquet: model, attributed, count, n_simulations, n_images, metric.
        png: The figure.
        pdf: The figure as vectors.
        title: Study.
        style: dpi, font_size, palette, limits.
    """
    columns = ["model", "attributed", "count", "n_simulations", "n_images", "metric"]
    with look("recovery", style) as made:
        save_figure(recovery(load_table(recovered, columns), title, made), png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

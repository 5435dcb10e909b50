"""Plot the similarity to people of every layer of every network."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.layers import layers as draw
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    layers: In,
    png: Out,
    pdf: Out,
    title: str,
    metric: str,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot similarity over depth, with ceiling and label-only line.

    Args:
        layers: .parquet, table of the layers of all networks.
        png: The figure.
        pdf: The figure as vectors.
        title: Study.
        metric: distance whose rows are drawn.
        style: dpi, font_size, palette, limits.
    """
    with look("layers", style) as made:
        save_figure(draw(load_table(layers), title, made, metric=metric), png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

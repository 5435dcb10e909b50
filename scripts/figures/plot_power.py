"""Plot the power of the bias tests."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.simulations import power as draw
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    power: In,
    png: Out,
    pdf: Out,
    title: str,
    attributes: int = 40,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot power over odds ratio, prevalence and cluster size, alone and adjusted.

    Args:
        power: .parquet of the simulated power.
        png: The figure.
        pdf: The figure as vectors.
        title: Study.
        attributes: size of the family.
        style: dpi, font_size, palette, limits.
    """
    with look("power", style) as made:
        figure = draw(load_table(power), title, made, attributes=attributes)
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

"""Plot false alarms under the global null and the coverage of intervals."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.simulations import calibration
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    null: In,
    coverage: In,
    png: Out,
    pdf: Out,
    title: str,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot what the simulations say about tests and intervals.

    Args:
        null: .parquet of rejections under the global null.
        coverage: .parquet of the coverage of intervals.
        png: The figure.
        pdf: The figure as vectors.
        title: Study.
        style: dpi, font_size, palette, limits.
    """
    with look("calibration", style) as made:
        figure = calibration(load_table(null), load_table(coverage), title, made)
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

"""Plot how well detectors find authentic samples as the ground truth gets harder."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.scenarios import detector_settings
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    comparison: In,
    png: Out,
    pdf: Out,
    title: str,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot average precision and F1 over the settings.

    Args:
        comparison: .parquet, one row a setting and detector.
        png: The figure.
        pdf: The figure as vectors.
        title: Study.
        style: dpi, font_size, palette, limits.
    """
    with look("settings", style) as made:
        save_figure(detector_settings(load_table(comparison), title, made), png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

"""Plot how well each score finds authentic samples."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.detection import detectors
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    detection: list[In],
    png: Out,
    pdf: Out,
    title: str,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot ROC AUC and average precision of each detector, mean ± sd over seeds.

    Args:
        detection: detection .parquet of each seed.
        png: The figure.
        pdf: The figure as vectors.
        title: Study, view and method.
        style: dpi, font_size, palette, limits.
    """
    with look("detectors", style) as made:
        tables = [load_table(path) for path in detection]
        save_figure(detectors(tables, title, made), png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

"""Plot how sure every sample's place in a ranking is, beside what pure noise looks like."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.reliability import reliability as percentile_ranges
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    intervals: In,
    reliability: In,
    png: Out,
    pdf: Out,
    title: str,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot the range of each sample's percentile by U, O, stability and CLS.

    Args:
        intervals: score-intervals .parquet: score, id, median, low, high, next_low, next_high,
            noise_median, noise_low, noise_high, replicates, vaes.
        reliability: .parquet, one row a score and source of variation.
        png: The figure.
        pdf: The figure as vectors.
        title: Study.
        style: dpi, font_size, palette, limits.
    """
    with look("reliability", style) as made:
        figure = percentile_ranges(load_table(intervals), load_table(reliability), title, made)
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

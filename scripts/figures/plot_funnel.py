"""Plot precision, recall and F1 of the detection funnel beside the published values."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.detection import funnel as funnel_bars
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    funnel: list[In],
    png: Out,
    pdf: Out,
    title: str,
    percentile: float = 90.0,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot the four configurations, mean ± sd over seeds.

    Args:
        funnel: funnel .parquet of each seed.
        png: The figure.
        pdf: The figure as vectors.
        title: Study, view and method.
        percentile: uniqueness percentile of the configurations shown, 0 to 100.
        style: dpi, font_size, palette, limits.
    """
    with look("funnel", style) as made:
        tables = [load_table(path) for path in funnel]
        save_figure(funnel_bars(tables, title, made, percentile=percentile), png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

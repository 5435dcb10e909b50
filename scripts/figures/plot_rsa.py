"""Plot each model's representational similarity to people, with baseline and ceiling."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.alignment import rsa as rsa_bars
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run

MEASURES = ["model", "layer", "metric", "measure", "low", "high", "low_votes", "high_votes"]
MEASURES += ["ceiling_lower", "ceiling_upper"]


def main(
    *,
    rsa: In,
    png: Out,
    pdf: Out,
    title: str,
    method: str = "spearman",
    simulated: bool = False,
    measures: In | None = None,
    notes: dict[str, str] | None = None,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot the mean over seeds for every model and layer, with whiskers.

    Args:
        rsa: .parquet: model, layer, seed, metric, method, value, partial_label, within_class,
            label_only, ceiling_lower, ceiling_upper, n_images.
        png: The figure.
        pdf: The figure as vectors.
        title: Study.
        method: comparison to show.
        simulated: the votes are simulated: no published value is comparable.
        measures: .parquet of all measures with intervals and ceilings; without it whiskers are the
            standard deviation over seeds.
        notes: what a reader must know of a model, by its name.
        style: dpi, font_size, palette, limits.
    """
    with look("rsa", style) as made:
        figure = rsa_bars(
            load_table(rsa),
            title,
            made,
            method=method,
            published=not simulated,
            notes=notes,
            measures=load_table(measures, MEASURES) if measures else None,
        )
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

"""Plot errors of classifiers against how like people they are."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.accuracy import accuracy
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run

COLUMNS = ["model", "layer", "seed", "metric", "measure", "value", "low", "high", "low_votes"]
COLUMNS += ["high_votes", "baseline", "ceiling_lower", "ceiling_upper"]


def main(
    *,
    measures: In,
    png: Out,
    pdf: Out,
    title: str,
    metric: str = "euclidean",
    targets: dict[str, str] | None = None,
    starts: dict[str, str] | None = None,
    simulated: bool = False,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot cross-entropy to the votes, and similarity of RDMs, against the errors.

    Args:
        measures: .parquet of all measures of all models.
        png: The figure.
        pdf: The figure as vectors.
        title: Study.
        metric: distance of the RDMs.
        targets: what fine-tuned models were trained on (votes or labels), by name.
        starts: the model each of those started from.
        simulated: the votes are simulated: no published value is comparable.
        style: dpi, font_size, palette, limits.
    """
    with look("accuracy", style) as made:
        figure = accuracy(
            load_table(measures, COLUMNS),
            title,
            made,
            metric=metric,
            targets=targets,
            starts=starts,
            published=not simulated,
        )
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

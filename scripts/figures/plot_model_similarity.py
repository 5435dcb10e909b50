"""Plot the similarity of every pair of RDMs, people included."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.alignment import model_similarity
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    similarity: In,
    png: Out,
    pdf: Out,
    title: str,
    metric: str = "",
    notes: dict[str, str] | None = None,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot a matrix of RDMs by RDMs.

    Args:
        similarity: .parquet: model_a, model_b, value.
        png: The figure.
        pdf: The figure as vectors.
        title: Study.
        metric: distance of the RDMs, for the title.
        notes: what a reader must know of a model, by its name.
        style: dpi, font_size, palette, limits.
    """
    with look("model_similarity", style) as made:
        table = load_table(similarity, ["model_a", "model_b", "value"])
        figure = model_similarity(table, title, made, metric=metric, notes=notes)
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

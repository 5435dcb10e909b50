"""Plot originality against uniqueness, by cluster and with their trend."""

from typing import Any

from latent_microscope.io.inputs import joined
from latent_microscope.plots.faces import uniqueness_originality
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    scores: In,
    clusters: In,
    png: Out,
    pdf: Out,
    title: str,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot the two scores of every sample.

    Args:
        scores: .parquet: id, uniqueness, originality.
        clusters: .parquet: id, cluster.
        png: The figure.
        pdf: The figure as vectors.
        title: Study and seed.
        style: dpi, font_size, palette, limits.
    """
    with look("uniqueness_originality", style) as made:
        table = joined(scores, clusters, (["uniqueness", "originality"], ["cluster"]))
        save_figure(uniqueness_originality(table, title, made), png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

"""Plot histograms of densities in the latent space, by kind of sample."""

from typing import Any

from latent_microscope.io.inputs import joined
from latent_microscope.plots.style import look, save_figure
from latent_microscope.plots.synthetic import density
from latent_microscope.step import In, Out, run


def main(
    *,
    scores: In,
    samples: In,
    png: Out,
    pdf: Out,
    title: str,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot kNN and attractor densities.

    Args:
        scores: .parquet: id, knn_density, attractor_density, attractor_density_adaptive.
        samples: .parquet: id and, where there are kinds, kind.
        png: The figure.
        pdf: The figure as vectors.
        title: Study, view and seed.
        style: dpi, font_size, palette, limits.
    """
    columns = ["knn_density", "attractor_density", "attractor_density_adaptive"]
    with look("density", style) as made:
        table = joined(scores, samples, (columns, []))
        save_figure(density(table, title, made), png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

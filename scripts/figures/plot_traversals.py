"""Plot latent traversals: what each of the most active dimensions changes."""

from typing import Any

from latent_microscope.io.artefacts import load_npy, load_table
from latent_microscope.plots.style import look, save_figure
from latent_microscope.plots.training import traversals
from latent_microscope.step import In, Out, run


def main(
    *,
    traversal: In,
    dimensions: In,
    png: Out,
    pdf: Out,
    title: str,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot one row of images a dimension, from −3 to 3 standard deviations.

    Args:
        traversal: .npy uint8 (r, c, H, W, C), most active dimension first.
        dimensions: .parquet: dimension, kl, mean_variance, active.
        png: The figure.
        pdf: The figure as vectors.
        title: Study and seed.
        style: dpi, font_size, palette, limits.
    """
    with look("traversals", style) as made:
        table = load_table(dimensions, ["dimension", "kl"])
        save_figure(traversals(load_npy(traversal), table, title, made), png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

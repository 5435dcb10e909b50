"""Plot KL and variance of each latent dimension: how many carry anything."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.style import look, save_figure
from latent_microscope.plots.training import vae_health
from latent_microscope.step import In, Out, run


def main(
    *,
    dimensions: list[In],
    png: Out,
    pdf: Out,
    title: str,
    labels: list[str] | None = None,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot the dimensions of each run, sorted by KL and by variance.

    Args:
        dimensions: dimensions.parquet of each run.
        png: The figure.
        pdf: The figure as vectors.
        title: Study.
        labels: One a run; "seed 0", "seed 1", … by default.
        style: dpi, font_size, palette, limits.
    """
    with look("vae_health", style) as made:
        names = labels or [f"seed {i}" for i in range(len(dimensions))]
        tables = [load_table(p, ["kl", "mean_variance", "active"]) for p in dimensions]
        save_figure(vae_health(tables, names, title, made), png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

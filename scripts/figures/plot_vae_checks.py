"""Plot the checks of a VAE: aggregated posterior, errors against a constant image, statuses."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.quality import vae_checks
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    posteriors: list[In],
    errors: list[In],
    healths: list[In],
    png: Out,
    pdf: Out,
    title: str,
    labels: list[str] | None = None,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot the health of each run's latent space.

    Args:
        posteriors: .parquet, one row a dimension, of each run.
        errors: .parquet of reconstruction_error and constant_error of each run.
        healths: .parquet of the checks of each run.
        png: The figure.
        pdf: The figure as vectors.
        title: Study, view.
        labels: One a run; "seed 0", "seed 1", … by default.
        style: dpi, font_size, palette, limits.
    """
    with look("vae_checks", style) as made:
        figure = vae_checks(
            [load_table(path, ["mean", "aggregated_variance"]) for path in posteriors],
            [load_table(path, ["reconstruction_error", "constant_error"]) for path in errors],
            [load_table(path) for path in healths],
            labels or [f"seed {i}" for i in range(len(healths))],
            title,
            made,
        )
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

"""Plot images decoded from the same random codes as training goes."""

from typing import Any

from latent_microscope.io.artefacts import load_npy, load_table
from latent_microscope.plots.style import look, save_figure
from latent_microscope.plots.training import vae_samples
from latent_microscope.step import In, Out, run


def main(
    *,
    history: In,
    epochs: In,
    png: Out,
    pdf: Out,
    title: str,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot a row a saved epoch, a column a random code.

    Args:
        history: .npy uint8 (k, m, H, W, C).
        epochs: history.parquet: the epoch of each k.
        png: The figure.
        pdf: The figure as vectors.
        title: Study and seed.
        style: dpi, font_size, palette, limits.
    """
    with look("vae_samples", style) as made:
        figure = vae_samples(load_npy(history), load_table(epochs, ["epoch"]), title, made)
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

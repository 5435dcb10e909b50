"""Plot originals, reconstructions, variations and interpolations of a VAE."""

from typing import Any

from latent_microscope.io.artefacts import load_npy
from latent_microscope.plots.style import look, save_figure
from latent_microscope.plots.training import vae_images
from latent_microscope.step import In, Out, run


def main(
    *,
    reconstructions: In,
    variations: In,
    interpolation: In,
    png: Out,
    pdf: Out,
    title: str,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot what the VAE makes of the study's images.

    Args:
        reconstructions: .npy uint8 (2, m, H, W, C): originals, reconstructions.
        variations: .npy uint8 (r, c, H, W, C): sample r decoded from z + noise.
        interpolation: .npy uint8 (r, c, H, W, C): strips between pairs of samples.
        png: The figure.
        pdf: The figure as vectors.
        title: Study and seed.
        style: dpi, font_size, palette, limits.
    """
    with look("vae_images", style) as made:
        figure = vae_images(
            load_npy(reconstructions), load_npy(variations), load_npy(interpolation), title, made
        )
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

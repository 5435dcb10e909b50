"""Plot low-density sub-niches on the plane, and images of each."""

from typing import Any

from latent_microscope.io.artefacts import load_npy, load_table
from latent_microscope.plots.galleries import subniches as niche_figure
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    images: In,
    samples: In,
    plane: In,
    subniches: In,
    profile: In,
    png: Out,
    pdf: Out,
    title: str,
    most: int = 6,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot where the sub-niches lie and what is in them.

    Args:
        images: .npy uint8 (n, H, W, C), row i = row i of samples.
        samples: .parquet: id.
        plane: .npy (n, 2), likewise.
        subniches: .parquet: index, id, niche.
        profile: subniche-profile.parquet: niche, size, mean_cls, mean_uniqueness, mean_originality.
        png: The figure.
        pdf: The figure as vectors.
        title: Study and seed.
        most: sub-niches with images, the largest first.
        style: dpi, font_size, palette, limits.
    """
    with look("subniches", style) as made:
        figure = niche_figure(
            load_npy(images, mmap=True),
            load_table(samples, ["id"]),
            load_npy(plane),
            load_table(subniches, ["index", "id", "niche"]),
            load_table(profile),
            title,
            made,
            most=most,
        )
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

"""Plot the images of one ranked list, best first."""

from typing import Any

from latent_microscope.artefacts import load_npy, load_table
from latent_microscope.figures.galleries import ranking_grid
from latent_microscope.figures.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    images: In,
    samples: In,
    rankings: In,
    png: Out,
    pdf: Out,
    title: str,
    name: str = "creative",
    columns: int = 15,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot a grid of images with rank and score.

    Args:
        images: .npy uint8 (n, H, W, C), row i = row i of samples.
        samples: .parquet: id.
        rankings: .parquet: list, rank, index, id, cls, originality.
        png: The figure.
        pdf: The figure as vectors.
        title: Study and seed.
        name: the list: creative, stereotypes, grey or generic.
        columns: images a row.
        style: dpi, font_size, palette, limits.
    """
    with look("ranking_grid", style) as made:
        figure = ranking_grid(
            load_npy(images, mmap=True),
            load_table(samples, ["id"]),
            load_table(rankings),
            name,
            title,
            made,
            columns=columns,
        )
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

"""Plot the images of ranked lists, best first."""

from typing import Any

from latent_microscope.io.artefacts import load_npy, load_table
from latent_microscope.plots.galleries import ranking_grid
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    images: In,
    samples: In,
    rankings: In,
    png: list[Out],
    pdf: list[Out],
    title: str,
    names: list[str],
    columns: int = 15,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot a grid of images with rank and score for each list.

    Args:
        images: .npy uint8 (n, H, W, C), row i = row i of samples.
        samples: .parquet: id.
        rankings: .parquet: list, rank, index, id, cls, originality.
        png: One figure a list.
        pdf: The figures as vectors.
        title: Study and seed.
        names: the lists: creative, stereotypes, grey or generic.
        columns: images a row.
        style: dpi, font_size, palette, limits.
    """
    pictures, ids, lists = (
        load_npy(images, mmap=True),
        load_table(samples, ["id"]),
        load_table(rankings),
    )
    with look("ranking_grid", style) as made:
        for name, raster, vector in zip(names, png, pdf, strict=True):
            figure = ranking_grid(pictures, ids, lists, name, title, made, columns=columns)
            save_figure(figure, png=raster, pdf=vector)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

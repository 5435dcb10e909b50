"""Plot near-duplicates and look-alikes as images side by side."""

from typing import Any

from latent_microscope.io.artefacts import load_npy, load_table
from latent_microscope.plots.quality import duplicate_pairs
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    images: In,
    samples: In,
    pairs: In,
    png: Out,
    pdf: Out,
    title: str,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot the pairs of the study's list.

    Args:
        images: .npy uint8 (n, H, W, C), row i = row i of samples.
        samples: .parquet: id.
        pairs: .parquet: the study's near-duplicates and look-alikes.
        png: The figure.
        pdf: The figure as vectors.
        title: Study.
        style: dpi, font_size, palette, limits.
    """
    with look("duplicates", style) as made:
        figure = duplicate_pairs(
            load_npy(images, mmap=True),
            load_table(samples, ["id"]),
            load_table(pairs),
            title,
            made,
        )
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

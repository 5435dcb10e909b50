"""Plot the most similar pairs of latents as images side by side."""

from typing import Any

from latent_microscope.io.artefacts import load_npy, load_table
from latent_microscope.plots.style import look, save_figure
from latent_microscope.plots.synthetic import overlaps as overlap_pairs
from latent_microscope.step import In, Out, run


def main(
    *,
    images: In,
    overlaps: In,
    samples: In,
    summary: In,
    png: Out,
    pdf: Out,
    title: str,
    shown: int = 12,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot the top pairs with their similarity.

    Args:
        images: .npy uint8 (n, H, W, C), row i = row i of samples.
        overlaps: .parquet: i, j, id_i, id_j, similarity, distance.
        samples: .parquet: id and, where there are kinds, kind.
        summary: summary .parquet: the quantity overlaps_total.
        png: The figure.
        pdf: The figure as vectors.
        title: Study, view and seed.
        shown: pairs at most.
        style: dpi, font_size, palette, limits.
    """
    with look("overlaps", style) as made:
        quantities = load_table(summary, ["quantity", "value"]).set_index("quantity")["value"]
        figure = overlap_pairs(
            load_npy(images, mmap=True),
            load_table(overlaps),
            load_table(samples),
            int(quantities["overlaps_total"]),
            title,
            made,
            shown=shown,
        )
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

"""Plot the stereotypical bias score by minimal cluster size."""

from typing import Any

from latent_microscope.io.artefacts import load_table
from latent_microscope.plots.stability import sbs_sizes
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    sbs: list[In],
    planes: list[In],
    png: Out,
    pdf: Out,
    title: str,
    labels: list[str] | None = None,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot SBS with its interval, number of clusters and noise of each run.

    Args:
        sbs: .parquet of the SBS by cluster size of each run.
        planes: .parquet of the SBS by UMAP seed of each run.
        png: The figure.
        pdf: The figure as vectors.
        title: Study and view.
        labels: One a run; "seed 0", "seed 1", … by default.
        style: dpi, font_size, palette, limits.
    """
    with look("sbs_sizes", style) as made:
        names = labels or [f"seed {i}" for i in range(len(sbs))]
        figure = sbs_sizes(
            [load_table(path) for path in sbs],
            [load_table(path) for path in planes],
            names,
            title,
            made,
        )
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

"""Plot the first two independent components by cluster, and a zoom into one cluster."""

from typing import Any

from latent_microscope.io.artefacts import load_npy
from latent_microscope.io.inputs import joined
from latent_microscope.plots.faces import components
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    sources: In,
    scores: In,
    clusters: In,
    png: Out,
    pdf: Out,
    title: str,
    cluster: int | None = None,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot components 1 and 2.

    Args:
        sources: .npy (n, k), row i = row i of scores.
        scores: .parquet: id.
        clusters: .parquet: id, cluster.
        png: The figure.
        pdf: The figure as vectors.
        title: Study, seed and method.
        cluster: cluster to zoom into; the largest by default.
        style: dpi, font_size, palette, limits.
    """
    with look("components", style) as made:
        table = joined(scores, clusters, (["uniqueness"], ["cluster"]))
        figure = components(load_npy(sources), table["cluster"], title, made, cluster=cluster)
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

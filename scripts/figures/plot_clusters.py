"""Plot the UMAP plane by cluster, CLS, uniqueness and originality."""

from typing import Any

from latent_microscope.io.artefacts import load_npy
from latent_microscope.io.inputs import joined
from latent_microscope.plots.faces import clusters as cluster_maps
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    plane: In,
    scores: In,
    clusters: In,
    png: Out,
    pdf: Out,
    title: str,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot four maps of the plane.

    Args:
        plane: .npy (n, 2), row i = row i of scores.
        scores: .parquet: id, cls, uniqueness, originality.
        clusters: .parquet: id, cluster.
        png: The figure.
        pdf: The figure as vectors.
        title: Study and seed.
        style: dpi, font_size, palette, limits.
    """
    with look("clusters", style) as made:
        table = joined(scores, clusters, (["cls", "uniqueness", "originality"], ["cluster"]))
        save_figure(cluster_maps(load_npy(plane), table, title, made), png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

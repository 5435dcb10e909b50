"""Plot images of a cluster beside random images outside it, with the scores of both."""

from typing import Any

from latent_microscope.io.artefacts import load_npy
from latent_microscope.io.inputs import joined
from latent_microscope.plots.faces import choose_cluster, cluster_control
from latent_microscope.plots.style import look, save_figure
from latent_microscope.seeds import rng
from latent_microscope.step import In, Out, run


def main(
    *,
    images: In,
    scores: In,
    clusters: In,
    png: Out,
    pdf: Out,
    title: str,
    cluster: int | None = None,
    shown: int = 25,
    seed: int = 0,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot a cluster against a random control.

    Args:
        images: .npy uint8 (n, H, W, C), row i = row i of scores.
        scores: .parquet: id, uniqueness, originality, stability, cls.
        clusters: .parquet: id, cluster.
        png: The figure.
        pdf: The figure as vectors.
        title: Study and seed.
        cluster: which; the largest by default.
        shown: images of either group at most.
        seed: root seed, draws the images.
        style: dpi, font_size, palette, limits.
    """
    columns = ["uniqueness", "originality", "stability", "cls"]
    with look("cluster_control", style) as made:
        table = joined(scores, clusters, (columns, ["cluster"]))
        figure = cluster_control(
            load_npy(images, mmap=True),
            table,
            choose_cluster(table["cluster"], cluster),
            rng(seed, "plot_cluster_control"),
            title,
            made,
            shown=shown,
        )
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

"""Plot maps of the latent space: PCA by density, t-SNE by cluster and kind."""

from typing import Any

from latent_microscope.io.artefacts import join_by_id, load_npy, load_table
from latent_microscope.io.inputs import joined
from latent_microscope.plots.style import look, save_figure
from latent_microscope.plots.synthetic import latent_map
from latent_microscope.step import In, Out, run


def main(
    *,
    latents: In,
    tsne: In,
    scores: In,
    clusters: In,
    samples: In,
    png: Out,
    pdf: Out,
    title: str,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot the principal plane and the t-SNE plane.

    Args:
        latents: .npy (n, d), row i = row i of scores.
        tsne: .npy (n, 2), likewise.
        scores: .parquet: id, knn_density.
        clusters: .parquet: id, cluster.
        samples: .parquet: id, kind.
        png: The figure.
        pdf: The figure as vectors.
        title: Study, view and seed.
        style: dpi, font_size, palette, limits.
    """
    with look("latent_map", style) as made:
        table = joined(scores, clusters, (["knn_density"], ["cluster"]))
        kinds = load_table(samples, ["id", "kind"])
        table = join_by_id(table, kinds, names=(str(scores), str(samples)))
        figure = latent_map(load_npy(latents), load_npy(tsne), table, title, made)
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

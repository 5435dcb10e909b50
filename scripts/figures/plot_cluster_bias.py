"""Plot the attribute bias of the largest clusters beside samples of their images."""

from typing import Any

import numpy as np

from latent_microscope.io.artefacts import load_npy, load_table
from latent_microscope.io.inputs import joined
from latent_microscope.plots.bias import bias_panels
from latent_microscope.plots.latent import biggest_clusters
from latent_microscope.plots.style import look, save_figure
from latent_microscope.seeds import rng
from latent_microscope.step import In, Out, run


def main(
    *,
    images: In,
    samples: In,
    clusters: In,
    abi: In,
    png: Out,
    pdf: Out,
    title: str,
    definition: str = "odds",
    top: int = 10,
    most: int = 6,
    seed: int = 0,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot the attributes furthest from 1 with 95 % intervals, for the largest clusters.

    Args:
        images: .npy uint8 (n, H, W, C), row i = row i of samples.
        samples: .parquet: id.
        clusters: .parquet: id, cluster.
        abi: .parquet: group, definition, attribute, direction, status, estimate, low, high, q.
        png: The figure.
        pdf: The figure as vectors.
        title: Study and seed.
        definition: odds or ratio.
        top: attributes of a group.
        most: clusters at most, the largest first.
        seed: root seed, draws the images.
        style: dpi, font_size, palette, limits.
    """
    with look("cluster_bias", style) as made:
        table = joined(samples, clusters, ([], ["cluster"]))
        labels = table["cluster"].to_numpy()
        groups = {
            f"cluster {k}": np.flatnonzero(labels == k) for k in biggest_clusters(labels)[:most]
        }
        bias = load_table(abi)
        figure = bias_panels(
            load_npy(images, mmap=True),
            bias[bias["definition"] == definition],
            groups,
            rng(seed, "plot_cluster_bias"),
            title,
            made,
            top=top,
        )
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

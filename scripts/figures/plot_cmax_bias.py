"""Plot the attribute bias of C_max, the largest cluster of the latents themselves."""

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
    seed: int = 0,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot the attributes furthest from 1 with 95 % intervals, for C_max.

    Args:
        images: .npy uint8 (n, H, W, C), row i = row i of samples.
        samples: .parquet: id.
        clusters: .parquet: id, cmax.
        abi: .parquet: group, definition, attribute, direction, status, estimate, low, high, q.
        png: The figure.
        pdf: The figure as vectors.
        title: Study and seed.
        definition: odds or ratio.
        top: attributes of a group.
        seed: root seed, draws the images.
        style: dpi, font_size, palette, limits.
    """
    with look("cmax_bias", style) as made:
        table = joined(samples, clusters, ([], ["cmax"]))
        labels = table["cmax"].fillna(-1).to_numpy(int)
        found = biggest_clusters(labels)
        groups = {"cmax": np.flatnonzero(labels == found[0])} if found else {}
        bias = load_table(abi)
        figure = bias_panels(
            load_npy(images, mmap=True),
            bias[bias["definition"] == definition],
            groups,
            rng(seed, "plot_cmax_bias"),
            title,
            made,
            top=top,
            nothing="no C_max: HDBSCAN calls all latents noise (SBS = 0)",
        )
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

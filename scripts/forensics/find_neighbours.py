"""Find the nearest neighbours of every sample among the standardised latents."""

import numpy as np

from latent_microscope.forensics.clusters import GRAPH_NEIGHBOURS, plane_neighbours
from latent_microscope.io.artefacts import load_npy, require_finite, save_npy
from latent_microscope.step import In, Out, run


def main(*, latents: In, neighbours: Out, distances: Out, wanted: int = 15) -> None:
    """Find neighbours, for the plane and the clusters in latent space.

    Args:
        latents: .npy (n, d) latent means.
        neighbours: .npy int32 (n, k) rows of the nearest others, nearest first.
        distances: .npy float64 (n, k) their distances, in standard deviations.
        wanted: neighbours that UMAP needs; never fewer than the clusters in latent space do.
    """
    z = load_npy(latents, mmap=True)
    require_finite(z, latents)
    found = plane_neighbours(z, max(wanted, GRAPH_NEIGHBOURS))
    save_npy(neighbours, found.indices.astype(np.int32))
    save_npy(distances, found.distances)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

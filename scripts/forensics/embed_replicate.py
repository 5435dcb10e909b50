"""Embed latents in the plane by UMAP with another seed."""

import numpy as np

from latent_microscope.forensics.clusters import umap_plane
from latent_microscope.io.artefacts import load_npy, require_finite, save_npy
from latent_microscope.neighbours.knn import load_neighbours
from latent_microscope.seeds import derive
from latent_microscope.step import In, Out, run


def main(
    *,
    latents: In,
    plane: Out,
    neighbours: In | None = None,
    distances: In | None = None,
    neighbors: int = 15,
    min_dist: float = 0.1,
    seed: int = 0,
    run: int = 0,
    replicate: int = 1,
) -> None:
    """Embed standardised latent means in two dimensions.

    Args:
        latents: .npy (n, d) latent means.
        plane: .npy float32 (n, 2) UMAP coordinates.
        neighbours: .npy (n, k) rows of the nearest others; searched for if not given.
        distances: .npy (n, k) their distances among the standardised latents.
        neighbors: UMAP neighbours.
        min_dist: least distance on the plane.
        seed: root seed.
        run: number of the run.
        replicate: number of the UMAP seed; the run's own plane is 0.
    """
    z = load_npy(latents, mmap=True)
    require_finite(z, latents)
    points = umap_plane(
        z,
        seed=derive(seed, "embed_plane", run, replicate),
        n_neighbors=neighbors,
        min_dist=min_dist,
        neighbours=load_neighbours(neighbours, distances, len(z)),
    )
    save_npy(plane, points.astype(np.float32))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

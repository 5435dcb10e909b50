import numpy as np

from latent_microscope.forensics.clusters import umap_plane
from latent_microscope.io.artefacts import load_npy, require_finite, save_npy
from latent_microscope.neighbours.pairs import load_neighbours
from latent_microscope.seeds import derive
from latent_microscope.step import In, Out, run


def main(
    *,
    latents: In,
    umap: Out,
    neighbours: In | None = None,
    distances: In | None = None,
    neighbors: int = 15,
    min_dist: float = 0.1,
    root_seed: int = 0,
    seed: int = 0,
    replicate: int | None = None,
) -> None:
    """Embed standardised latent means in two dimensions by UMAP, float32 (n, 2).

    replicate: number of another UMAP seed.
    """
    z = load_npy(latents, mmap=True)
    require_finite(z, latents)
    if replicate is None:
        umap_seed = derive(root_seed, "embed_plane", seed)
    else:
        umap_seed = derive(root_seed, "embed_plane", seed, replicate)
    points = umap_plane(
        z,
        seed=umap_seed,
        n_neighbors=neighbors,
        min_dist=min_dist,
        neighbours=load_neighbours(neighbours, distances, len(z)),
    )
    save_npy(umap, points.astype(np.float32))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

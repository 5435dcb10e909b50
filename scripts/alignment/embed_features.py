import numpy as np

from latent_microscope.forensics.clusters import plane_neighbours, umap_plane
from latent_microscope.io.artefacts import load_npy, require_finite, save_npy
from latent_microscope.seeds import derive
from latent_microscope.step import In, Out, run


def main(
    *,
    features: In,
    umap: Out,
    neighbours: Out,
    neighbors: int = 15,
    min_dist: float = 0.1,
    root_seed: int = 0,
) -> None:
    """Find the neighbours of each image and embed the features by UMAP, for the explorer.

    neighbours: .npy int32 (n, k) rows of the nearest others, nearest first.
    neighbors: neighbours of UMAP.
    min_dist: least distance of points in the embedding.
    """
    rows = load_npy(features, mmap=True)
    require_finite(rows, features)
    found = plane_neighbours(rows, neighbors)
    embedded = umap_plane(
        rows,
        seed=derive(root_seed, "embed_features"),
        n_neighbors=neighbors,
        min_dist=min_dist,
        neighbours=found,
    )
    save_npy(umap, embedded.astype(np.float32))
    save_npy(neighbours, found.indices.astype(np.int32))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

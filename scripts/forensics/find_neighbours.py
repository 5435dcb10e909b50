import numpy as np

from latent_microscope.forensics.clusters import GRAPH_NEIGHBOURS, plane_neighbours
from latent_microscope.forensics.latent_scans import load_parts
from latent_microscope.io.artefacts import load_npy, require_finite, save_npy
from latent_microscope.step import In, Out, run


def main(
    *,
    latents: In,
    neighbours: Out,
    distances: Out,
    wanted: int = 15,
    parts: list[In] | None = None,
) -> None:
    """Find the nearest others, int32 (n, k), and their distances in standard deviations.

    At least ``wanted`` and at least as many as clusters in latent space need. parts: files of the
    step scan_part, part by part, if it has done the search.
    """
    z = load_npy(latents, mmap=True)
    require_finite(z, latents)
    k = max(wanted, GRAPH_NEIGHBOURS)
    found = plane_neighbours(z, k, load_parts(parts, z, k))
    save_npy(neighbours, found.indices.astype(np.int32))
    save_npy(distances, found.distances)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

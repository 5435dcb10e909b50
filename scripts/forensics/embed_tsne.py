import numpy as np

from latent_microscope.forensics.clusters import tsne_plane
from latent_microscope.io.artefacts import load_npy, require_finite, save_npy
from latent_microscope.seeds import derive
from latent_microscope.step import In, Out, run


def main(*, latents: In, tsne: Out, root_seed: int = 0, seed: int = 0) -> None:
    """Embed standardised latent means in two dimensions by t-SNE, float32 (n, 2)."""
    z = load_npy(latents, mmap=True)
    require_finite(z, latents)
    points = tsne_plane(z, seed=derive(root_seed, "embed_tsne", seed))
    save_npy(tsne, points.astype(np.float32))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

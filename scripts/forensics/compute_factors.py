from latent_microscope.forensics.sources import factor_sources
from latent_microscope.io.artefacts import load_npy, require_finite, save_npy
from latent_microscope.seeds import derive
from latent_microscope.step import In, Out, run


def main(
    *, latents: In, factors: Out, components: int | None = None, root_seed: int = 0, seed: int = 0
) -> None:
    """Find factor scores (n, k) of standardised latent means; k is min(20, d) by default."""
    z = load_npy(latents, mmap=True)
    require_finite(z, latents)
    save_npy(
        factors,
        factor_sources(z, components, seed=derive(root_seed, "compute_factors", seed) % 2**32),
    )


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

import numpy as np

from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_ids, load_rows
from latent_microscope.seeds import derive
from latent_microscope.step import In, Out, run
from latent_microscope.tables.bias import resampled_people
from latent_microscope.tables.cluster_stability import resample_stability


def main(
    *,
    umap: In,
    encoding: In,
    sbs: Out,
    pairs: Out,
    clusters: Out,
    sizes: list[int],
    min_cluster_size: int = 100,
    min_samples: int = 10,
    resamples: int = 100,
    resampling: str = "subsample",
    share: float = 0.8,
    root_seed: int = 0,
    seed: int = 0,
    samples: In | None = None,
) -> None:
    """Cluster resamples of the UMAP and compare each with the clusters of all samples.

    sbs: min_cluster_size, configured, share (the SBS), low, high (95 %), resample_median,
    resample_low, resample_high, n_clusters, n_clusters_low, n_clusters_high, noise_share,
    n_resamples. pairs and clusters as of compare_umaps. sizes are capped at n / 2; people are
    resampled if samples has the column identity; resampling: subsample (of this share) or
    bootstrap.
    """
    ids = load_ids(encoding)
    found = resample_stability(
        np.asarray(load_rows(umap, ids, encoding)),
        identities=resampled_people(samples, encoding),
        sizes=sizes,
        min_cluster_size=min_cluster_size,
        min_samples=min_samples,
        resamples=resamples,
        resampling=resampling,
        share=share,
        seed=derive(root_seed, "resample_clusters", seed),
    )
    save_table(sbs, found["sbs"])
    save_table(pairs, found["pairs"])
    save_table(clusters, found["clusters"])


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

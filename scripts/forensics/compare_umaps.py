from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_ids, load_rows
from latent_microscope.seeds import derive
from latent_microscope.step import In, Out, run
from latent_microscope.tables.cluster_stability import plane_stability


def main(
    *,
    umap: In,
    replicates: list[In],
    encoding: In,
    sbs: Out,
    pairs: Out,
    clusters: Out,
    min_cluster_size: int = 100,
    min_samples: int = 10,
    root_seed: int = 0,
    seed: int = 0,
) -> None:
    """Compare the clusters of one VAE's latents over UMAP seeds.

    sbs: umap, min_cluster_size, share, n_clusters, noise_share. pairs of UMAPs: first, second, ari,
    ami (noise as a label), ari_clustered, ami_clustered (points clustered in both), clustered_both,
    baseline_ari. clusters of the first UMAP: cluster, size, jaccard, jaccard_sd, recovered,
    dissolved, baseline, n, verdict.
    """
    ids = load_ids(encoding)
    planes = [load_rows(path, ids, encoding) for path in [umap, *replicates]]
    found = plane_stability(
        planes,
        [f"umap {k}" for k in range(len(planes))],
        min_cluster_size=min_cluster_size,
        min_samples=min_samples,
        seed=derive(root_seed, "compare_planes", seed),
    )
    save_table(sbs, found["sbs"])
    save_table(pairs, found["pairs"])
    save_table(clusters, found["clusters"])


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

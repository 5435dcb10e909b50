"""Cluster resamples of the plane again: how stable clusters and SBS are to another sample."""

import numpy as np

from latent_microscope.io.artefacts import join_by_id, load_table, save_table
from latent_microscope.io.inputs import load_ids, load_rows
from latent_microscope.seeds import derive
from latent_microscope.step import In, Out, run
from latent_microscope.tables.bias import resampling_units
from latent_microscope.tables.cluster_stability import resample_stability


def main(
    *,
    plane: In,
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
    seed: int = 0,
    run: int = 0,
    samples: In | None = None,
) -> None:
    """Cluster resamples and compare each with the clusters of all samples.

    Args:
        plane: .npy (n, 2) UMAP coordinates.
        encoding: .parquet with the column id, one row a point.
        sbs: .parquet, one row a smallest cluster size: min_cluster_size, configured, share (the
            SBS), low, high (95 %), resample_median, resample_low, resample_high, n_clusters,
            n_clusters_low, n_clusters_high, noise_share, n_resamples.
        pairs: .parquet, one row a resample: first, second, ari, ami (noise as a label),
            ari_clustered, ami_clustered (points clustered in both), clustered_both, baseline_ari.
        clusters: .parquet, one row a cluster: cluster, size, jaccard, jaccard_sd, recovered,
            dissolved, baseline, n, verdict.
        sizes: smallest cluster sizes of the curve, capped at n / 2.
        min_cluster_size: the study's own.
        min_samples: core neighbours.
        resamples: number of resamples.
        resampling: subsample (without replacement) or bootstrap.
        share: share of people (of samples without people) in a subsample.
        seed: root seed.
        run: number of the run.
        samples: .parquet with id; if it has the column identity, people are resampled.
    """
    ids = load_ids(encoding)
    points = load_rows(plane, ids, encoding)
    people = None
    if samples:
        table = load_table(samples)
        if "identity" in table:
            both = join_by_id(
                load_table(encoding, ["id"]),
                table[["id", "identity"]],
                names=(str(encoding), str(samples)),
            )
            people = resampling_units(both["identity"])
    found = resample_stability(
        np.asarray(points),
        identities=people,
        sizes=sizes,
        min_cluster_size=min_cluster_size,
        min_samples=min_samples,
        resamples=resamples,
        resampling=resampling,
        share=share,
        seed=derive(seed, "resample_clusters", run),
    )
    save_table(sbs, found.sbs)
    save_table(pairs, found.pairs)
    save_table(clusters, found.clusters)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

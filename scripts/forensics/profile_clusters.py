"""Describe clusters: size, spread, mean scores, and the stereotypical bias score."""

from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import joined, load_rows
from latent_microscope.step import In, Out, run
from latent_microscope.tables.clusters import profile_table, sbs_table


def main(
    *, latents: In, clusters: In, scores: In, profile: Out, sbs: Out, measured: list[str]
) -> None:
    """Profile the clusters on the plane; SBS of all partitions.

    Args:
        latents: .npy (n, d) latent means, in the order of the clusters table.
        clusters: .parquet of cluster memberships.
        scores: .parquet of all scores.
        profile: .parquet, one row a cluster, noise (-1) included: cluster, size, mean_distance,
            max_distance, sd_distance (latent units), mean_cls, mean_uniqueness, mean_originality,
            mean_stability, creative.
        sbs: .parquet, one row a partition: partition, share, label, n_clusters, noise_share.
        measured: names of the scores, cls among them.
    """
    table = joined(clusters, scores, ([], measured))
    z = load_rows(latents, table["id"].tolist(), clusters)
    save_table(profile, profile_table(z, table["cluster"].to_numpy(), table, measured))
    save_table(sbs, sbs_table(table))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

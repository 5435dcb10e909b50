"""Tabulate SBS by cluster size and the stability of clusters, over all runs of a study."""

import pandas as pd

from latent_microscope.io.artefacts import load_table, save_csv, save_table
from latent_microscope.seeds import derive
from latent_microscope.step import In, Out, run
from latent_microscope.tables.cluster_stability import stability_tables, stacked


def main(
    *,
    sbs: list[In],
    resampled: list[In],
    planes: list[In],
    resampled_clusters: list[In],
    planes_clusters: list[In],
    clusters: list[In],
    views: list[str],
    runs: list[int],
    sbs_table: Out,
    sbs_csv: Out,
    stability_table: Out,
    stability_csv: Out,
    clusters_table: Out,
    clusters_csv: Out,
    seed: int = 0,
) -> None:
    """Tabulate.

    Args:
        sbs: .parquet of the SBS by cluster size of each run.
        resampled: .parquet of the agreement over resamples of each run.
        planes: .parquet of the agreement over UMAP seeds of each run.
        resampled_clusters: .parquet of the clusters' Jaccard over resamples of each run.
        planes_clusters: .parquet of the clusters' Jaccard over UMAP seeds of each run.
        clusters: .parquet of the cluster memberships of each run.
        views: view of each run.
        runs: number of each run.
        sbs_table: .parquet, view and run, then as the SBS by cluster size.
        sbs_csv: the same for people.
        stability_table: .parquet, one row a view, run and source of variation (resamples, UMAP
            seeds, VAE seeds): agreement of labelings, its verdict and a warning.
        stability_csv: the same for people.
        clusters_table: .parquet, one row a view, run, cluster and source: Jaccard and verdict.
        clusters_csv: the same for people.
        seed: root seed of the shuffled baselines.
    """
    curve = stacked([load_table(path) for path in sbs], views, runs, "sbs")
    stability = stability_tables(
        resampled=[load_table(path) for path in resampled],
        planes=[load_table(path) for path in planes],
        clusters=[load_table(path) for path in clusters],
        views=views,
        runs=runs,
        seed=derive(seed, "tabulate_clusters"),
    )
    sources = {"resamples": resampled_clusters, "UMAP seeds": planes_clusters}
    parts = [
        stacked([load_table(path) for path in paths], views, runs, source).assign(source=source)
        for source, paths in sources.items()
    ]
    jaccard = pd.concat(parts, ignore_index=True)
    for table, path, csv in (
        (curve, sbs_table, sbs_csv),
        (stability, stability_table, stability_csv),
        (jaccard, clusters_table, clusters_csv),
    ):
        save_table(path, table)
        save_csv(csv, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

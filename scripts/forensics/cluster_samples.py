"""Cluster samples by HDBSCAN on the plane and in latent space."""

from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_ids, load_rows
from latent_microscope.neighbours.knn import load_neighbours
from latent_microscope.step import In, Out, run
from latent_microscope.tables.clusters import membership_table


def main(
    *,
    plane: In,
    latents: In,
    encoding: In,
    clusters: Out,
    neighbours: In | None = None,
    distances: In | None = None,
    min_cluster_size: int = 100,
    min_samples: int = 10,
    scales: list[int],
    cmax_rows: int = 10_000,
) -> None:
    """Find clusters, numbered by falling size; noise is -1.

    Args:
        plane: .npy (n, 2) UMAP coordinates.
        latents: .npy (n, d) latent means.
        encoding: .parquet with the column id, one row a latent.
        clusters: .parquet, one row a sample: id, cluster (on the plane), probability, cmax (in
            latent space), scale_<size> for each scale.
        neighbours: .npy (n, k) rows of the nearest others; searched for if not given.
        distances: .npy (n, k) their distances among the standardised latents.
        min_cluster_size: smallest cluster on the plane, samples.
        min_samples: core neighbours on the plane, samples.
        scales: smallest cluster sizes of the multi-scale run on the plane, samples.
        cmax_rows: most samples for HDBSCAN itself in latent space; of more, its tree is grown
            from the neighbour graph.
    """
    ids = load_ids(encoding)
    table = membership_table(
        load_rows(plane, ids, encoding),
        load_rows(latents, ids, encoding),
        ids,
        min_cluster_size=min_cluster_size,
        min_samples=min_samples,
        scales=scales,
        cmax_rows=cmax_rows,
        neighbours=load_neighbours(neighbours, distances, len(ids)),
    )
    save_table(clusters, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

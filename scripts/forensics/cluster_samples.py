from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_ids, load_rows
from latent_microscope.neighbours.pairs import load_neighbours
from latent_microscope.step import In, Out, run
from latent_microscope.tables.clusters import membership_table


def main(
    *,
    umap: In,
    latents: In,
    encoding: In,
    clusters: Out,
    neighbours: In | None = None,
    distances: In | None = None,
    min_cluster_size: int = 100,
    min_samples: int = 10,
    scales: list[int],
) -> None:
    """Cluster by HDBSCAN on the UMAP and in latent space, numbered by falling size; noise is -1.

    clusters: id, cluster (on the UMAP), probability, cmax (in latent space), scale_<size> (on the
    plane at each of scales).
    """
    ids = load_ids(encoding)
    table = membership_table(
        load_rows(umap, ids, encoding),
        load_rows(latents, ids, encoding),
        ids,
        min_cluster_size=min_cluster_size,
        min_samples=min_samples,
        scales=scales,
        neighbours=load_neighbours(neighbours, distances, len(ids)),
    )
    save_table(clusters, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

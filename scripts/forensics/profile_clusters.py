from latent_microscope.forensics.clusters import cluster_profile
from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import joined, load_rows
from latent_microscope.step import In, Out, run
from latent_microscope.tables.clusters import sbs_table


def main(
    *, latents: In, clusters: In, scores: In, profile: Out, sbs: Out, measured: list[str]
) -> None:
    """Describe clusters: size, spread, mean scores, and the stereotypical bias score.

    profile: cluster (-1 is noise), size, mean_distance, max_distance, sd_distance (latent units),
    mean_<score>, creative. sbs: partition, share, label, n_clusters, noise_share.
    """
    table = joined(clusters, scores, ([], measured))
    z = load_rows(latents, table["id"].tolist(), clusters)
    scored = {name: table[name] for name in sorted(measured, key=lambda name: name != "cls")}
    save_table(profile, cluster_profile(z, table["cluster"], scored))
    save_table(sbs, sbs_table(table))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_votes
from latent_microscope.step import In, Out, run
from latent_microscope.tables.rsa import compare_sources, sources


def main(
    *,
    features: list[In],
    feature_ids: list[In],
    samples: In,
    votes: In,
    comparisons: Out,
    similarity: Out,
    models: list[str],
    layers: list[str],
    seeds: list[int],
    transforms: list[str],
    rdms: list[In] | None = None,
    rdm_ids: list[In] | None = None,
    metric: str,
    tau: bool = False,
    threads: int = 1,
) -> None:
    """Compare the RDMs of all models with the human RDM, and with each other.

    comparisons: one row per model RDM: model, layer, seed, metric, method, value (rho-a),
    spearman, partial_label, within_class_rho_a, within_class, non_unanimous_rho_a, non_unanimous,
    cosine, tau_a, semipartial, others_explain, class_level, cka, self_rho_a, human_self_rho_a,
    label_only, n_images, n_pairs. similarity: all ordered pairs of the human RDM and of the first
    seeds: model_a, model_b, value (Spearman).
    """
    human, *others = sources(
        rdms, rdm_ids, features, feature_ids, models, layers, seeds, transforms
    )
    table, square = compare_sources(
        human, others, load_votes(votes, samples), metric, tau=tau, threads=threads
    )
    save_table(comparisons, table)
    save_table(similarity, square)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

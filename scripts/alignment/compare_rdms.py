"""Compare the RDMs of all models with that of people, and with each other."""

from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_votes
from latent_microscope.step import In, Out, run
from latent_microscope.tables.rsa import compare_sources, sources


def main(
    *,
    rdms: list[In],
    rdm_ids: list[In],
    features: list[In],
    feature_ids: list[In],
    samples: In,
    votes: In,
    comparisons: Out,
    similarity: Out,
    models: list[str],
    layers: list[str],
    runs: list[int],
    transforms: list[str],
    metric: str,
    tau: bool = False,
    threads: int = 1,
) -> None:
    """Compare RDMs by rank over all pairs and where the label says nothing; people come first.

    Args:
        rdms: .npy condensed RDMs, people first.
        rdm_ids: .parquet of the ids of each, beside it.
        features: .npy that each was made of.
        feature_ids: .parquet with the ids of their rows.
        samples: .parquet with id, label, label_name.
        votes: .parquet with id and one column of counts a class.
        comparisons: .parquet, one row a model RDM: model, layer, seed, metric, method, value
            (Spearman), partial_label, rho_a, within_class, non_unanimous, cosine, tau_a,
            unique_variance, others_explain, class_level, cka, self_rho_a, label_only, n_images,
            n_pairs.
        similarity: .parquet, all ordered pairs of people and first runs: model_a, model_b, value.
        models: name of the model of each RDM.
        layers: features or probabilities.
        runs: number of the run, the column seed.
        transforms: what was done to the features first: none, or softmax.
        metric: distance of the RDMs.
        tau: compute tau-a, which takes as long as all the rest.
        threads: RDMs at the same time; changes no number.
    """
    found = sources(rdms, rdm_ids, features, feature_ids, models, layers, runs, transforms)
    table, square = compare_sources(
        found[0],
        found[1:],
        load_votes(votes, samples),
        metric,
        comparisons,
        tau=tau,
        threads=threads,
    )
    save_table(comparisons, table)
    save_table(similarity, square)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

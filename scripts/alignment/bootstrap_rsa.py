"""Bootstrap the similarity of all models to people over images and over votes."""

from latent_microscope.io.artefacts import load_table, save_table
from latent_microscope.io.inputs import load_votes
from latent_microscope.step import In, Out, run
from latent_microscope.tables.intervals import bootstrap_sources, exact_differences
from latent_microscope.tables.rsa import sources


def main(
    *,
    rdms: list[In],
    rdm_ids: list[In],
    features: list[In],
    feature_ids: list[In],
    samples: In,
    votes: In,
    comparisons: In,
    intervals: Out,
    differences: Out,
    check: Out,
    models: list[str],
    layers: list[str],
    runs: list[int],
    transforms: list[str],
    metric: str,
    draws: int = 1000,
    vote_sets: int = 8,
    correction: str = "holm",
    tau: bool = False,
    check_images: int = 1000,
    check_draws: int = 200,
    seed: int = 0,
    threads: int = 1,
) -> None:
    """Draw images (and votes) with replacement, the same for all models; ranks follow the draws.

    Args:
        rdms: .npy condensed RDMs, people first.
        rdm_ids: .parquet of the ids of each, beside it.
        features: .npy that each was made of.
        feature_ids: .parquet with the ids of their rows.
        samples: .parquet with id, label, label_name.
        votes: .parquet with id and one column of counts a class.
        comparisons: .parquet with the values of all measures.
        intervals: .parquet: model, layer, seed, metric, measure, value, low, high, sd (images),
            low_votes, high_votes, sd_votes (images and votes), vote_shift, n_draws.
        differences: .parquet, one row a pair of RDMs: differences of the Spearman correlations,
            intervals, p values, p values adjusted for their number.
        check: .parquet, the same intervals on the first images with every sample ranked anew.
        models: name of the model of each RDM.
        layers: features or probabilities.
        runs: number of the run, the column seed.
        transforms: what was done to the features first: none, or softmax.
        metric: distance of the RDMs.
        draws: bootstrap samples.
        vote_sets: times that all votes are drawn again; mixed image by image.
        correction: of the p values, holm or bh.
        tau: intervals of tau-a too.
        check_images: images of the check.
        check_draws: samples of the check.
        seed: root seed.
        threads: threads; changes no number.
    """
    found = sources(rdms, rdm_ids, features, feature_ids, models, layers, runs, transforms)
    people = load_votes(votes, samples)
    table, paired = bootstrap_sources(
        found[0],
        found[1:],
        people,
        load_table(comparisons),
        metric,
        n_draws=draws,
        vote_sets=vote_sets,
        seed=seed,
        correction=correction,
        tau=tau,
        threads=threads,
    )
    save_table(intervals, table)
    save_table(differences, paired)
    checked = exact_differences(
        found[0],
        found[1:],
        people,
        metric,
        n_images=check_images,
        n_draws=check_draws,
        seed=seed,
        threads=threads,
    )
    save_table(check, checked)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

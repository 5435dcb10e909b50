from latent_microscope.io.artefacts import load_table, save_table
from latent_microscope.io.inputs import load_votes
from latent_microscope.step import In, Out, run
from latent_microscope.tables.intervals import bootstrap_sources, exact_differences
from latent_microscope.tables.rsa import sources


def main(
    *,
    features: list[In],
    feature_ids: list[In],
    samples: In,
    votes: In,
    comparisons: In,
    intervals: Out,
    differences: Out,
    kinds: Out,
    check: Out,
    models: list[str],
    layers: list[str],
    seeds: list[int],
    transforms: list[str],
    rdms: list[In] | None = None,
    rdm_ids: list[In] | None = None,
    metric: str,
    draws: int = 1000,
    correction: str = "max-t",
    tau: bool = False,
    check_images: int = 1000,
    check_draws: int = 200,
    root_seed: int = 0,
    threads: int = 1,
) -> None:
    """Bootstrap the alignment of all models with human judgements over images.

    Images are drawn with their votes, the same for all models; ranks follow the draws. The values
    are those of the comparisons; correction of p values: max-t, holm or bh.

    intervals: model, layer, seed, metric, measure, value, low, high, sd, n_draws. differences: one
    row per pair of RDMs: differences of rho-a, intervals, p values, adjusted p values. kinds: the
    same of the mean over the seeds of each model, with intervals over images and seeds. check: the
    intervals on the first check_images images, every sample ranked again.
    """
    human, *others = sources(
        rdms, rdm_ids, features, feature_ids, models, layers, seeds, transforms
    )
    human_votes = load_votes(votes, samples)
    table, paired, of_kinds = bootstrap_sources(
        human,
        others,
        human_votes,
        load_table(comparisons),
        metric,
        n_draws=draws,
        seed=root_seed,
        correction=correction,
        tau=tau,
        threads=threads,
    )
    save_table(intervals, table)
    save_table(differences, paired)
    save_table(kinds, of_kinds)
    checked = exact_differences(
        human,
        others,
        human_votes,
        metric,
        n_images=check_images,
        n_draws=check_draws,
        seed=root_seed,
        threads=threads,
    )
    save_table(check, checked)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

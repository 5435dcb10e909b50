from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_votes
from latent_microscope.similarity.measures import HEADLINE
from latent_microscope.step import In, Out, run
from latent_microscope.tables.ceilings import noise_ceilings


def main(
    *,
    votes: In,
    samples: In,
    ceiling: Out,
    ceilings: Out,
    metric: str = "euclidean",
    splits: int = 20,
    simulated_datasets: int = 3,
    tau: bool = False,
    root_seed: int = 0,
    threads: int = 1,
) -> None:
    """Estimate the noise ceilings of human alignment from simulated truths and halves of the votes.

    ceiling: one row, of rho-a: ceiling and ceiling_sd (the true RDM against
    these votes), status (why there is none), lower (mean correlation of the halves), upper (root
    of the Spearman-Brown value, an estimate and no bound), sd of lower over splits, n_splits.
    ceilings: one row per measure: measure, ceiling, ceiling_sd, status (why there is none), lower,
    upper, spread, upper_spread, n_splits, n_simulated_datasets.
    """
    table = noise_ceilings(
        load_votes(votes, samples),
        metric,
        n_splits=splits,
        n_simulated_datasets=simulated_datasets,
        seed=root_seed,
        tau=tau,
        threads=threads,
    )
    names = ["ceiling", "ceiling_sd", "status", "lower", "upper", "spread", "n_splits"]
    first = table.loc[table["measure"] == HEADLINE, names]
    save_table(ceiling, first.rename(columns={"spread": "sd"}).reset_index(drop=True))
    save_table(ceilings, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

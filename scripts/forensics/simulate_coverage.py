"""Simulate the coverage of the intervals of the bias index."""

from latent_microscope.forensics.bias_simulations import simulate_coverage
from latent_microscope.io.artefacts import save_csv, save_table
from latent_microscope.seeds import derive
from latent_microscope.step import Out, run


def main(
    *,
    table: Out,
    csv: Out,
    members: list[int],
    runs: int = 1000,
    images: int = 2000,
    resamples: int = 400,
    seed: int = 0,
) -> None:
    """Simulate studies of known odds ratios.

    Args:
        table: .parquet, one row a scenario, effect, cluster size, prevalence and odds ratio: runs,
            covering, coverage, low, high (95 %), agrees (p and interval), passes (93 % to 97 %).
        csv: the same for people.
        members: sizes of the cluster.
        runs: simulated studies.
        images: images of a study.
        resamples: bootstrap resamples of identities.
        seed: root seed.
    """
    found = simulate_coverage(
        runs=runs,
        images=images,
        members=members,
        resamples=resamples,
        seed=derive(seed, "simulate_coverage"),
    )
    save_table(table, found)
    save_csv(csv, found)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

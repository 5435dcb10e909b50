"""Simulate the power of the bias tests over odds ratio, prevalence and cluster size."""

from latent_microscope.forensics.bias_simulations import simulate_power
from latent_microscope.io.artefacts import save_csv, save_table
from latent_microscope.seeds import derive
from latent_microscope.step import Out, run


def main(
    *,
    table: Out,
    csv: Out,
    members: list[int],
    odds_ratios: list[float],
    prevalences: list[float],
    runs: int = 1000,
    images: int = 10000,
    attributes: int = 40,
    seed: int = 0,
) -> None:
    """Simulate studies of one biased attribute.

    Args:
        table: .parquet, one row a cluster size, prevalence and odds ratio: runs, power, power_low,
            power_high (p <= 0.05), adjusted, adjusted_low, adjusted_high (q <= 0.05 in the family).
        csv: the same for people.
        members: sizes of the cluster.
        odds_ratios: true odds ratios.
        prevalences: prevalences of the attribute outside the cluster.
        runs: simulated studies of each setting.
        images: images of a study.
        attributes: attributes of the family.
        seed: root seed.
    """
    found = simulate_power(
        runs=runs,
        images=images,
        members=members,
        odds_ratios=odds_ratios,
        prevalences=prevalences,
        attributes=attributes,
        seed=derive(seed, "simulate_power"),
    )
    save_table(table, found)
    save_csv(csv, found)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

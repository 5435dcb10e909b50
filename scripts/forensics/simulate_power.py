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
    root_seed: int = 0,
) -> None:
    """Simulate the power of the bias tests over odds ratio, prevalence and cluster size.

    table: people, members, prevalence, odds_ratio, runs, untestable (share of studies), power,
    power_low, power_high (p <= 0.05), adjusted, adjusted_low, adjusted_high (q <= 0.05 in the
    family of attributes).
    """
    state = derive(root_seed, "simulate_power")
    found = simulate_power(runs, images, members, odds_ratios, prevalences, attributes, seed=state)
    save_table(table, found)
    save_csv(csv, found)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

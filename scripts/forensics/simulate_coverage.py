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
    root_seed: int = 0,
) -> None:
    """Simulate the coverage of the intervals of the bias index.

    table: scenario, procedure, effect, members, prevalence, odds_ratio, runs, covering, coverage,
    low, high (95 %), agrees (p and interval), passes (reaches 93 %). members: sizes of the cluster.
    """
    state = derive(root_seed, "simulate_coverage")
    found = simulate_coverage(runs, images, members, seed=state)
    save_table(table, found)
    save_csv(csv, found)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

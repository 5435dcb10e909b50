from latent_microscope.forensics.bias_simulations import simulate_null
from latent_microscope.io.artefacts import save_csv, save_table
from latent_microscope.seeds import derive
from latent_microscope.step import Out, run


def main(
    *,
    table: Out,
    csv: Out,
    runs: int = 1000,
    images: int = 2000,
    attributes: int = 40,
    groups: int = 5,
    root_seed: int = 0,
) -> None:
    """Simulate the false positives of the bias tests under the global null.

    table: scenario, procedure, family, tests, runs, rejecting, share, low, high (95 %), limit (99 %
    binomial limit of 5 %), required, passes, p_share.
    """
    state = derive(root_seed, "simulate_null")
    found = simulate_null(runs, images, attributes, groups, seed=state)
    save_table(table, found)
    save_csv(csv, found)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

from latent_microscope.forensics.restarts import run_restart_scores
from latent_microscope.io.artefacts import load_npy, load_table, save_table
from latent_microscope.io.inputs import load_with_ids
from latent_microscope.step import In, Out, run


def main(
    *,
    latents: In,
    encoding: In,
    restarts: In,
    unmixings: In,
    scores: Out,
    variant: str = "script",
    reference_rows: int = 2_000,
    root_seed: int = 0,
    seed: int = 0,
) -> None:
    """Score the samples by every ICA restart: uniqueness depends on the unmixing.

    scores: id, restart_<number> (NaN for a failed restart), chosen (the restart that all other
    tables use). Distances are measured to reference_rows rows.
    """
    z, ids = load_with_ids(latents, encoding)
    fits = load_table(restarts, ["restart", "chosen"])
    weights = load_npy(unmixings)
    table = run_restart_scores(
        z, ids, fits, weights, variant, reference_rows, root_seed=root_seed, seed=seed
    )
    save_table(scores, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

"""Score the samples by every ICA restart: uniqueness depends on the unmixing."""

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
    seed: int = 0,
    run: int = 0,
) -> None:
    """Compute uniqueness from the sources of each restart.

    Args:
        latents: .npy (n, d) latent means.
        encoding: .parquet with the column id, one row a latent.
        restarts: .parquet of the ICA restarts: restart, chosen.
        unmixings: .npy (restarts, k, d + 1) of the same restarts.
        scores: .parquet: id, restart_<number> (uniqueness; NaN for a restart that failed), chosen
            (the number of the restart that all other tables use, the same in each row).
        variant: script or notebook.
        reference_rows: rows that the mean distance is measured to; all where there are no more.
        seed: root seed.
        run: number of the run.
    """
    z, ids = load_with_ids(latents, encoding)
    fits = load_table(restarts, ["restart", "chosen"])
    table = run_restart_scores(
        z,
        ids,
        fits,
        load_npy(unmixings),
        variant,
        reference_rows=reference_rows,
        seed=seed,
        run=run,
    )
    save_table(scores, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

"""Score the samples by every ICA restart: uniqueness depends on the unmixing."""

import numpy as np
import pandas as pd

from latent_microscope.forensics.restarts import restart_uniqueness
from latent_microscope.io.artefacts import load_npy, load_table, save_table
from latent_microscope.io.inputs import load_with_ids
from latent_microscope.seeds import derive
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
    values = restart_uniqueness(
        z,
        load_npy(unmixings),
        variant,
        reference_rows=reference_rows,
        seed=derive(seed, "score_restarts", run),
    )
    chosen = int(fits["restart"].to_numpy()[np.flatnonzero(fits["chosen"])[0]])
    columns = {f"restart_{r}": values[:, k] for k, r in enumerate(fits["restart"])}
    table = pd.DataFrame({"id": pd.Series(ids, dtype="str"), **columns, "chosen": chosen})
    save_table(scores, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

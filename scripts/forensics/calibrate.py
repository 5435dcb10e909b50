from importlib import import_module

import pandas as pd

from latent_microscope.calibration.grid import calibrate
from latent_microscope.io.artefacts import save_table
from latent_microscope.seeds import derive
from latent_microscope.step import Out, run


def main(*, table: Out, part: str, data_sets: int = 200, root_seed: int = 0) -> None:
    """Try methods of inference on simulated data sets with a known truth.

    table: method, cell (of its grid), outcome, value (mean over the data sets), sd, n,
    not_available (share), nominal, band_low, band_high (simultaneous over the cells), outside,
    explained.
    part: module of latent_microscope.calibration.
    data_sets: simulated data sets per cell.
    """
    methods = import_module(f"latent_microscope.calibration.{part}").METHODS
    seed = derive(root_seed, "calibrate")
    save_table(table, pd.concat([calibrate(one, data_sets, seed) for one in methods]))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))

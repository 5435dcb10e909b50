"""Calibration of every method of inference on simulated data sets."""

import pandas as pd

from latent_microscope.arguments import In
from latent_microscope.io.artefacts import load_table


def tabulate_calibration(*, parts: list[In]) -> pd.DataFrame:
    """Concatenate the calibrations of all methods; those outside their band come first.

    Args:
        parts: .parquet of the methods of one module each.

    Returns:
        One row per method, cell of its grid and outcome: ``calibration.grid.COLUMNS``.
    """
    table = pd.concat([load_table(path) for path in parts], ignore_index=True)
    return table.sort_values("outside", ascending=False, kind="stable", ignore_index=True)

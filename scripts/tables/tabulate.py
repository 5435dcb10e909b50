from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_csv, save_table
from latent_microscope.step import run_declared


def finish(name: str, tabulate: Callable[..., Any], outputs: Mapping[str, Sequence[Path]]) -> None:
    """Save what a declared function returns: a table, or tables by name of the output.

    Outputs are Parquet files by name, and the CSV of each: ``csv``, or its name and ``_csv``.
    """
    made = tabulate()
    tables = {next(iter(outputs)): made} if isinstance(made, pd.DataFrame) else dict(made)
    wanted = {key for key in outputs if not key.endswith("csv")}
    if set(tables) != wanted:
        raise InputError(f"{name}: its function gives {sorted(tables)}, not {sorted(wanted)}")
    for key, table in tables.items():
        save_table(outputs[key][0], table)
        for csv in outputs.get("csv" if key == "table" else f"{key}_csv", []):
            save_csv(csv, table)


if __name__ == "__main__":
    run_declared("tables", finish, globals().get("snakemake"), supplied=[])

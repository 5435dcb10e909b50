"""Synthetic tables as files, for the functions of declared tables."""

from pathlib import Path

import pandas as pd

from latent_microscope.io.artefacts import save_table


def saved(folder: Path, *tables: pd.DataFrame) -> list[Path]:
    """Save tables as 0.parquet … in a folder."""
    paths = [folder / f"{number}.parquet" for number in range(len(tables))]
    for path, table in zip(paths, tables, strict=True):
        save_table(path, table)
    return paths

"""RDMs in files: condensed float32 ``.npy`` with the table of ids beside it."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import (
    load_npy,
    load_table,
    save_npy,
    save_table,
    writing_npy,
)
from latent_microscope.similarity.rdms import RDM, as_ids, n_pairs, rdm


def ids_path(path: Path | str) -> Path:
    """File of the ids of the RDM at ``path``: ``votes.npy`` has ``votes.ids.parquet``."""
    return Path(path).with_suffix(".ids.parquet")


def write_rdm(
    path: Path | str,
    features: npt.ArrayLike,
    metric: str = "euclidean",
    ids: npt.ArrayLike | None = None,
) -> RDM:
    """Compute an RDM straight into its ``.npy``, ids and metric beside it; memory-mapped."""
    n = np.shape(features)[0]
    names = as_ids(ids, n)
    with writing_npy(Path(path), (n_pairs(n),), np.float32) as out:
        rdm(features, metric, names, out=out)
    save_table(ids_path(path), pd.DataFrame({"id": names, "metric": metric}))
    return load_rdm(path)


def save_rdm(path: Path, matrix: RDM) -> None:
    """Write an RDM, ids and metric beside it; NaN: a pair that nobody judged."""
    save_npy(path, matrix.values)
    save_table(ids_path(path), pd.DataFrame({"id": matrix.ids, "metric": matrix.metric}))


def load_rdm(path: Path | str) -> RDM:
    """A memory-mapped RDM; ids (and metric, if there) are read from ``<stem>.ids.parquet``."""
    path, beside = Path(path), ids_path(path)
    values = load_npy(path, mmap=True)
    if not beside.exists():
        raise InputError(f"{path}: its ids ({beside.name}) are missing; compute the RDM again")
    table = load_table(beside)
    if "id" not in table.columns:
        raise InputError(f"{beside}: the column 'id' is missing; it has {list(table.columns)}")
    column = table["id"]
    ids = column.to_numpy() if column.dtype.kind in "iu" else column.to_numpy(dtype=str)
    metric = "unknown"
    if "metric" in table.columns and len(table):
        metric = str(table["metric"].iloc[0])
    if values.ndim != 1 or values.size != n_pairs(ids.size):
        raise InputError(
            f"{path}: shape {values.shape} is no condensed RDM of the {ids.size} ids in "
            f"{beside.name}; compute both again"
        )
    return RDM(values, ids, metric)

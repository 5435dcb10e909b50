"""RDMs in files (condensed float32 ``.npy`` with the ids beside it) and in rsatoolbox objects."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_table, save_npy, save_table, writing_npy
from latent_microscope.similarity.comparison import require_same_images
from latent_microscope.similarity.pairs import n_pairs
from latent_microscope.similarity.rdms import RDM, as_ids, rdm

if TYPE_CHECKING:
    from rsatoolbox.rdm import RDMs


def ids_path(path: Path | str) -> Path:
    """File of the ids of the RDM at ``path``: ``votes.npy`` has ``votes.ids.parquet``."""
    return Path(path).with_suffix(".ids.parquet")


def _save_ids(path: Path, ids: np.ndarray, metric: str) -> None:
    save_table(ids_path(path), pd.DataFrame({"id": ids, "metric": metric}))


def save_rdm(path: Path | str, matrix: RDM) -> None:
    """Write an RDM: condensed float32 at ``path`` (.npy), ids and metric in the table beside it."""
    _save_ids(Path(path), matrix.ids, matrix.metric)
    save_npy(Path(path), matrix.values)


def write_rdm(
    path: Path | str,
    features: npt.ArrayLike,
    metric: str = "euclidean",
    ids: npt.ArrayLike | None = None,
) -> RDM:
    """Compute an RDM straight into its file, without holding it in memory.

    Args:
        path: The ``.npy`` to write; the ids go beside it.
        features: As for ``rdm``.
        metric: As for ``rdm``.
        ids: As for ``rdm``.

    Returns:
        The RDM, memory-mapped.
    """
    n = np.shape(features)[0]
    names = as_ids(ids, n)
    with writing_npy(Path(path), (n_pairs(n),), np.float32) as out:
        rdm(features, metric, names, out=out)
    _save_ids(Path(path), names, metric)
    return load_rdm(path)


def load_rdm(path: Path | str, *, mmap: bool = True) -> RDM:
    """Read an RDM.

    Args:
        path: Condensed ``.npy``; ids are read from ``<stem>.ids.parquet`` (columns ``id`` and, if
            there, ``metric``) or ``<stem>.ids.npy``.
        mmap: Map the values read-only instead of reading them.

    Raises:
        InputError: A file is missing or damaged, or the number of ids does not fit.
    """
    path = Path(path)
    values = load_npy(path, mmap=mmap)
    table_path, array_path = ids_path(path), path.with_suffix(".ids.npy")
    metric = "unknown"
    if table_path.exists():
        table = load_table(table_path)
        if "id" not in table.columns:
            raise InputError(f"{table_path}: lacks the column 'id'; it has {list(table.columns)}")
        column = table["id"]
        ids = column.to_numpy() if column.dtype.kind in "iu" else column.to_numpy(dtype=str)
        if "metric" in table.columns and len(table):
            metric = str(table["metric"].iloc[0])
    elif array_path.exists():
        ids = load_npy(array_path)
    else:
        raise InputError(f"{path}: no ids beside it ({table_path.name}); write it with save_rdm.")
    if values.ndim != 1 or values.size != n_pairs(ids.size):
        raise InputError(
            f"{path}: shape {values.shape} is no condensed RDM of the {ids.size} ids beside it; "
            "make both again."
        )
    return RDM(values, ids, metric)


def to_rsatoolbox(rdms: RDM | Mapping[str, RDM]) -> "RDMs":
    """An rsatoolbox ``RDMs`` object of one or several RDMs over the same images.

    Ids become the pattern descriptor ``id``, names the RDM descriptor ``name``.

    Raises:
        InputError: Different ids, or metrics that differ.
    """
    from rsatoolbox.rdm import RDMs

    named = {"rdm": rdms} if isinstance(rdms, RDM) else dict(rdms)
    items = list(named.values())
    require_same_images(items)
    metrics = sorted({item.metric for item in items})
    if len(metrics) > 1:
        raise InputError(
            f"One RDMs object holds one metric, not {' and '.join(metrics)}; convert them apart."
        )
    return RDMs(
        np.stack([np.asarray(item.values) for item in items]),
        dissimilarity_measure=metrics[0],
        pattern_descriptors={"id": items[0].ids.tolist()},
        rdm_descriptors={"name": list(named)},
    )


def from_rsatoolbox(rdms: "RDMs") -> dict[str, RDM]:
    """The RDMs of an rsatoolbox object, by name.

    Ids come from the pattern descriptor ``id``, else ``index``; names from the RDM descriptor
    ``name``, else the position.

    Raises:
        InputError: Missing (NaN) dissimilarities.
    """
    patterns = rdms.pattern_descriptors
    ids = np.asarray(patterns.get("id", patterns.get("index", np.arange(rdms.n_cond))))
    names = [str(n) for n in rdms.rdm_descriptors.get("name", range(rdms.n_rdm))]
    values = np.asarray(rdms.dissimilarities)
    for name, row in zip(names, values, strict=True):
        if not np.isfinite(row).all():
            raise InputError(
                f"RDM {name!r} of the rsatoolbox object has missing values; drop them."
            )
    metric = str(rdms.dissimilarity_measure or "unknown")
    return {n: RDM(row, ids, metric) for n, row in zip(names, values, strict=True)}

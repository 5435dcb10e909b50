"""Features or logits of a model from elsewhere, joined to our images by id."""

import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.custom.arrays import Ids, Rows, chosen_rows, read_rows
from latent_microscope.custom.meaning import as_logits, require_outputs
from latent_microscope.custom.study import rows_of
from latent_microscope.errors import InputError
from latent_microscope.files.contents import open_contents

log = logging.getLogger("latent_microscope")
_LABELS = ("label", "labels")


def model_rows(
    found: Rows, order: npt.NDArray[np.int64], ids: Ids, path: Path, holds: str
) -> npt.NDArray[np.float32]:
    """Rows of a model in this order: features, or outputs as numbers whose softmax they are.

    :class:`InputError` if the numbers are other outputs than ``holds`` says, so that no softmax is
    taken twice or left out.
    """
    if holds == "features":
        return chosen_rows(found, order, ids, path)
    require_outputs(found.entry, holds, path)
    return as_logits(chosen_rows(found, order, ids, path), holds)


def external_rows(
    path: Path, samples: pd.DataFrame, array: str | None = None, holds: str = "features"
) -> npt.NDArray[np.float32]:
    """Rows (n, f) of the images ``samples`` (id, label), in their order.

    By id where the file has ids, which may cover more images than these. Else by position, which is
    logged: then the number of rows must be that of the images. Labels in the file must be those of
    ``samples``.
    """
    found = read_rows(path, array=array, left_out=_LABELS)
    ids = samples["id"].astype(str).to_numpy(dtype=object)
    if found.ids is None:
        if found.count != len(ids):
            raise InputError(
                f"{path}: {found.count} rows and no ids, for {len(ids)} images; give one row "
                "per image in their order, or add ids"
            )
        log.info("%s has no ids: row i is taken for image i", path)
        order = np.arange(len(ids))
    else:
        order = rows_of(found.ids, ids, path)
    labels = _labels(path)
    if labels is not None:
        wrong = np.flatnonzero(labels[order] != samples["label"].to_numpy())
        if wrong.size:
            raise InputError(
                f"{path}: its label of the image {ids[wrong[0]]!r} differs from ours, as do "
                f"{wrong.size - 1} more; its rows are in another order"
            )
    return model_rows(found, order, ids, path, holds)


def _labels(path: Path) -> npt.NDArray[np.int64] | None:
    """True classes in the file, a check of the order of its rows."""
    entries = open_contents(path).entries
    name = next((name for name in _LABELS if name in entries), None)
    if name is None:
        return None
    labels = entries[name].read()
    if labels.dtype.kind not in "iu":
        raise InputError(f"{path}: {name!r} must hold whole numbers")
    return labels.astype(np.int64)

"""PyOD's detectors, the baselines of ours; a module of its own, since only studies need PyOD."""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from pyod.models.cblof import CBLOF
from pyod.models.ecod import ECOD
from pyod.models.gmm import GMM
from pyod.models.hbos import HBOS
from pyod.models.iforest import IForest
from pyod.models.inne import INNE
from pyod.models.knn import KNN
from pyod.models.lof import LOF

from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_matrix

log = logging.getLogger("latent_microscope")

Floats = npt.NDArray[np.float64]


def _detectors(seed: int) -> dict[str, Callable[[], Any]]:
    return {
        "KNN": KNN,
        "KNN mean of 10": lambda: KNN(n_neighbors=10, method="mean"),
        "LOF": LOF,
        "IForest": lambda: IForest(random_state=seed),
        "INNE": lambda: INNE(random_state=seed),
        "HBOS": HBOS,
        "ECOD": ECOD,
        "GMM": lambda: GMM(n_components=5, random_state=seed),
        "CBLOF": lambda: CBLOF(random_state=seed),
    }


# Detectors whose score is a positive distance or ratio of distances.
DISTANCES = ("KNN", "KNN mean of 10", "LOF", "CBLOF")


def baseline_scores(latents: npt.ArrayLike, *, seed: int = 0) -> dict[str, Floats]:
    """Outlier scores of PyOD's detectors by name, higher = more of an outlier.

    PyOD's defaults, plus the mean distance to ten neighbours, and five components for GMM (the
    true number of people at the published setting). Infinite scores become the largest finite one.
    A detector that refuses the data is left out, with a warning: CBLOF does so where no cluster
    is larger than the others.
    """
    z = as_matrix(latents, "latents")
    if len(z) <= 20:
        raise InputError(f"latents has {len(z)} rows; PyOD's defaults need more than 20")
    scores = {}
    for name, make in _detectors(int(seed) % 2**32).items():
        try:
            values = np.asarray(make().fit(z).decision_scores_, dtype=np.float64)
        except ValueError as error:
            log.warning("%s is left out: %s", name, error)
            continue
        finite = np.isfinite(values)
        top = float(values[finite].max()) if finite.any() else 0.0
        scores[name] = np.where(finite, values, top)
    return scores

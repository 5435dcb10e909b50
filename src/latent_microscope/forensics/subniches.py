"""Sub-niches: groups of samples in the low-density valleys of the plane."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.cluster import DBSCAN
from sklearn.neighbors import KernelDensity

from latent_microscope.forensics.checks import as_matrix, as_vector, in_range
from latent_microscope.forensics.clusters import by_size

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SubNiches:
    """Low-density groups of samples."""

    labels: npt.NDArray[np.int64]  # n labels: sub-niche 0, 1, … by falling size, -1 for none
    log_density: Floats  # n logarithms of the kernel density on the plane
    valley: npt.NDArray[np.bool_]  # n booleans: below the percentile of density
    threshold: float  # that percentile of the log density


def sub_niches(
    plane: npt.ArrayLike,
    *,
    bandwidth: float = 0.5,
    percentile: float = 20.0,
    eps: float = 0.3,
    min_samples: int = 5,
    min_points: int = 20,
) -> SubNiches:
    """Sub-niches: density valleys of the plane in space, then DBSCAN within them."""
    points = as_matrix(plane, "plane")
    in_range(bandwidth, "bandwidth", 1e-12)
    in_range(percentile, "percentile", 0.0, 100.0)
    in_range(eps, "eps", 1e-12)
    in_range(min_samples, "min_samples", 1)
    density = KernelDensity(kernel="gaussian", bandwidth=bandwidth, rtol=1e-8).fit(points)
    log_density = density.score_samples(points)
    threshold = float(np.percentile(log_density, percentile))
    valley = log_density < threshold
    labels = np.full(len(points), -1, dtype=np.int64)
    if valley.any():
        labels[valley] = DBSCAN(eps=eps, min_samples=int(min_samples)).fit_predict(points[valley])
        sizes = np.bincount(labels + 1, minlength=1)
        labels[sizes[labels + 1] < min_points] = -1
    return SubNiches(by_size(labels), log_density, valley, threshold)


def sub_niche_table(
    labels: npt.NDArray[np.int64],
    cls: npt.ArrayLike,
    uniqueness: npt.ArrayLike,
    originality: npt.ArrayLike,
) -> pd.DataFrame:
    """Size and mean scores of every sub-niche."""
    scores = {"cls": cls, "uniqueness": uniqueness, "originality": originality}
    columns = {f"mean_{name}": as_vector(v, name, len(labels)) for name, v in scores.items()}
    records = []
    for niche in range(int(labels.max()) + 1):
        members = labels == niche
        means = {name: float(column[members].mean()) for name, column in columns.items()}
        records.append({"niche": niche, "size": int(np.count_nonzero(members)), **means})
    types = {"niche": "int64", "size": "int64"} | dict.fromkeys(columns, "float64")
    return pd.DataFrame.from_records(records, columns=list(types)).astype(types)

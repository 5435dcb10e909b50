"""Sub-niches: groups of samples in the low-density valleys of the plane."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.cluster import DBSCAN
from sklearn.neighbors import KernelDensity

from latent_microscope.forensics.bias import attribute_bias_index
from latent_microscope.forensics.checks import as_matrix, as_vector, in_range
from latent_microscope.forensics.clusters import by_size

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SubNiches:
    """Low-density groups of samples.

    Attributes:
        labels: n labels: sub-niche 0, 1, … by falling size, -1 for none.
        log_density: n logarithms of the kernel density on the plane.
        valley: n booleans: below the percentile of density.
        threshold: That percentile of the log density.
    """

    labels: npt.NDArray[np.int64]
    log_density: Floats
    valley: npt.NDArray[np.bool_]
    threshold: float

    @property
    def count(self) -> int:
        """Number of sub-niches."""
        return int(self.labels.max()) + 1


def sub_niches(
    plane: npt.ArrayLike,
    *,
    bandwidth: float = 0.5,
    percentile: float = 20.0,
    eps: float = 0.3,
    min_samples: int = 5,
    min_points: int = 20,
) -> SubNiches:
    """Find sub-niches: density valleys in space, then DBSCAN within them.

    Args:
        plane: (n, 2) coordinates.
        bandwidth: Of the Gaussian kernel density.
        percentile: Valleys lie strictly below this percentile of density.
        eps: Radius of DBSCAN.
        min_samples: Core points of DBSCAN.
        min_points: Smallest sub-niche.

    Returns:
        A :class:`SubNiches`; no sub-niche is a result.

    Raises:
        InputError: If ``plane`` is not a finite matrix or an option is out of range.
    """
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
    niches: SubNiches, cls: npt.ArrayLike, uniqueness: npt.ArrayLike, originality: npt.ArrayLike
) -> pd.DataFrame:
    """Size and mean scores of every sub-niche.

    Returns:
        Table ``niche``, ``size``, ``mean_cls``, ``mean_uniqueness``, ``mean_originality``,
        ``mean_log_density``; empty without sub-niches.

    Raises:
        InputError: If a score has not one finite value a sample.
    """
    n = len(niches.labels)
    columns = {
        "mean_cls": as_vector(cls, "cls", n),
        "mean_uniqueness": as_vector(uniqueness, "uniqueness", n),
        "mean_originality": as_vector(originality, "originality", n),
        "mean_log_density": niches.log_density,
    }
    records = []
    for niche in range(niches.count):
        members = niches.labels == niche
        means = {name: float(column[members].mean()) for name, column in columns.items()}
        records.append({"niche": niche, "size": int(np.count_nonzero(members)), **means})
    table = pd.DataFrame.from_records(records, columns=["niche", "size", *columns])
    return table.astype(
        {name: "int64" if name in ("niche", "size") else "float64" for name in table}
    )


def sub_niche_bias(
    niches: SubNiches,
    attributes: npt.ArrayLike | pd.DataFrame,
    definition: str = "odds",
    *,
    identities: npt.ArrayLike | None = None,
    n_resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """ABI of every sub-niche: the table of :func:`attribute_bias_index` with a ``niche`` column.

    Raises:
        InputError: As :func:`attribute_bias_index`.
    """
    tables = []
    for niche in range(niches.count):
        table = attribute_bias_index(
            attributes,
            niches.labels == niche,
            definition,
            identities=identities,
            n_resamples=n_resamples,
            seed=seed,
        )
        table.insert(0, "niche", niche)
        tables.append(table)
    if tables:
        return pd.concat(tables, ignore_index=True)
    empty = attribute_bias_index(attributes, np.ones(len(niches.labels), dtype=bool), definition)
    empty.insert(0, "niche", 0)
    return empty.iloc[:0]

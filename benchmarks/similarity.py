"""Benchmarks of representational similarity: RDMs, and their comparison by rank."""

from functools import partial

import numpy as np
import numpy.typing as npt

from benchmarks.suites import Case, Result

SIZES = (1000, 3000, 10_000)
FEATURES = 2048
_ANY_N = 10**7
Floats = npt.NDArray[np.float32]


def pair(n: int) -> tuple[Floats, Floats]:
    """Condensed RDMs of votes in ten classes (half unanimous: many ties) and of features."""
    from latent_microscope.similarity.rdms import rdm

    rng = np.random.default_rng(n)
    labels = rng.integers(0, 10, n)
    p = np.full((n, 10), 0.004)
    p[np.arange(n), labels] += 1.0 - p.sum(axis=1)
    sure = rng.random(n) < 0.5
    p[~sure] = 0.6 * p[~sure] + 0.4 * rng.dirichlet(np.full(10, 0.2), int((~sure).sum()))
    votes = rng.multinomial(51, p) / 51.0
    features = np.eye(10)[labels] + 0.3 * rng.normal(size=(n, 10))
    return rdm(votes).values, rdm(features).values


def features(n: int) -> Floats:
    """Features like those of ResNet-50's last layer: 2,048, positive, many small."""
    rng = np.random.default_rng(n)
    return np.maximum(rng.normal(size=(n, FEATURES)), 0.0).astype(np.float32)


def _compare(data: tuple[Floats, Floats], method: str = "spearman") -> Result:
    from latent_microscope.similarity import compare

    return {"similarity": np.array([compare(*data, method)])}


def _scipy_spearman(data: tuple[Floats, Floats]) -> Result:
    from scipy.stats import spearmanr

    return {"similarity": np.array([spearmanr(*data).statistic])}


def _rsatoolbox_compare(data: tuple[Floats, Floats], method: str = "spearman") -> Result:
    from rsatoolbox.rdm import RDMs, compare

    a, b = (RDMs(values[None].astype(np.float64)) for values in data)
    return {"similarity": np.array([float(compare(a, b, method=method)[0, 0])])}


def _rdm(rows: Floats) -> Result:
    from latent_microscope.similarity import rdm

    return {"distances": _sample(rdm(rows).values)}


def _scipy_pdist(rows: Floats) -> Result:
    from scipy.spatial.distance import pdist

    return {"distances": _sample(pdist(rows))}


def _rsatoolbox_rdm(rows: Floats) -> Result:
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm

    # Its euclidean distances are squared and divided by the number of channels.
    found = calc_rdm(Dataset(rows.astype(np.float64)), method="euclidean").dissimilarities[0]
    return {"distances": _sample(np.sqrt(np.maximum(found * rows.shape[1], 0.0)))}


def _sample(values: npt.NDArray) -> npt.NDArray[np.float64]:
    """Some of the distances, to compare with those of others."""
    return np.asarray(values[:: max(1, len(values) // 10_000)], dtype=np.float64)


_rho_a = partial(_compare, method="rho-a")
_rsatoolbox_rho_a = partial(_rsatoolbox_compare, method="rho-a")
CASES = (
    Case("Spearman of two RDMs", "ours", pair, _compare, _ANY_N),
    Case("Spearman of two RDMs", "scipy", pair, _scipy_spearman),
    Case("Spearman of two RDMs", "rsatoolbox", pair, _rsatoolbox_compare),
    Case("rho-a of two RDMs", "ours", pair, _rho_a, _ANY_N),
    Case("rho-a of two RDMs", "rsatoolbox", pair, _rsatoolbox_rho_a, 3000),
    Case("RDM of 2,048 features", "ours", features, _rdm, 30_000),
    Case("RDM of 2,048 features", "scipy", features, _scipy_pdist, 10_000),
    Case("RDM of 2,048 features", "rsatoolbox", features, _rsatoolbox_rdm, 3000),
)

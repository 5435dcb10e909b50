"""Benchmarks of representational similarity: RDMs, and their comparison by rank."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from benchmarks.suites import Case, Result
from latent_microscope.similarity.comparison import compare, rank_rdm
from latent_microscope.similarity.frames import Frame
from latent_microscope.similarity.measures import Side, measures, side
from latent_microscope.similarity.rdms import rdm
from latent_microscope.similarity.study import Item, bootstrap_scores

SIZES = (1000, 3000, 10_000)
FEATURES = 2048
_NOISE = np.linspace(0.5, 3.0, 12)
_ANY_N = 10**7
Floats = npt.NDArray[np.float32]


def pair(n: int) -> tuple[Floats, Floats]:
    """Condensed RDMs of votes in ten classes (half unanimous: many ties) and of features."""
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


def study(n: int) -> tuple[list[Side], Frame]:
    """Twelve sets of features of 64 columns, alike by class, whose RDMs are not kept."""
    rng = np.random.default_rng(n)
    labels = rng.integers(0, 10, n)
    shared = np.eye(10)[labels] @ rng.normal(size=(10, 64)) + rng.normal(size=(n, 64))
    sides = [side(shared + scale * rng.normal(size=(n, 64)), "euclidean") for scale in _NOISE]
    return sides, Frame(labels, rng.random(n) < 0.5)


def _together(data: tuple[list[Side], Frame]) -> Result:
    """rho-a of the first with each other, all measures being taken."""
    sides, shared = data
    (found,) = measures(sides[:1], sides[1:], shared, cka=False).values
    return {"similarity": np.array([one["rho_a"] for one in found])}


def _from_ranks(data: tuple[list[Side], Frame]) -> Result:
    """The same from exact ranks of all, which are in memory together."""
    ranked = [rank_rdm(rdm(one.features)) for one in data[0]]
    return {"similarity": np.array([compare(ranked[0], one, "rho-a") for one in ranked[1:]])}


def _bootstrap(data: tuple[list[Side], Frame]) -> Result:
    """Standard deviations of rho-a over images."""
    sides, shared = data
    items = [Item(str(i), "features", 0, x.matrix, x.features) for i, x in enumerate(sides)]
    found = bootstrap_scores(items[0], items[1:], shared, n_draws=200, seed=0)
    return {"sd": found.draws["rho_a"].std(axis=0)}


def _correlation(function: Callable[..., float], *method: str) -> Callable[..., Result]:
    return lambda data: {"similarity": np.array([function(*data, *method)], dtype=np.float64)}


def _distances(function: Callable[[Floats], npt.NDArray]) -> Callable[[Floats], Result]:
    """Some of the distances, to compare with those of others."""

    def run(rows: Floats) -> Result:
        values = function(rows)
        return {"distances": np.asarray(values[:: max(1, len(values) // 10_000)], np.float64)}

    return run


def _rsatoolbox_compare(a: Floats, b: Floats, method: str) -> float:
    from rsatoolbox import rdm

    one, other = (rdm.RDMs(values[None].astype(np.float64)) for values in (a, b))
    return float(rdm.compare(one, other, method=method)[0, 0])


def _rsatoolbox_rdm(rows: Floats) -> npt.NDArray:
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm

    # Its euclidean distances are squared and divided by the number of channels.
    found = calc_rdm(Dataset(rows.astype(np.float64)), method="euclidean").dissimilarities[0]
    return np.sqrt(np.maximum(found * rows.shape[1], 0.0))


_MANY, _DRAWS = "measures of 12 RDMs", "bootstrap of 12 RDMs"
_SPEARMAN, _RHO_A, _RDM = "Spearman of two RDMs", "rho-a of two RDMs", "RDM of 2,048 features"
CASES = (
    Case(_SPEARMAN, "ours", pair, _correlation(compare, "spearman"), _ANY_N),
    Case(_SPEARMAN, "scipy", pair, _correlation(lambda a, b: spearmanr(a, b).statistic)),
    Case(_SPEARMAN, "rsatoolbox", pair, _correlation(_rsatoolbox_compare, "spearman")),
    Case(_RHO_A, "ours", pair, _correlation(compare, "rho-a"), _ANY_N),
    Case(_RHO_A, "rsatoolbox", pair, _correlation(_rsatoolbox_compare, "rho-a"), 3000),
    Case(_RDM, "ours", features, _distances(lambda rows: rdm(rows).values), 30_000),
    Case(_RDM, "scipy", features, _distances(pdist), 10_000),
    Case(_RDM, "rsatoolbox", features, _distances(_rsatoolbox_rdm), 3000),
    Case(_MANY, "ours", study, _together, _ANY_N),
    Case(_MANY, "exact ranks", study, _from_ranks),
    Case(_DRAWS, "ours", study, _bootstrap, _ANY_N),
)

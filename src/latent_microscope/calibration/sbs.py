"""The interval of the stereotypical bias score: images of people in clusters known or found."""

from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt

from latent_microscope.calibration.grid import Cell, Goal, Method, Outcomes, cells
from latent_microscope.forensics.bias import stereotypical_bias_score
from latent_microscope.forensics.cluster_stability import (
    hierarchy_labels,
    resampled_labels,
    resampled_rows,
    sbs_table,
)

Ints = npt.NDArray[np.int64]
SHARES = {
    "two equal": (0.5, 0.5),
    "four equal": (0.25,) * 4,
    "ten equal": (0.1,) * 10,
    "one large": (0.6, 0.3, 0.1),
    "dominant": (0.9, 0.1),
}
_DRAWS, _KEPT, _SIZE = 40, 0.8, 12
_SIZES: tuple[Cell, ...] = tuple(
    {"n": n, "each": each} for n, each in ((200, 1), (400, 0), (1000, 4))
)
_FOUND = ("two equal", "four equal", "one large")


def people_in_clusters(cell: Cell, generator: np.random.Generator) -> tuple[Ints, Ints]:
    """Cluster and person of every image; with ``each`` of 0 people have 1 to 9 images."""
    n, each = int(cell["n"]), int(cell["each"])
    sizes = np.full(n, each) if each else generator.choice([1, 2, 9], n, p=[0.5, 0.3, 0.2])
    person = np.repeat(np.arange(n), sizes)[:n]
    shares = SHARES[str(cell["clusters"])]
    return generator.choice(len(shares), n, p=shares)[person], person


def _plane(cluster: Ints, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """Round clusters side by side, the first two so near that some points lie between them."""
    places = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 14.0], [14.0, 14.0]])
    return places[cluster] + generator.normal(size=(len(cluster), 2))


@cache
def _expected(clusters: str, n: int, each: int) -> float:
    """Mean score of many data sets, whose clusters HDBSCAN finds."""
    cell: Cell = {"clusters": clusters, "n": n, "each": each}
    found = []
    for k in range(400):
        generator = np.random.default_rng([k, n, each])
        plane = _plane(people_in_clusters(cell, generator)[0], generator)
        labels = hierarchy_labels(plane, [_SIZE], min_samples=5)[_SIZE]
        found.append(stereotypical_bias_score(labels)[0])
    return float(np.mean(found))


def _simulate(cell: Cell, generator: np.random.Generator) -> Outcomes:
    cluster, person = people_in_clusters(cell, generator)
    if cell["found"] == "known":
        truth = max(SHARES[str(cell["clusters"])])
        own = _renumbered(cluster)
        draws = []
        for _ in range(_DRAWS):
            rows = resampled_rows(person, generator, resampling="subsample", share=_KEPT)
            draws.append((rows, {_SIZE: _renumbered(cluster[rows])}))
    else:
        truth = _expected(str(cell["clusters"]), int(cell["n"]), int(cell["each"]))
        plane = _plane(cluster, generator)
        own = hierarchy_labels(plane, [_SIZE], min_samples=5)[_SIZE]
        seed = int(generator.integers(1 << 30))
        draws = list(
            resampled_labels(
                plane,
                [_SIZE],
                min_samples=5,
                identities=person,
                n_resamples=_DRAWS,
                share=_KEPT,
                seed=seed,
            )
        )
    kept = float(np.mean([len(rows) for rows, _ in draws]) / len(cluster))
    row = sbs_table({_SIZE: own}, draws, kept=kept, configured=_SIZE).iloc[0]
    if np.isnan(row["low"]):
        return {"coverage": float("nan"), "width": float("nan")}
    inside = row["low"] <= truth <= row["high"]
    return {"coverage": float(inside), "width": float(row["high"] - row["low"])}


def _renumbered(cluster: Ints) -> Ints:
    return np.unique(cluster, return_inverse=True)[1].astype(np.int64)


METHODS = (
    Method(
        "SBS interval",
        (
            *(
                {**a, **b, "found": "known"}
                for a, b in product(cells(clusters=tuple(SHARES)), _SIZES)
            ),
            *cells(clusters=_FOUND, n=(200,), each=(1,), found=("HDBSCAN",)),
        ),
        _simulate,
        {"coverage": Goal("at_least", 0.95), "width": Goal("shown")},
    ),
)

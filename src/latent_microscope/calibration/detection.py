"""The detector of authentic samples: nothing in one cloud, everybody among people."""

import numpy as np
import numpy.typing as npt
from sklearn.metrics import f1_score

from latent_microscope.calibration.grid import Cell, Goal, Method, Outcomes, cells
from latent_microscope.forensics.detection import detect_authentic

Floats = npt.NDArray[np.float64]


def one_cloud(kind: str, n: int, d: int, generator: np.random.Generator) -> Floats:
    """Points (n, d) of one population.

    ``gaussian``; ``heavy`` (t with 5 degrees of freedom); ``ball`` (uniform); ``skewed``
    (exponential coordinates); ``uneven`` (Gaussian, standard deviations from 1 to 0.02); ``sheet``
    (two dimensions in d, and a little noise); ``ring`` (a bent one, for which the test does not
    hold).
    """
    z = generator.normal(size=(n, d))
    if kind == "heavy":
        return z * np.sqrt(5.0 / generator.chisquare(5, size=(n, 1)))
    if kind == "ball":
        size = generator.random((n, 1)) ** (1.0 / d)
        return np.asarray(z * size / np.linalg.norm(z, axis=1, keepdims=True))
    if kind == "skewed":
        return generator.exponential(size=(n, d))
    if kind == "uneven":
        return z * np.exp(-4.0 * np.arange(d) / d)
    if kind == "sheet":
        return 0.05 * z + generator.normal(size=(n, 2)) @ generator.normal(size=(2, d))
    if kind == "ring":
        angle = generator.uniform(0.0, 2.0 * np.pi, n)
        z *= 0.05
        z[:, :2] += np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return z


def people(
    count: int, spread: float, n: int, d: int, generator: np.random.Generator
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Points (n, d), half around ``count`` centres, half on chords between two; bent by tanh."""
    centres = generator.normal(size=(count, d))
    authentic = np.arange(n) < n // 2
    first = generator.integers(0, count, n)
    second = (first + generator.integers(1, count, n)) % count
    share = np.where(authentic, 1.0, generator.random(n))[:, None]
    z = share * centres[first] + (1.0 - share) * centres[second]
    z += spread * generator.normal(size=(n, d)) * np.sqrt(2.0)
    return np.tanh(z), authentic


def _simulate(cell: Cell, generator: np.random.Generator) -> Outcomes:
    n, d = int(cell["n"]), int(cell["d"])
    kind = str(cell["kind"])
    if kind != "people":
        return {"any called": float(detect_authentic(one_cloud(kind, n, d, generator))[0].any())}
    z, truth = people(int(cell["count"]), float(cell["spread"]), n, d, generator)
    mask, _ = detect_authentic(z)
    return {"found": float(mask.any()), "F1": float(f1_score(truth, mask, zero_division=0.0))}


_GAUSSIAN: tuple[Cell, ...] = tuple(
    {"kind": "gaussian", "n": n, "d": d}
    for n, d in ((100, 2), (100, 256), (200, 16), (500, 8), (2000, 2))
)
_PEOPLE: tuple[Cell, ...] = tuple(
    {"kind": "people", "count": count, "spread": spread, "n": 400, "d": 16}
    for count, spread in ((3, 0.05), (5, 0.05), (5, 0.15), (20, 0.05))
)
METHODS = (
    Method(
        "detect_authentic",
        (
            *_GAUSSIAN,
            *cells(kind=("heavy", "ball", "skewed", "uneven", "sheet", "ring"), n=(100,), d=(8,)),
            *_PEOPLE,
        ),
        _simulate,
        {"any called": Goal("at_most", 0.05), "found": Goal("shown"), "F1": Goal("shown")},
        explained={"kind=ring, n=100, d=8": "a ring's projections have two modes"},
    ),
)

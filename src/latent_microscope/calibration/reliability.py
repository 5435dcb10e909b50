"""The interval of the repeatability of rankings: other images, the same replicates."""

from functools import cache

import numpy as np
import numpy.typing as npt

from latent_microscope.calibration.grid import Cell, Goal, Method, Outcomes, cells
from latent_microscope.forensics.reliability import intra_class, percentiles, repeatability

Floats = npt.NDArray[np.float64]
SIGNAL = {"equal": (0.8, 0.8, 0.8), "unequal": (0.95, 0.7, 0.3), "two": (0.99, 0.98)}


def scores(replicates: str, images: str, n: int, generator: np.random.Generator) -> Floats:
    """Scores (n, m): loadings on one signal, equal or not.

    ``images``: ``normal``; ``mixed`` (half of them repeat well, the others not at all, and are
    pulled to the middle); ``ties`` (rounded).
    """
    loading = np.array(SIGNAL[replicates])
    signal = generator.normal(size=(n, 1))
    noise = generator.normal(size=(n, len(loading)))
    made = loading * signal + np.sqrt(1.0 - loading**2) * noise
    if images == "mixed":
        made = np.where(generator.random((n, 1)) < 0.5, 3.0 * made, 0.3 * noise)
    return np.round(made) if images == "ties" else made


@cache
def _truth(replicates: str, images: str) -> float:
    many = scores(replicates, images, 400_000, np.random.default_rng(0))
    return intra_class(percentiles(many))[0]


def _simulate(cell: Cell, generator: np.random.Generator) -> Outcomes:
    replicates, images = str(cell["replicates"]), str(cell["images"])
    found = repeatability([scores(replicates, images, int(cell["n"]), generator)])
    inside = found.low <= _truth(replicates, images) <= found.high
    return {"coverage": float(inside), "width": found.high - found.low}


METHODS = (
    Method(
        "ICC over images",
        cells(replicates=tuple(SIGNAL), images=("normal", "mixed", "ties"), n=(60, 400)),
        _simulate,
        {"coverage": Goal("at_least", 0.95), "width": Goal("shown")},
    ),
)

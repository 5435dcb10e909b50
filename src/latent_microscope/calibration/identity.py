"""The AUC of same-identity pairs, whose people differ in spread and number of images."""

from functools import lru_cache

import numpy as np

from latent_microscope.calibration.grid import Cell, Goal, Method, Outcomes
from latent_microscope.forensics.bias_simulations import people_codes
from latent_microscope.forensics.identity import pair_aucs
from latent_microscope.seeds import rng
from latent_microscope.statistics.auc import placements

_DIMENSIONS = 3
_SPREAD = 0.5  # of the logarithm of a person's spread
_PAIRS = 200_000


def _images(codes: np.ndarray, apart: float, generator: np.random.Generator) -> np.ndarray:
    """Latents of images around their people, ``apart`` times as far apart as images of one."""
    people = int(codes.max()) + 1
    centres = apart * generator.normal(size=(people, _DIMENSIONS))
    spread = generator.lognormal(0.0, _SPREAD, people)[codes, None]
    return np.asarray(centres[codes] + spread * generator.normal(size=(len(codes), _DIMENSIONS)))


@lru_cache
def true_auc(apart: float) -> float:
    """AUC of independent pairs; sizes do not matter, as people's spreads do not depend on them."""
    z = _images(np.repeat(np.arange(2 * _PAIRS), 2), apart, rng(0, "true_auc", f"{apart:g}"))
    same = np.linalg.norm(z[: 2 * _PAIRS : 2] - z[1 : 2 * _PAIRS : 2], axis=1)
    other = np.linalg.norm(z[: 2 * _PAIRS : 2] - z[2 * _PAIRS :: 2], axis=1)
    return placements(-np.concatenate([same, other]), np.arange(2 * len(same)) < len(same))[1]


def identity_outcomes(cell: Cell, generator: np.random.Generator) -> Outcomes:
    """Whether the interval of one study holds the truth, and 1/2."""
    apart = float(cell["apart"])
    codes = people_codes(int(cell["images"]), str(cell["people"]), generator)
    z = _images(codes, apart, generator)
    row = pair_aucs(codes, {"latents": z}, seed=int(generator.integers(2**31))).iloc[0]
    low, high = float(row["low"]), float(row["high"])
    if np.isnan(low):
        return dict.fromkeys(("covered", "power", "width"), float("nan"))
    truth = true_auc(apart)
    return {"covered": float(low <= truth <= high), "power": float(low > 0.5), "width": high - low}


METHODS = (
    Method(
        "identity AUC",
        tuple(
            {"people": people, "images": images, "apart": apart}
            for people, images in (
                *(("celeba", 100), ("celeba", 400), ("twenty", 205), ("fifth", 200)),
                *(("few", 200), ("half", 48), ("half", 120)),
            )
            for apart in (0.0, 0.5, 1.0)
        ),
        identity_outcomes,
        {"covered": Goal("at_least", 0.95), "power": Goal("shown"), "width": Goal("shown")},
    ),
)

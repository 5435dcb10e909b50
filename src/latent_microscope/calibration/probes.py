"""Linear probes of one attribute from two spaces: independent images, and people."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.calibration.grid import Cell, Goal, Method, Outcomes
from latent_microscope.forensics.bias_simulations import people_codes
from latent_microscope.forensics.probes import cross_validated, folds_of, probe_table
from latent_microscope.seeds import rng
from latent_microscope.statistics.auc import folded_auc, testable_folds

_FOLDS = 5
_WITHIN = 0.7  # of a signal's variance, the part that images of a person share
_HEAVY = 0.4  # of the logarithm of the noise's deviation: its tails are heavier than the normal's
_STUDIES = 200  # for the expected AUC of the procedure
_POPULATION = 100_000

Floats = npt.NDArray[np.float64]
Key = tuple[tuple[str, int | float | str], ...]


def _shared(
    codes: npt.NDArray[np.int64], columns: int, within: float, g: np.random.Generator
) -> Floats:
    own = g.normal(size=(len(codes), columns))
    if within == 0.0:
        return own
    common = g.normal(size=(int(codes.max()) + 1, columns))[codes]
    return np.asarray(np.sqrt(within) * common + np.sqrt(1.0 - within) * own)


@lru_cache
def _threshold(prevalence: float, signal: float) -> float:
    """The value that a share of the population exceeds."""
    g = rng(0, "probe_threshold", f"{signal:g}")
    sums = signal * g.normal(size=_POPULATION) + g.normal(size=_POPULATION)
    return float(np.quantile(sums + g.logistic(size=_POPULATION), 1.0 - prevalence))


def draw_study(
    cell: Cell, g: np.random.Generator
) -> tuple[dict[str, Floats], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Two noisy views of a signal, an attribute by its sum and by the person, and people.

    ``weaker``: how much more noise is in the second view; 1: the two are exchangeable.
    """
    kind, n, d = str(cell["people"]), int(cell["images"]), int(cell["dimensions"])
    codes = np.arange(n) % 40 if kind == "forty" else people_codes(n, kind, g)
    within = 0.0 if kind == "single" else _WITHIN
    signal = _shared(codes, d, within, g)
    strength = float(cell["signal"])
    value = strength * signal.sum(axis=1) / np.sqrt(d)
    value += _shared(codes, 1, within, g)[:, 0] + g.logistic(size=n)
    present = value > _threshold(float(cell["prevalence"]), strength)
    spaces = {}
    for name, scale in (("latents", 1.0), ("pixels", float(cell.get("weaker", 1.0)))):
        noise = g.normal(size=(n, d)) * np.exp(_HEAVY * g.normal(size=(n, 1)))
        spaces[name] = signal + scale * noise
    return spaces, present, codes


def _folds(
    cell: Cell, codes: npt.NDArray[np.int64], g: np.random.Generator
) -> npt.NDArray[np.int64]:
    people = None if cell["people"] == "single" else codes
    return folds_of(len(codes), _FOLDS, int(g.integers(2**31)), people=people)


@lru_cache
def expected(key: Key) -> tuple[float, float, float]:
    """Mean AUC of the procedure, mean gain, and the gain's standard deviation over data sets."""
    cell: Cell = dict(key)
    found = []
    for i in range(_STUDIES):
        g = rng(0, "probe_truth", repr(key), i)
        spaces, present, codes = draw_study(cell, g)
        folds = _folds(cell, codes, g)
        if not testable_folds(present, folds):
            continue
        scores = [cross_validated(x, present[:, None], folds)[0][:, 0] for x in spaces.values()]
        found.append([folded_auc(values, present, folds).auc for values in scores])
    latents, pixels = np.array(found).T
    gain = latents - pixels
    return float(latents.mean()), float(gain.mean()), float(gain.std(ddof=1))


def probe_outcomes(cell: Cell, generator: np.random.Generator) -> Outcomes:
    """One study: whether intervals hold what the procedure reaches on average, and tests."""
    spaces, present, codes = draw_study(cell, generator)
    folds = _folds(cell, codes, generator)
    people = None if cell["people"] == "single" else codes
    row = probe_table(spaces, pd.DataFrame({"a": present}), folds, people=people).iloc[0]
    equal, noise = float(cell.get("weaker", 1.0)) == 1.0, float(cell["signal"]) == 0.0
    names = {
        "covered": np.nan,
        "gain_covered": np.nan,
        "false_alarm" if noise else "power": np.nan,
        "gain_false_alarm" if equal else "gain_power": np.nan,
        "gain_width": np.nan,
    }
    if row["status"] != "ok":
        return names
    auc, gain, sd = expected(tuple(sorted(cell.items())))
    auc, gain = 0.5 if noise else auc, 0.0 if equal else gain
    tests = (row["p"] <= 0.05, row["gain_p"] <= 0.05)
    held = (row["low"] <= auc <= row["high"], row["gain_low"] <= gain <= row["gain_high"])
    width = float(row["gain_high"] - row["gain_low"]) / (2.0 * 1.96 * sd)
    return dict(zip(names, (*map(float, held + tests), width), strict=True))


def _cell(
    images: int,
    dimensions: int,
    prevalence: float,
    people: str = "single",
    signal: float = 1.0,
    weaker: float = 1.0,
) -> Cell:
    return {
        "images": images,
        "dimensions": dimensions,
        "prevalence": prevalence,
        "people": people,
        "signal": signal,
        "weaker": weaker,
    }


METHODS = (
    Method(
        "probes",
        (
            _cell(300, 5, 0.2),
            _cell(300, 50, 0.1),
            _cell(300, 50, 0.5, weaker=3.0),
            _cell(1000, 20, 0.05),
            _cell(1000, 20, 0.05, signal=0.0),
            _cell(1000, 20, 0.2, signal=3.0, weaker=2.0),
            _cell(2000, 5, 0.5),
            _cell(2000, 50, 0.02),
            _cell(5000, 50, 0.02),
            _cell(600, 20, 0.2, "forty"),
            _cell(1000, 5, 0.2, "few"),
            _cell(1000, 20, 0.2, "few", signal=0.0),
            _cell(1000, 50, 0.5, "forty", weaker=3.0),
            _cell(1000, 20, 0.2, "celeba"),
            _cell(1000, 20, 0.2, "fifth"),
            _cell(1000, 20, 0.2, "half"),
        ),
        probe_outcomes,
        {
            "covered": Goal("at_least", 0.95),
            "gain_covered": Goal("at_least", 0.95),
            "false_alarm": Goal("at_most", 0.05),
            "gain_false_alarm": Goal("at_most", 0.05),
            "power": Goal("shown"),
            "gain_power": Goal("shown"),
            "gain_width": Goal("shown"),
        },
    ),
)

"""A method of inference on a grid of simulated worlds: error rates, coverage, power and bias."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pandas as pd
from scipy.stats import binom

from latent_microscope.seeds import rng
from latent_microscope.statistics.summaries import sd

Cell = Mapping[str, int | float | str]
Outcomes = Mapping[str, float]
"""What one data set gave: 1 or 0 for a rate, a number for a bias; NaN where not available."""
COLUMNS = (
    *("method", "cell", "outcome", "value", "sd", "n", "not_available"),
    *("nominal", "band_low", "band_high", "outside", "explained"),
)


@dataclass(frozen=True)
class Goal:
    """What an outcome should be: a rate at most or at least its nominal value, or a bound.

    ``kind``: ``at_most`` (false alarms), ``at_least`` (coverage), ``within`` (mean between -nominal
    and nominal), ``shown`` (power, widths: no goal).
    """

    kind: str
    nominal: float = float("nan")


@dataclass(frozen=True)
class Method:
    """One method of inference, the grid that it is tried on and what it should do there."""

    name: str
    cells: tuple[Cell, ...]
    simulate: Callable[[Cell, np.random.Generator], Outcomes]  # one data set
    goals: Mapping[str, Goal]
    explained: Mapping[str, str] = field(default_factory=dict)  # cell text -> why it is outside


def cells(**axes: Sequence[int | float | str]) -> tuple[Cell, ...]:
    """All combinations of the values on these axes, the last one fastest."""
    return tuple(dict(zip(axes, values, strict=True)) for values in product(*axes.values()))


def cell_text(cell: Cell) -> str:
    """A cell as text, e.g. ``n=100, d=16``."""
    return ", ".join(f"{name}={value}" for name, value in cell.items())


def calibrate(method: Method, data_sets: int, seed: int, level: float = 0.95) -> pd.DataFrame:
    """Outcomes of a method over its grid, one row per cell and outcome, as :data:`COLUMNS`.

    The band of a rate is the binomial one around its nominal value, simultaneous over the cells
    (Bonferroni); ``outside`` marks false alarms above it, coverage below it, and a mean beyond its
    bound.
    """
    rows = []
    tail = (1.0 - level) / len(method.cells)
    for cell in method.cells:
        text = cell_text(cell)
        found = pd.DataFrame(
            [
                dict(method.simulate(cell, rng(seed, "calibrate", method.name, text, i)))
                for i in range(data_sets)
            ]
        )
        for outcome, goal in method.goals.items():
            if outcome not in found:
                continue
            values = found[outcome].to_numpy(float)
            known = values[~np.isnan(values)]
            value = float(known.mean()) if known.size else float("nan")
            low, high = _band(goal, known.size, tail)
            below = goal.kind in ("at_least", "within") and value < low
            above = goal.kind in ("at_most", "within") and value > high
            missing = float(np.isnan(values).mean())
            spread = float(sd(known))
            row = (method.name, text, outcome, value, spread, known.size, missing)
            why = method.explained.get(text, "") if below or above else ""
            rows.append((*row, goal.nominal, low, high, below or above, why))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype(dict.fromkeys(("method", "cell", "outcome", "explained"), "str"))


def _band(goal: Goal, n: int, tail: float) -> tuple[float, float]:
    if goal.kind == "within":
        return -goal.nominal, goal.nominal
    if goal.kind == "shown" or n == 0:
        return float("nan"), float("nan")
    low, high = binom.ppf([tail / 2.0, 1.0 - tail / 2.0], n, goal.nominal) / n
    return float(low), float(high)

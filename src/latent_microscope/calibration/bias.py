"""The attribute bias index on populations of known bias: independent images, and people."""

from itertools import product

import numpy as np

from latent_microscope.calibration.grid import Cell, Goal, Method, Outcomes
from latent_microscope.forensics.bias import attribute_bias
from latent_microscope.forensics.bias_simulations import (
    LEVEL,
    Cluster,
    draw_study,
    effect_interval,
    with_odds,
)

_GOALS = {
    "false_alarm": Goal("at_most", LEVEL),
    **{f"{effect}_covered": Goal("at_least", 0.95) for effect in ("odds", "ratio", "difference")},
    **{f"{effect}_agrees": Goal("at_least", 0.95) for effect in ("odds", "ratio", "difference")},
    "power": Goal("shown"),
}


def bias_outcomes(cell: Cell, generator: np.random.Generator) -> Outcomes:
    """One study with one attribute of a known odds ratio."""
    rest = np.array([float(cell["prevalence"])])
    ratio = float(cell["odds_ratio"])
    cluster = Cluster(with_odds(rest, ratio), rest, int(cell["members"]), int(cell["images"]))
    people = str(cell["people"])
    study = draw_study(cluster, people, generator, within=cell.get("within") != "no")
    rejected = {"false_alarm" if ratio == 1.0 else "power": float("nan")}
    if study is None:
        return rejected
    identities = None if people == "single" else study.codes
    tables = attribute_bias(study.present, study.members, identities=identities)
    p = float(tables["odds"]["p"].iloc[0])
    outcomes = {}
    for effect, truth in study.cluster.truths.items():
        low, high = (float(end[0]) for end in effect_interval(tables, effect))
        known = not np.isnan(low)
        held, excluded = low <= truth[0] <= high, low > 0.0 or high < 0.0
        outcomes[f"{effect}_covered"] = float(held) if known else float("nan")
        outcomes[f"{effect}_agrees"] = float(excluded == (p <= LEVEL)) if known else float("nan")
    return outcomes | {name: float(p <= LEVEL) if p == p else p for name in rejected}


def _cells(**axes: tuple[int | float | str, ...]) -> tuple[Cell, ...]:
    return tuple(dict(zip(axes, values, strict=True)) for values in product(*axes.values()))


METHODS = (
    Method(
        "bias, independent images",
        _cells(
            images=(2000,),
            members=(4, 50, 500),
            people=("single",),
            prevalence=(0.005, 0.05, 0.5),
            odds_ratio=(1.0, 1.5, 3.0),
        ),
        bias_outcomes,
        _GOALS,
    ),
    Method(
        "bias, people",
        _cells(
            images=(1000,),
            members=(300,),
            people=("celeba", "few", "ranked", "twenty", "fifth", "half"),
            prevalence=(0.005, 0.05, 0.3),
            odds_ratio=(1.0, 3.0),
        )
        + _cells(
            images=(410,),
            members=(160,),
            people=("twenty", "half"),
            within=("no",),
            prevalence=(0.05, 0.3),
            odds_ratio=(1.0, 3.0),
        ),
        bias_outcomes,
        _GOALS,
        {
            "images=1000, members=300, people=fifth, prevalence=0.05, odds_ratio=3.0": (
                "The design effect is that of the odds ratio. The person with a fifth of the "
                "images bears more on the difference; two of three studies are untestable."
            )
        },
    ),
)

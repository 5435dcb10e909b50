"""The attribute bias index on populations of known bias: independent images, and people."""

import numpy as np

from latent_microscope.calibration.grid import Cell, Goal, Method, Outcomes, cells
from latent_microscope.forensics.bias_simulations import LEVEL, Cluster, draw_study, with_odds

_GOALS = {
    "false_alarm": Goal("at_most", LEVEL),
    **{
        f"{effect}_{outcome}": Goal("at_least", 0.95)
        for outcome in ("covered", "agrees")
        for effect in ("odds", "ratio", "difference")
    },
    "power": Goal("shown"),
}


def bias_outcomes(cell: Cell, generator: np.random.Generator) -> Outcomes:
    """One study with one attribute of a known odds ratio."""
    rest = np.array([float(cell["prevalence"])])
    ratio = float(cell["odds_ratio"])
    cluster = Cluster(with_odds(rest, ratio), rest, int(cell["members"]), int(cell["images"]))
    study = draw_study(cluster, str(cell["people"]), generator, within=cell.get("within") != "no")
    outcome = "false_alarm" if ratio == 1.0 else "power"
    if study is None:
        return {outcome: float("nan")}
    p, judged = study.outcomes()
    outcomes = {outcome: float(p[0] <= LEVEL) if p[0] == p[0] else float("nan")}
    for effect, (held, agrees) in judged.items():
        outcomes |= {f"{effect}_covered": float(held[0]), f"{effect}_agrees": float(agrees[0])}
    return outcomes


METHODS = (
    Method(
        "bias, independent images",
        cells(
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
        cells(
            images=(1000,),
            members=(300,),
            people=("celeba", "few", "ranked", "twenty", "fifth", "half"),
            prevalence=(0.005, 0.05, 0.3),
            odds_ratio=(1.0, 3.0),
        )
        + cells(
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

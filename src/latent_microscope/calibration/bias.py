"""The attribute bias index on populations of known bias: independent images, and people."""

import numpy as np

from latent_microscope.calibration.grid import Cell, Goal, Method, Outcomes, cell_text, cells
from latent_microscope.forensics.bias_simulations import (
    BETWEEN,
    LEVEL,
    WITHIN_ATTRIBUTES,
    WITHIN_GROUPS,
    Cluster,
    attribute_p,
    draw_attributes,
    draw_groups,
    draw_study,
    people_codes,
    with_odds,
)
from latent_microscope.statistics.summaries import benjamini_hochberg

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


def null_outcomes(cell: Cell, generator: np.random.Generator) -> Outcomes:
    """Whether a study without any effect has a rejection: in one cluster, and in all of them."""
    people, count, known = str(cell["people"]), int(cell["clusters"]), cell["codes"] == "known"
    codes = people_codes(int(cell["images"]), people, generator)
    within = 0.0 if people == "single" else 1.0
    shares = np.linspace(0.05, 0.15, count).tolist()
    labels = draw_groups(codes, shares, within * WITHIN_GROUPS, generator)
    prevalence = np.linspace(0.02, 0.5, int(cell["attributes"]))
    between = float(cell["between"])
    within *= WITHIN_ATTRIBUTES
    present = draw_attributes(codes, prevalence, within, generator, between=between)
    identities = codes if known else None
    p = np.stack([attribute_p(present, labels == group, identities) for group in range(count)])
    return {
        "any_of_cluster": float(np.nanmin(benjamini_hochberg(p[0]), initial=1.0) <= LEVEL),
        "any_of_all": float(np.nanmin(benjamini_hochberg(p), initial=1.0) <= LEVEL),
        "share_below": float(np.mean(p[~np.isnan(p)] <= LEVEL)),
    }


def _null_cell(people: str, between: float, codes: str) -> Cell:
    study = {"images": 2000, "attributes": 40, "clusters": 5}
    return {**study, "people": people, "between": between, "codes": codes}


_IGNORED = _null_cell("celeba", BETWEEN, "ignored")
METHODS = (
    Method(
        "bias, no effect at all",
        (
            _null_cell("single", 0.0, "ignored"),
            _null_cell("single", BETWEEN, "ignored"),
            _null_cell("celeba", BETWEEN, "known"),
            _null_cell("few", BETWEEN, "known"),
            _IGNORED,
        ),
        null_outcomes,
        {
            "any_of_cluster": Goal("at_most", LEVEL),
            "any_of_all": Goal("at_most", LEVEL),
            "share_below": Goal("shown"),
        },
        {cell_text(_IGNORED): "it ignores that several images show one person"},
    ),
    Method(
        "bias, independent images",
        cells(
            images=(2000,),
            members=(4, 50, 500),
            people=("single",),
            prevalence=(0.005, 0.05, 0.5, 0.8),
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
            images=(2000,),
            members=(100, 500),
            people=("celeba", "few"),
            prevalence=(0.2, 0.8),
            odds_ratio=(1.0, 1.5, 3.0),
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

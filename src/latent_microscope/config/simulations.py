"""Studies of the kind simulations: tests and intervals of the bias index on known truths."""

from typing import Annotated, Literal

from pydantic import Field

from latent_microscope.config.fields import Distinct, Section, setting

ClusterSize = Annotated[int, Field(ge=10)]


class Power(Section):
    """Grid of the power curves."""

    samples: int = setting("images of a simulated study", 10000, ge=100)
    members: Distinct[ClusterSize] = setting("cluster sizes", [100, 500, 2000])
    odds_ratios: Distinct[Annotated[float, Field(gt=0)]] = setting(
        "true odds ratios", [1, 1.1, 1.2, 1.35, 1.5, 1.75, 2, 2.5, 3], min_length=2
    )
    prevalences: Distinct[Annotated[float, Field(gt=0, lt=1)]] = setting(
        "prevalences outside the cluster", [0.05, 0.1, 0.2, 0.5]
    )


class Simulations(Section):
    """A study of the kind simulations."""

    kind: Literal["simulations"]
    runs: int = setting("simulated studies per setting", 1000, ge=2)
    samples: int = setting("images of a simulated study of null and coverage", 2000, ge=100)
    attributes: int = setting("attributes that are tested together", 40, ge=2)
    groups: int = setting("clusters of a simulated study under the null", 5, ge=1, le=6)
    data_sets: int = setting("simulated data sets per cell of the calibration", 200, ge=2)
    members: Distinct[ClusterSize] = setting("cluster sizes whose intervals are tested", [100, 500])
    power: Power = Field(default_factory=Power)

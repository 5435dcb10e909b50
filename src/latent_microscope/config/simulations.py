"""Studies of the kind simulations: every method of inference on data sets of a known truth."""

from typing import Annotated, Literal

from pydantic import Field

from latent_microscope.config.fields import Distinct, Section, setting


class Power(Section):
    """Grid of the power curves."""

    samples: int = setting("images of a simulated study", 10000, ge=100)
    members: Distinct[Annotated[int, Field(ge=10)]] = setting("cluster sizes", [100, 500, 2000])
    odds_ratios: Distinct[Annotated[float, Field(gt=0)]] = setting(
        "true odds ratios", [1, 1.1, 1.2, 1.35, 1.5, 1.75, 2, 2.5, 3], min_length=2
    )
    prevalences: Distinct[Annotated[float, Field(gt=0, lt=1)]] = setting(
        "prevalences outside the cluster", [0.05, 0.1, 0.2, 0.5]
    )


class Simulations(Section):
    """A study of the kind simulations."""

    kind: Literal["simulations"]
    runs: int = setting("simulated studies per point of the power curves", 1000, ge=2)
    attributes: int = setting("attributes that are tested together", 40, ge=2)
    data_sets: int = setting("simulated data sets per cell of the calibration", 200, ge=2)
    power: Power = Field(default_factory=Power)

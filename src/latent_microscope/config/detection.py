"""Studies of the kind detection: detectors of authentic samples on several ground truths."""

from typing import Annotated, Literal

from pydantic import Field

from latent_microscope.config.fields import (
    STUDY_NAME,
    Percentiles,
    Section,
    Seeds,
    optional,
    setting,
)
from latent_microscope.config.sections import LatentStudy
from latent_microscope.config.synthetic import GroundTruth, ScriptScores, SyntheticVae


class Scenario(Section):
    """A ground truth, and what it has of its own."""

    data: GroundTruth = Field(default_factory=GroundTruth)
    seeds: Seeds = optional()
    restarts: int | None = setting("vae.restarts of it; null: as in vae", None, ge=0, le=20)


class Search(Section):
    """Grid of the funnel; its best configuration is chosen on the other seeds."""

    uniqueness_percentiles: Percentiles = setting(
        "as in the funnel: uniqueness", [0, 45, 65, 80, 90]
    )
    stability_percentiles: Percentiles = setting("as in the funnel: stability", [0, 45, 65, 80, 95])
    similarities: list[Annotated[float, Field(ge=-1, le=1)]] = setting(
        "cosine similarity above which a row is a neighbour", [0.6, 0.8, 0.95], min_length=1
    )
    max_neighbors: list[Annotated[int, Field(ge=0)]] = setting(
        "neighbours that an isolated core may have", [0, 7, 30], min_length=1
    )


class Detection(LatentStudy):
    """A study of the kind detection."""

    kind: Literal["detection"]
    scenarios: dict[Annotated[str, Field(pattern=STUDY_NAME)], Scenario] = setting(
        "ground truths by name; the detectors are compared on each", min_length=1
    )
    vae: SyntheticVae
    scores: ScriptScores = Field(default_factory=ScriptScores)
    search: Search = Field(default_factory=Search)

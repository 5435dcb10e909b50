"""Studies of the kind synthetic: scores against a ground truth of drawn images."""

from typing import Any, Literal

from pydantic import Field, model_validator

from latent_microscope.config.fields import Distinct, Percentiles, Section, setting
from latent_microscope.config.sections import (
    Architecture,
    Beta,
    BetaKind,
    Explorer,
    Latent,
    LatentStudy,
    Reduction,
    Scheduler,
    SchedulerKind,
    Scores,
    Similarity,
    Vae,
)


class GroundTruth(Section):
    """Ground truth."""

    people: int = setting("identities; beyond five their boxes repeat", 5, ge=2)
    per_person: int = setting("authentic samples per identity", 40, ge=1)
    interpolations: int = setting("mixtures of two identities", 200, ge=0)
    noise: float = setting("standard deviation of the noise on authentic samples", 0.05, ge=0)
    interpolation_noise: float = setting("standard deviation of the noise on mixtures", 0.03, ge=0)
    edge: float = setting(
        "distance of a mixture's weight from 0 or 1, at most; 0.5: any", 0.5, gt=0, le=0.5
    )


class WarmupBeta(Beta):
    """Weight of the KL term."""

    kind: BetaKind = "warmup"

    @model_validator(mode="before")
    @classmethod
    def _say_kind(cls, beta: Any) -> Any:
        if isinstance(beta, dict) and "value" in beta and "kind" not in beta:
            raise ValueError("has a value, which only kind: constant uses; add kind: constant")
        return beta


class PlateauScheduler(Scheduler):
    """Schedule of the learning rate."""

    kind: SchedulerKind = "plateau"


class SyntheticVae(Vae):
    """The VAE and its training, by default as in the published scripts."""

    arch: Architecture = "dense"
    latent: Latent = 128
    batch: int = setting("images per step", 32, ge=1)
    weight_decay: float = setting("weight decay", 0.00001, ge=0)
    scheduler: PlateauScheduler = Field(default_factory=PlateauScheduler)
    reduction: Reduction = "sum"
    beta: WarmupBeta = Field(default_factory=WarmupBeta)


class ScriptScores(Scores):
    """The forensic heuristics, by default as in the published scripts."""

    similarity: Similarity = 0.6
    stability_noise: float = setting("standard deviation of the noise on latents", 0.05, gt=0)
    signature_low: float = setting("attractor density of a signature, above", 0.01)
    signature_high: float = setting("attractor density of a signature, below", 0.1)


class Funnel(Section):
    """The published funnel."""

    uniqueness_percentiles: Percentiles = setting(
        "first step: uniqueness above this percentile", [90, 80]
    )
    stability_percentiles: Percentiles = setting(
        "last step: stability above this percentile", [95, 80, 65, 45]
    )


class Synthetic(LatentStudy):
    """A study of the kind synthetic."""

    kind: Literal["synthetic"]
    crops: Distinct[Literal["whole", "eyes"]] = setting(
        "the whole image, or the crop of the eyes as in the published scripts", ["whole"]
    )
    data: GroundTruth = Field(default_factory=GroundTruth)
    vae: SyntheticVae
    scores: ScriptScores = Field(default_factory=ScriptScores)
    explorer: Explorer = Field(default_factory=Explorer)
    funnel: Funnel = Field(default_factory=Funnel)

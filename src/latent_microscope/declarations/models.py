"""The types of models that are compared with people."""

from collections.abc import Mapping
from typing import Any

from latent_microscope.config.models import (
    EfficientnetLite,
    External,
    Folds,
    Philnet,
    Random,
    Resnet50,
    Views,
)
from latent_microscope.registry import ModelType

ALL_KINDS = ("alignment", "own")


def _epochs(settings: Mapping[str, Any]) -> str:
    return f"trained {settings['epochs']} epochs"


def _folds(settings: Mapping[str, Any]) -> str:
    return f"fine-tuned on {settings['targets']} of {settings['folds'] - 1} other folds"


def _views(settings: Mapping[str, Any]) -> str:
    count = (5 if settings["shift"] else 1) * (2 if settings["mirror"] else 1)
    return f"{settings['of']}, mean over {count} views of an image"


def _weights(settings: Mapping[str, Any]) -> str:
    return "" if settings["weights"] else "random weights"


MODELS = (
    ModelType(
        name="philnet",
        title="PhilNet",
        config=Philnet,
        extra="train",
        logits=True,
        random=True,
        extracted=True,
        profiled=True,
        note=_epochs,
    ),
    ModelType(
        name="folds",
        title="PhilNet, fine-tuned in folds",
        config=Folds,
        of="philnet",
        extra="train",
        logits=True,
        random=True,
        note=_folds,
    ),
    ModelType(
        name="views",
        title="views of a network in folds",
        config=Views,
        of="folds",
        extra="train",
        logits=True,
        random=True,
        note=_views,
    ),
    ModelType(
        name="random",
        title="PhilNet, untrained",
        config=Random,
        of="philnet",
        extra="train",
        random=True,
        built=True,
        extracted=True,
        profiled=True,
    ),
    ModelType(
        name="resnet50",
        title="ResNet-50",
        config=Resnet50,
        extra="models",
        random=True,
        built=True,
        extracted=True,
        profiled=True,
        note=_weights,
    ),
    ModelType(
        name="efficientnet_lite",
        title="EfficientNet-Lite0",
        config=EfficientnetLite,
        extra="models",
        built=True,
        extracted=True,
        profiled=True,
        note=lambda settings: "ImageNet weights",
    ),
    ModelType(
        name="embeddings",
        title="the study's embeddings",
        kinds=("own",),
        needs=frozenset({"embeddings"}),
    ),
    ModelType(
        name="vae",
        title="latents of the VAE",
        kinds=ALL_KINDS,
        needs=frozenset({"vae"}),
        extra="train",
        random=True,
        profiled=True,
    ),
    ModelType(
        name="pixels",
        title="pixels",
        kinds=ALL_KINDS,
        needs=frozenset({"images"}),
    ),
    ModelType(
        name="label",
        title="true label",
        kinds=ALL_KINDS,
        needs=frozenset({"votes"}),
        oracle=True,
    ),
    ModelType(
        name="class_mean",
        title="mean votes of the class",
        kinds=ALL_KINDS,
        needs=frozenset({"votes"}),
        oracle=True,
    ),
    ModelType(
        name="external",
        title="outputs from elsewhere",
        config=External,
        kinds=ALL_KINDS,
        logits="as held",
    ),
)

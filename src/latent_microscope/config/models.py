"""The models of a study: which types it may have, and what these need."""

from collections.abc import Mapping, Set
from typing import Any

from latent_microscope import registry
from latent_microscope.errors import InputError

BASELINES = ("label",)
"""Types of models that every alignment study has: every score stands beside theirs."""
_ALIGNMENT = frozenset({"images", "attributes", "labels", "votes"})


def parts_of(study: Mapping[str, Any]) -> Set[str]:
    """What models may need of a study that compares some with people."""
    own = study["data"].keys() if study["kind"] == "own" else _ALIGNMENT
    return own | ({"vae"} & study.keys())


def check_models(study: Mapping[str, Any], prefix: str) -> None:
    """Check what must go together in the models of a validated study.

    Raises:
        InputError: Something is missing or too much; the message names the key.
    """
    models = study.get("models", {})
    for name, model in models.items():
        _check_type(study, model, f"config key {prefix}.{name}")
        of = registry.model_type(model["type"]).of
        known = sorted(other for other, settings in models.items() if settings["type"] == of)
        if of and model["of"] not in known:
            raise InputError(
                f"config key {prefix}.{name}.of: {model['of']!r} is not a model of the type {of}; "
                f"those are: {', '.join(known) or 'none'}"
            )
        if model["type"] == "folds" and isinstance(model["epochs"], dict) and not model["inner"]:
            raise InputError(
                f"config key {prefix}.{name}.inner: 0 leaves no images to choose the number of "
                "epochs by; set it above 0 (such as 0.1), or epochs to one number"
            )
    if study["kind"] == "alignment":
        _check_alignment(study, prefix)


def _check_type(study: Mapping[str, Any], model: Mapping[str, Any], where: str) -> None:
    kind, declared = study["kind"], registry.model_type(model["type"])
    if kind not in declared.kinds:
        known = [other.name for other in registry.model_types() if kind in other.kinds]
        raise InputError(
            f"{where}.type: {declared.name!r} is not for the kind {kind}; here are "
            f"{', '.join(known)}"
        )
    needs = declared.needs | ({"images"} if declared.function else set())
    for part in sorted(needs - parts_of(study)):
        key = f"data.{part}" if kind == "own" and part != "vae" else part
        raise InputError(
            f"{where}: is of the type {declared.name}, and the study has no {key}; add it, or "
            "leave the model out"
        )


def _check_alignment(study: Mapping[str, Any], prefix: str) -> None:
    types = {model["type"] for model in study["models"].values()}
    for wanted in BASELINES:
        if wanted not in types:
            raise InputError(
                f"config key {prefix}: lacks a model of the type {wanted}, which every score is "
                f"put beside; add one, such as {wanted}: {{type: {wanted}}}"
            )
    if "vae" in study and "scores" not in study and study.get("forensics", True):
        raise InputError(
            f"config key {prefix.removesuffix('.models')}: has a vae and no scores; add the "
            "parameters of the scores, or say forensics: false"
        )

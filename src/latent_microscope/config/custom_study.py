"""The config of a study of one's own: short forms spelt out, and what must go together."""

from collections.abc import Mapping
from typing import Any

from latent_microscope import registry
from latent_microscope.config.models import parts_of
from latent_microscope.errors import InputError

PARTS = (
    "embeddings",
    "images",
    "attributes",
    "identities",
    "labels",
    "votes",
    "dissimilarity",
)
"""Keys of the section data; a path by itself stands for ``{file: path}``."""
TABLE_PARTS = ("identities", "labels")
_SIZES = {"convolutional": 64, "cifar": 32}
_SIZE = 64


def spell_out(study: dict[str, Any], scores: Mapping[str, Any]) -> None:
    """Spell out paths that stand for a mapping, and scores that are not given, in place.

    Args:
        study: A study of the kind own, not validated yet.
        scores: Values for what its section scores leaves out.
    """
    data = study.get("data")
    if isinstance(data, dict):
        for part in PARTS:
            if isinstance(data.get(part), str):
                data[part] = {"file": data[part]}
    if isinstance(study.get("scores", {}), dict):
        study["scores"] = {**scores, **study.get("scores", {})}


def check_own(study: dict[str, Any], prefix: str) -> None:
    """Check what must go together in a validated study, and fill in what follows from it.

    Raises:
        InputError: Something is missing or too much; the message names the key.
    """
    data = study["data"]
    if "embeddings" in data and "vae" in study:
        raise InputError(
            f"config key {prefix}.vae: the study has embeddings, and one set of latents is "
            "analysed; leave out the vae, or data.embeddings"
        )
    if "vae" in study and "images" not in data:
        raise InputError(f"config key {prefix}.data.images: a vae needs images; name them")
    if "votes" in data and "dissimilarity" in data:
        raise InputError(
            f"config key {prefix}.data: has votes and a dissimilarity matrix; compare with one of "
            "them, and with the other in a study of its own"
        )
    people = "votes" in data or "dissimilarity" in data
    if people:
        _add_models(study, f"{prefix}.models")
    elif study["models"]:
        raise InputError(
            f"config key {prefix}.models: there is nothing to compare models with; name data.votes "
            "or data.dissimilarity, or leave the models out"
        )
    if "embeddings" not in data and "vae" not in study and not people:
        raise InputError(
            f"config key {prefix}.data: nothing to analyse; name embeddings, or images and a vae, "
            "or votes and models"
        )
    for part in TABLE_PARTS:
        if part in data:
            _complete(data, part, f"{prefix}.data.{part}")
    if "images" in data and data["images"]["size"] is None:
        data["images"]["size"] = _SIZES.get(study.get("vae", {}).get("arch", ""), _SIZE)


def _add_models(study: dict[str, Any], prefix: str) -> None:
    """The study's own latents and the baselines, where the config does not have them."""
    models = study["models"]
    taken, parts = {*models, *(model["type"] for model in models.values())}, parts_of(study)
    for declared in registry.model_types():
        plain = declared.config == "plain" and not declared.function
        if plain and declared.needs <= parts and declared.name not in taken:
            models[declared.name] = {"type": declared.name, "layers": ["features"]}
    if not models:
        raise InputError(f"config key {prefix}: name a model, or data.embeddings or data.images")


def _complete(data: dict[str, Any], part: str, key: str) -> None:
    """Where a column is: in a file of its own, or in the table of attributes."""
    own = data[part]
    if own.get("folder") or own.get("pattern"):
        if own["file"] or own["column"]:
            raise InputError(
                f"config key {key}: folder and pattern take identities from the images' paths; "
                "leave out file and column, or these"
            )
        if "images" not in data:
            raise InputError(f"config key {key}: needs data.images, whose paths it reads")
        return
    if not own["column"]:
        raise InputError(f"config key {key}.column: name the column")
    attributes = data.get("attributes")
    if not own["file"]:
        if not attributes:
            raise InputError(f"config key {key}.file: name the file that has the column")
        own["file"], own["id"] = attributes["file"], attributes["id"]
    if part == "identities" and attributes and own["file"] == attributes["file"]:
        attributes["skip"] = sorted({*attributes["skip"], own["column"]})

"""The JSON schema of the config: the file, and the sections that declarations bring."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from latent_microscope import registry
from latent_microscope.errors import InputError
from latent_microscope.io.yaml_files import load_yaml


@lru_cache
def config_schema(path: Path) -> dict[str, Any]:
    """The schema of a file with all declared types of models and sections of scores.

    Args:
        path: ``workflow/schemas/config.schema.yaml``.

    Raises:
        InputError: A declaration has the name of a key that there is, or names no definition.
    """
    schema: dict[str, Any] = load_yaml(path)
    parts = schema["$defs"]
    types = registry.model_types()
    parts["model"]["properties"]["type"]["enum"] = [declared.name for declared in types]
    plain = [declared.name for declared in types if declared.config == "plain"]
    parts["plain"]["properties"]["type"]["enum"] = plain
    for declared in types:
        if isinstance(declared.config, str):
            if declared.config not in parts:
                raise InputError(
                    f"the type of model {declared.name!r} is declared with the config "
                    f"{declared.config!r}, which is no definition of the config's schema"
                )
        else:
            _require_new(declared.name, parts, "type of model")
            layers: dict[str, Any] = {"$ref": "#/$defs/layers", "default": ["features"]}
            if not declared.logits:
                layers |= {"items": {"enum": ["features"]}}
            parts[declared.name] = {
                "type": "object",
                "additionalProperties": False,
                "required": ["type"],
                "description": declared.title,
                "properties": {"type": {"const": declared.name}, "layers": layers}
                | dict(declared.config),
            }
    for score in registry.scores():
        if score.config:
            _require_new(score.name, parts["scores"]["properties"], "score")
            parts["scores"]["properties"][score.name] = {
                "type": "object",
                "additionalProperties": False,
                "default": {},
                "description": score.meaning,
                "properties": dict(score.config),
            }
    return schema


def definition(model_type: str) -> str:
    """Name of the definition in the schema of a type of model."""
    declared = registry.model_type(model_type)
    return declared.config if isinstance(declared.config, str) else declared.name


def _require_new(name: str, known: dict[str, Any], what: str) -> None:
    if name in known:
        raise InputError(f"the {what} {name!r} is declared, but the config has such a key already")

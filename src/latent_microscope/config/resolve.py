"""The config as the Snakefile sees it: sizes resolved, defaults filled in, every key checked."""

import copy
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
from jsonschema.protocols import Validator

from latent_microscope.config.custom_study import check_own, spell_out
from latent_microscope.config.models import check_models
from latent_microscope.config.schema import config_schema, definition
from latent_microscope.errors import InputError
from latent_microscope.io.yaml_files import require_modest

KINDS = ("synthetic", "detection", "faces", "alignment", "simulations", "own")
_ORDERED = ("models", "settings")
ROLES = {
    "dataset": (("archive",), ("identities",)),
    "images": (("train", "archive"), ("test", "archive")),
    "votes": (("counts",),),
}
"""Keys that name a data set → files that are taken from it, by role; the first that it has."""


def resolve(
    config: Mapping[str, Any],
    schema_file: Path,
    data_sets: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Any]:
    """Check a config and fill in what it leaves out.

    A study with ``sizes`` becomes ``<name>-<size>`` with that size's values merged into it, so
    that runs of different sizes never share a results folder.

    Args:
        config: The merged content of the config files and ``--config``.
        schema_file: YAML of the JSON schema.
        data_sets: Those of the manifest: name → file → role; not given: names are not checked.

    Returns:
        A new config; ``studies`` holds just the studies that ``run`` names, resolved.

    Raises:
        InputError: A key is unknown, missing or out of its range; the message names it.
    """
    schema = config_schema(schema_file)
    require_modest(config, "config")
    whole: dict[str, Any] = copy.deepcopy(dict(config))
    validate(whole, schema, "")
    resolved = {}
    for name in whole["run"]:
        if name not in whole["studies"]:
            known = ", ".join(sorted(whole["studies"]))
            raise InputError(f"config key run: no study {name!r}; studies are: {known}")
        study = whole["studies"][name]
        full_name, study = _resolve_size(name, study, whole["size"])
        if study["kind"] not in KINDS:
            raise InputError(
                f"config key studies.{name}.kind: {study['kind']!r} is not one of {list(KINDS)}"
            )
        part = {"$defs": schema["$defs"], **schema["$defs"][study["kind"]]}
        if study["kind"] == "own":
            spell_out(study, part["properties"]["scores"]["default"])
        validate(study, part, f"studies.{name}")
        for model, settings in study.get("models", {}).items():
            part = {"$defs": schema["$defs"], **schema["$defs"][definition(settings["type"])]}
            validate(settings, part, f"studies.{name}.models.{model}")
        check_models(study, f"studies.{name}.models")
        if study["kind"] == "own":
            check_own(study, f"studies.{name}")
        if data_sets is not None:
            _check_data_sets(study, data_sets, f"studies.{name}")
        if whole["subset"] and study["kind"] in ("faces", "alignment"):
            full_name = f"{full_name}-{whole['subset']}"
            _take_subset(study, whole["subset"])
        if full_name in resolved:
            raise InputError(
                f"config key run: two studies would write to results/{full_name}; rename one"
            )
        resolved[full_name] = {
            # The order of models and settings is the user's: figures and tables follow it.
            key: {m: _sorted(v) for m, v in part.items()} if key in _ORDERED else _sorted(part)
            for key, part in study.items()
        }
    whole["studies"] = resolved
    return whole


def _sorted(value: Any) -> Any:
    """Mappings by key, so that a key's place in a file is no change of a rule's params."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return value


def _resolve_size(name: str, study: dict[str, Any], size: str) -> tuple[str, dict[str, Any]]:
    sizes = study.pop("sizes", None)
    if not sizes:
        return name, study
    if size not in sizes:
        raise InputError(
            f"config key size: study {name!r} has no size {size!r}; it has {sorted(sizes)}"
        )
    return f"{name}-{size}", merge(study, sizes[size])


def _check_data_sets(
    study: Mapping[str, Any], data_sets: Mapping[str, Mapping[str, str]], prefix: str
) -> None:
    for key, files in ROLES.items():
        if key in study:
            known = _files_of(study[key], data_sets, f"{prefix}.{key}")
            for roles in files:
                if not set(roles) & set(known.values()):
                    raise InputError(
                        f"config key {prefix}.{key}: the data set {study[key]!r} has no file of "
                        f"the role {roles[0]!r}; name another one of config/datasets.yaml"
                    )
    networks = {"vae": study["vae"]} if "vae" in study else {}
    networks |= {f"models.{name}": model for name, model in study.get("models", {}).items()}
    for name, network in networks.items():
        if network.get("weights"):
            key = f"{prefix}.{name}.weights"
            data_set, _, file = network["weights"].partition("/")
            if file not in _files_of(data_set, data_sets, key):
                raise InputError(
                    f"config key {key}: the data set {data_set!r} has no file {file!r}; its files "
                    f"are: {', '.join(data_sets[data_set])}"
                )


def _files_of(name: str, data_sets: Mapping[str, Mapping[str, str]], key: str) -> Mapping[str, str]:
    if name not in data_sets:
        raise InputError(
            f"config key {key}: no data set {name!r} in config/datasets.yaml; it has "
            f"{', '.join(data_sets)}"
        )
    return data_sets[name]


def _take_subset(study: dict[str, Any], count: int) -> None:
    if study["kind"] == "faces":
        study["subset"] = count
    elif study["kind"] == "alignment":
        study["subset"] = {"train": 5 * count, "test": count}


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of ``base`` with ``over`` laid on it; mappings merge key by key, all else replaces."""
    merged = copy.deepcopy(dict(base))
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def validate(instance: Any, schema: Mapping[str, Any], prefix: str) -> None:
    """Validate ``instance`` in place, filling in the schema's defaults.

    Raises:
        InputError: The first violation, deepest key first, with the key's dotted name.
    """
    errors = sorted(_DefaultFiller(schema).iter_errors(instance), key=_depth, reverse=True)
    if errors:
        raise InputError(_message(errors[0], prefix))


def _depth(error: jsonschema.ValidationError) -> int:
    return len(error.absolute_path)


def _message(error: jsonschema.ValidationError, prefix: str) -> str:
    key = ".".join([p for p in [prefix] if p] + [str(p) for p in error.absolute_path])
    text = error.message
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    if error.validator == "additionalProperties":
        known = schema.get("properties", {})
        unknown = sorted(set(error.instance) - set(known), key=str)  # type: ignore[arg-type]
        key = ".".join([k for k in (key, str(unknown[0])) if k])
        text = f"unknown key; known here: {', '.join(sorted(known))}"
    elif error.validator in ("minimum", "maximum", "enum", "type", "pattern"):
        wanted = schema.get("description", "")
        text += f" ({wanted})" if wanted else ""
    return f"config key {key or '(top level)'}: {text}"


def _extend_with_defaults(base: type[Validator]) -> type[Validator]:
    check_properties = base.VALIDATORS["properties"]

    def fill_defaults(validator: Any, properties: Any, instance: Any, schema: Any) -> Any:
        if isinstance(instance, dict):
            for name, subschema in properties.items():
                if "default" in subschema and name not in instance:
                    instance[name] = copy.deepcopy(subschema["default"])
        yield from check_properties(validator, properties, instance, schema)

    # JSON Schema takes 3.0 for an integer and YAML has .nan and .inf; steps want none of them.
    types = base.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number})
    return jsonschema.validators.extend(base, {"properties": fill_defaults}, type_checker=types)


def _is_integer(_checker: Any, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(checker: Any, value: Any) -> bool:
    return _is_integer(checker, value) or (isinstance(value, float) and math.isfinite(value))


_DefaultFiller = _extend_with_defaults(jsonschema.Draft202012Validator)

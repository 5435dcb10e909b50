"""The config as the planner takes it: sizes resolved, defaults filled in, every key checked."""

import copy
from collections.abc import Mapping
from typing import Any

from latent_microscope.config import WEIGHTS
from latent_microscope.config.custom_study import check_own
from latent_microscope.config.fields import check, like, unknown_value
from latent_microscope.config.models import check_models
from latent_microscope.config.studies import AnyStudy, Config, study_section
from latent_microscope.errors import InputError
from latent_microscope.io.yaml_files import require_modest

_ORDERED = ("models", "scenarios")
ROLES = {
    "dataset": (("faces",), (("archive",), ("identities",))),
    "images": (("alignment",), (("train", "archive"), ("test", "archive"))),
    "votes": (("alignment",), (("counts",),)),
}
"""Keys that name a data set → in which kinds, and files by role; the first that it has."""


def resolve(
    config: Mapping[str, Any], data_sets: Mapping[str, Mapping[str, str]] | None = None
) -> dict[str, Any]:
    """Check a config and fill in its defaults.

    A study with ``sizes`` becomes ``<name>-<size>`` with the values of that size merged into it, so
    that different sizes have different results folders.

    Args:
        config: The merged content of the config files and ``--config``.
        data_sets: Those of the manifest: name → file → role; None: names are not checked.

    Returns:
        A new config; its ``studies`` are those that ``run`` names, resolved.

    Raises:
        InputError: A key is unknown, missing or out of range; the message names it.
    """
    require_modest(config, "config")
    whole = check(Config, copy.deepcopy(dict(config)), "")
    studies = copy.deepcopy(config["studies"])  # as written, without anything filled in
    resolved = {}
    for name in whole["run"]:
        if name not in studies:
            raise InputError(unknown_value("run", name, studies))
        full_name, study = _resolve_size(name, studies[name], whole["size"])
        study = _check_study(study, f"studies.{name}", data_sets)
        if whole["subset"] and study["kind"] in ("faces", "alignment"):
            count = whole["subset"]
            full_name = f"{full_name}-{count}"
            split = {"train": 5 * count, "test": count}
            study["subset"] = count if study["kind"] == "faces" else split
        if full_name in resolved:
            raise InputError(
                f"config key run: two studies would write to results/{full_name}; rename one"
            )
        resolved[full_name] = {
            # Figures and tables follow the user's order of models and settings.
            key: {m: _sorted(v) for m, v in part.items()} if key in _ORDERED else _sorted(part)
            for key, part in sorted(study.items())
        }
    return {**whole, "studies": resolved}


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of ``base`` updated by ``over``; mappings are merged key by key, all else replaced."""
    merged = copy.deepcopy(dict(base))
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def _check_study(
    study: Mapping[str, Any], prefix: str, data_sets: Mapping[str, Mapping[str, str]] | None
) -> dict[str, Any]:
    check(AnyStudy, study, prefix)  # a size may have changed the kind
    found = check(study_section(study["kind"]), study, prefix)
    check_models(found, f"{prefix}.models")
    if found["kind"] == "custom":
        check_own(found, prefix)
    if data_sets is not None:
        _check_data_sets(found, data_sets, prefix)
    return found


def _sorted(value: Any) -> Any:
    """Mappings by key, so that moving a key in a file does not change a rule's params."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return value


def _resolve_size(name: str, study: dict[str, Any], size: str) -> tuple[str, dict[str, Any]]:
    sizes = study.pop("sizes", None)
    if not sizes:
        return name, study
    if size not in sizes:
        raise InputError(
            f"config key size: study {name} has no size {size!r}; known here: "
            f"{', '.join(sorted(sizes))}"
        )
    return f"{name}-{size}", merge(study, sizes[size])


def _check_data_sets(
    study: Mapping[str, Any], data_sets: Mapping[str, Mapping[str, str]], prefix: str
) -> None:
    for key, (kinds, files) in ROLES.items():
        if key in study and study["kind"] in kinds:
            known = _files_of(study[key], data_sets, f"{prefix}.{key}")
            for roles in files:
                if not set(roles) & set(known.values()):
                    raise InputError(
                        f"config key {prefix}.{key}: the data set {study[key]!r} has no file with "
                        f"the role {roles[0]}; use another one of config/datasets.yaml"
                    )
    networks = {"vae": study["vae"]} if "vae" in study else {}
    networks |= {f"models.{name}": model for name, model in study.get("models", {}).items()}
    for name, network in networks.items():
        if network.get("weights") and network["weights"] not in WEIGHTS:
            key = f"{prefix}.{name}.weights"
            data_set, _, file = network["weights"].partition("/")
            if name != "vae" and data_set not in data_sets:  # a path; the planner looks for it
                continue
            known = _files_of(data_set, data_sets, key)
            if file not in known:
                raise InputError(
                    f"config key {key}: the data set {data_set!r} has no file {file!r}; "
                    f"{like(file, known)}known here: {', '.join(known)}"
                )


def _files_of(name: str, data_sets: Mapping[str, Mapping[str, str]], key: str) -> Mapping[str, str]:
    if name not in data_sets:
        raise InputError(f"{unknown_value(key, name, data_sets)} (config/datasets.yaml)")
    return data_sets[name]

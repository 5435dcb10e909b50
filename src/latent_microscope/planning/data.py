"""Files of the manifest's data sets, and the user's own."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from latent_microscope.config import WEIGHTS
from latent_microscope.custom import LEAST_COMPARED, LEAST_SCORED
from latent_microscope.data.manifest import datasets_by_path
from latent_microscope.errors import InputError
from latent_microscope.planning.study import Answer, Manifest, Paths, Study, Wildcards, has_logits

FILES_OF_EXTERNAL = ("file", "training")
FILED = ("embeddings", "images", "attributes", "identities", "labels", "votes", "dissimilarity")
"""Parts of a custom study that are files, in the order in which their ids are matched."""

IDS, PRIVATE_IDS = "results/{study}/data/ids.parquet", "data/private/{study}/ids.parquet"


# --- data sets of the manifest ---------------------------------------------------------------
def downloaded(manifest: Manifest) -> list[str]:
    """Names of the data sets that are downloaded: the others are generated."""
    return [
        n for n, entry in manifest.items() if not any(f.generated for f in entry.files.values())
    ]


def data_file(manifest: Manifest, dataset: str, *roles: str) -> str:
    """Path of a data set's file by its role; the first of the roles that it has."""
    files = {file.role: file.path for file in manifest[dataset].files.values()}
    return next(files[role] for role in roles if role in files)


def of_data_set(key: str, role: str) -> Answer:
    """The file of a role of the data set that this key of the study names."""
    return lambda study, at: data_file(study.manifest, study.settings[key], role)


def reader(key: str) -> Answer:
    """The function that reads this data set; None: the default reader."""
    return lambda study, at: study.manifest[study.settings[key]].reader or None


def images_archive(study: Study, at: Wildcards) -> list[str]:
    """The archive with a split of the images."""
    return [data_file(study.manifest, study.settings["images"], at.split, "archive")]


def probabilities(study: Study, at: Wildcards) -> list[str]:
    """The votes as published probabilities, if the data set has them."""
    files = study.manifest[study.settings["votes"]].files.values()
    return [file.path for file in files if file.role == "probabilities"]


def externals(study: Study, model: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """By seed, the files of an external model and how they are read; empty for other models."""
    if model["type"] != "external":
        return {}
    found = {}
    for seed in model["seeds"] or [0]:
        one = {key: model[key] for key in ("file", "training", "array", "holds")}
        if model["seeds"]:
            one = {key: text and text.replace("{seed}", str(seed)) for key, text in one.items()}
        paths = {key: one[key] and named_file(study, one[key]) for key in FILES_OF_EXTERNAL}
        found[seed] = one | paths
    return found


def of_external(key: str) -> Answer:
    """One of these settings of the job's external model."""
    return lambda study, at: externals(study, study.model(at.model))[int(at.seed)][key]


def of_externals(key: str) -> Answer:
    """One of these settings of every external model, by its name, and seed if it has several."""
    return lambda study, at: {
        f"{name} seed {seed}" if model["seeds"] else name: one[key]
        for name, model in study.settings.get("models", {}).items()
        for seed, one in externals(study, model).items()
    }


def named_file(study: Study, text: str) -> str:
    """The file of ``dataset/file`` of the manifest, or a path as it is."""
    dataset, _, name = text.partition("/")
    entry = study.manifest.get(dataset)
    return entry.files[name].path if entry and name in entry.files else text


def weights_file(study: Study, model: Mapping[str, Any]) -> str:
    """The file with a network's weights; empty if they are random or the library's own."""
    weights = model.get("weights")
    return named_file(study, weights) if weights and weights not in WEIGHTS else ""


def weights_hash(study: Study, model: Mapping[str, Any]) -> str:
    """SHA-256 of that file: the user's as it is, the manifest's as it says; empty if not known."""
    path = weights_file(study, model)
    folder, _, rest = path.partition("/")
    dataset, _, name = rest.partition("/")
    if folder == "data" and dataset in study.manifest:
        return study.manifest[dataset].files[name].sha256 or ""
    if not path or not os.path.isfile(path):
        return ""
    state = os.stat(path)
    return _hashed(path, state.st_size, state.st_mtime_ns)


@lru_cache
def _hashed(path: str, size: int, time: int) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def code_file(model: Mapping[str, Any]) -> str:
    """The Python file of a model of type module, if it is one."""
    path = str(model.get("name", "")).rpartition(":")[0] if model["type"] == "module" else ""
    return path if path.endswith(".py") else ""


def downloads_of(study: Study) -> list[str]:
    """Every file that a study downloads."""
    settings, manifest = study.settings, study.manifest
    fetched = downloaded(manifest)
    files = []
    if study.kind == "faces":
        files += [data_file(manifest, settings["dataset"], r) for r in ("archive", "identities")]
    if study.kind == "alignment":
        trained = study.has_vae or bool(study.models("philnet"))
        for split in ("train", "test") if trained else ("test",):
            files.append(data_file(manifest, settings["images"], split, "archive"))
        files.append(data_file(manifest, settings["votes"], "counts"))
        files += probabilities(study, Wildcards())
    models = settings.get("models", {}).values()
    every = {file.path for name in fetched for file in manifest[name].files.values()}
    own = [one for model in models for one in externals(study, model).values()]
    files += [one[key] for one in own for key in FILES_OF_EXTERNAL if one[key] in every]
    networks = [settings.get("vae", {}), *models]
    files += [path for path in (weights_file(study, one) for one in networks) if path in every]
    return sorted({f for f in files if f.split("/")[1] in fetched})


# --- files of the user -----------------------------------------------------------------------
def own_file(part: str, key: str = "file") -> Answer:
    """The user's file of a part, or of its ids (key ids) if they are in another one; if any."""
    return lambda study, at: study.data.get(part, {}).get(key) or []


def all_ids(study: Study, at: Wildcards) -> str:
    """The table of all ids; of an anonymised study it is the key to its codes."""
    return (PRIVATE_IDS if study.is_anonymised else IDS).format(study=study.name)


def own_ids(study: Study, at: Wildcards) -> Paths:
    """The table of all ids, if the study's files are the user's."""
    return all_ids(study, at) if study.kind == "custom" else []


def if_anonymised(answer: Answer) -> Answer:
    """The function's value in anonymised studies."""
    return lambda study, at: answer(study, at) if study.is_anonymised else []


def written(study: Study, at: Wildcards) -> list[str]:
    """The texts of an anonymised study's config that sidecars and reports record."""
    found = _texts([study.name, study.data, study.settings["models"]])
    return sorted(set(found)) if study.is_anonymised else []


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, Mapping):
        yield from _texts([*content.keys(), *content.values()])
    elif isinstance(content, list):
        for one in content:
            yield from _texts(one)


def votes_of_logits(study: Study, at: Wildcards) -> Paths:
    """The votes, whose classes a model's logits must have, if it has logits."""
    logits = has_logits(study.model(at.model)) and study.has_judgements
    return f"results/{study.name}/data/votes.parquet" if logits else []


def named_images(study: Study, at: Wildcards) -> Paths:
    """The images, if the identities are in their paths."""
    identities = study.data.get("identities", {})
    return own_file("images")(study, at) if identities and not identities["file"] else []


def own_settings(*parts: str) -> Answer:
    """How the files of these parts are read; settings of later steps are left out."""
    skipped = ("file", "size", "types", "thresholds", "max_categories")
    return lambda study, at: {
        part: {key: value for key, value in study.data[part].items() if key not in skipped}
        for part in parts
        if part in study.data
    }


def joined_settings(study: Study, at: Wildcards) -> dict[str, Any]:
    """How the files are read that make the table of samples."""
    more = ["attributes"] if study.is_anonymised else []
    found: dict[str, Any] = own_settings("identities", "labels", "images", "votes", *more)(
        study, at
    )
    return found


def folder_state(study: Study, at: Wildcards) -> str | None:
    """Hash of names, sizes and times in a folder of images; Snakemake sees its own time only."""
    path = own_file("images")(study, at)
    if not path or not os.path.isdir(path):
        return None
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            state = os.stat(os.path.join(folder, name))
            digest.update(f"{folder}/{name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def least_samples(study: Study) -> tuple[int, str]:
    """Number of samples that neighbours and clusters need, and the setting that needs the most."""
    if not study.has_forensics:
        return LEAST_COMPARED, "the comparison with annotators"
    clusters = study.settings["clusters"]
    needed: dict[str, int] = {
        "clusters.neighbors": clusters["neighbors"] + 2,
        "clusters.min_cluster_size": 2 * clusters["min_cluster_size"],
        "scores.k": study.settings["scores"]["k"] + 2,
        "sources": LEAST_SCORED,
    }
    reason = max(needed, key=lambda key: needed[key])
    return needed[reason], reason


def require_files(study: Study) -> None:
    """Raise :class:`InputError` with the config key of a file of the user's that is missing."""
    paths = {
        f"data.{part}.{key}": settings.get(key)
        for part, settings in study.data.items()
        for key in ("file", "ids")
        if (part, key) != ("images", "ids")
    }
    for name, model in study.settings.get("models", {}).items():
        for seed, one in externals(study, model).items():
            which = f", seed {seed}" if model["seeds"] else ""
            paths |= {f"models.{name}.{key}{which}": one[key] for key in FILES_OF_EXTERNAL}
        paths[f"models.{name}.weights"] = weights_file(study, model)
        paths[f"models.{name}.name"] = code_file(model)
    declared = datasets_by_path(dict(study.manifest))
    for key, path in paths.items():
        if path and path not in declared and not os.path.exists(path):
            raise InputError(f"config key studies.{study.name}.{key}: {path}: no such file")

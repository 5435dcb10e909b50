"""What a study's explorer shows: the spaces of one VAE and of networks, images, scores, votes."""

from operator import attrgetter
from typing import Any

from latent_microscope.planning.comparison import classifiers, logits_file
from latent_microscope.planning.networks import first_file, seeds_of
from latent_microscope.planning.runs import (
    attribute_file,
    encoded_samples,
    images_if_any,
    of_first_run,
    title,
)
from latent_microscope.planning.scores import more_of_first_run
from latent_microscope.planning.study import Answer, Paths, Study, Wildcards

EXPLORED = ("synthetic", "faces", "alignment", "custom")
"""Kinds of studies that have an explorer."""


def explorer_of(study: Study) -> list[str]:
    """The explorer, if the study has one."""
    return [f"results/{study.name}/explorer.html"] if study.is_of(*EXPLORED) else []


is_clustered = attrgetter("is_clustered")
"""Whether the latents of a study have clusters, lists, near-duplicates."""


def images(study: Study, at: Wildcards) -> Paths:
    """The images of the explored run."""
    return images_if_any(study, study.first_run)


def samples(study: Study, at: Wildcards) -> str:
    """Their ids."""
    return encoded_samples(study, study.first_run)


def mapped_models(study: Study) -> list[str]:
    """The network whose features get their own UMAP, if any."""
    if study.kind != "alignment" or not study.settings["explorer"]["feature_map"]:
        return []
    return study.models("philnet")[:1]


def spaces(study: Study, at: Wildcards) -> dict[str, list[Any]]:
    """Name → (matrix, ids, UMAP or t-SNE, neighbours) of each map, the first one first."""
    found: dict[str, list[Any]] = {}
    synthetic = study.kind == "synthetic"
    if study.has_latents:
        plane = of_first_run("tsne.npy") if synthetic else of_first_run("umap.npy", is_clustered)
        found["latents of the VAE" if study.has_vae else "embeddings"] = [
            of_first_run("latents.npy")(study, at),
            of_first_run("encoding.parquet")(study, at),
            plane(study, at),
            of_first_run("neighbours.npy", is_clustered)(study, at),
        ]
    compared = study.has_judgements or "dissimilarity" in study.parts
    trained = study.models("philnet")[:1]
    for model in [*trained, *study.models("external")] if compared else []:
        pair = [first_file(study, model, name) for name in ("features.npy", "features.parquet")]
        folder, mapped = f"results/{study.name}/explorer/{model}", model in mapped_models(study)
        names = ("umap.npy", "neighbours.npy")
        what = "features" if model in trained else "outputs"
        found[f"{what} of {model}"] = pair + [f"{folder}/{n}" if mapped else [] for n in names]
    if study.has_judgements:
        folder = f"results/{study.name}/human"
        found["votes of annotators"] = [
            f"{folder}/features.npy",
            f"{folder}/features.parquet",
            [],
            [],
        ]
    return found


def of_spaces(position: int) -> Answer:
    """This file of every space that has it."""
    return lambda study, at: [f[position] for f in spaces(study, at).values() if f[position]]


def spaces_with(position: int) -> Answer:
    """The names of the spaces that have this file."""
    return lambda study, at: [n for n, files in spaces(study, at).items() if files[position]]


def plane_method(study: Study, at: Wildcards) -> str:
    """The method of the first map."""
    return "t-SNE" if study.kind == "synthetic" else "UMAP"


def scores(study: Study, at: Wildcards) -> list[str]:
    """Tables of scores and numbers by id."""
    files: list[str] = []
    if study.has_forensics:
        files.append(of_first_run(f"scores-{study.methods[0]}.parquet")(study, at))
    files += more_of_first_run(study, at)
    if study.has_vae:
        files.append(of_first_run("encoding.parquet")(study, at))
    if study.kind == "custom" and "attributes" in study.parts:
        files.append(f"results/{study.name}/data/numbers.parquet")
    return files


def attributes(study: Study, at: Wildcards) -> Paths:
    """The attributes; without forensics they would say no more than the labels."""
    return attribute_file(study, at) if study.has_forensics else []


def votes(study: Study, at: Wildcards) -> Paths:
    """The votes, if there are any."""
    return f"results/{study.name}/data/votes.parquet" if study.has_judgements else []


def shown_classifiers(study: Study) -> list[tuple[str, int]]:
    """(model, seed) of each classifier, its first seed."""
    if not study.has_judgements:
        return []
    return [(m, s) for m, s in classifiers(study) if s == seeds_of(study, m)[0]]


def logits(study: Study, at: Wildcards) -> list[str]:
    """Logits of each classifier."""
    return [logits_file(study, model, seed) for model, seed in shown_classifiers(study)]


def logit_ids(study: Study, at: Wildcards) -> list[str]:
    """Their ids."""
    return [first_file(study, m, "features.parquet") for m, _ in shown_classifiers(study)]


def model_names(study: Study, at: Wildcards) -> list[str]:
    """Names of these classifiers."""
    return [model for model, _ in shown_classifiers(study)]


def explorer_title(study: Study, at: Wildcards) -> str:
    """As on figures of the explored run."""
    return title(study, study.first_run if study.has_latents else at)

"""What a study's explorer shows: the spaces of one VAE and of networks, images, scores, votes."""

from operator import attrgetter
from typing import Any

from latent_microscope.config import SPACE
from latent_microscope.planning.comparison import classifiers, logits_file
from latent_microscope.planning.networks import first_file, seeds_of
from latent_microscope.planning.runs import (
    attribute_file,
    encoded_images,
    encoded_samples,
    of_first_run,
    pixel_file,
)
from latent_microscope.planning.scores import score_files
from latent_microscope.planning.study import Answer, Paths, Study, Wildcards, column

EXPLORED = ("synthetic", "faces", "alignment", "custom")
"""Kinds of studies that have an explorer."""


def explorer_of(study: Study) -> list[str]:
    """The explorer, if the study has one."""
    return [f"results/{study.name}/explorer.html"] if study.is_of(*EXPLORED) else []


is_clustered = attrgetter("is_clustered")
"""Whether the latents of a study have clusters, lists, near-duplicates."""


def at_first_run(function: Answer) -> Answer:
    """The function's value for the explored run."""
    return lambda study, at: function(study, study.first_run if study.has_latents else at)


samples = at_first_run(encoded_samples)
"""The table whose rows are shown."""
clusters = of_first_run("clusters.parquet", is_clustered)
"""Their clusters, if there are any."""


def images(study: Study, at: Wildcards) -> Paths:
    """Their images, if these may be shown."""
    return at_first_run(encoded_images)(study, at) if study.shows_images else []


def map_method(study: Study, at: Wildcards) -> str:
    """What made the map of the latents."""
    return "t-SNE" if study.kind == "synthetic" else "UMAP"


def latent_space(study: Study) -> str:
    """What the latents are, in words."""
    if study.has_space:
        space = study.model(SPACE)
        return f"{space['layers'][0]} of {space.get('name', 'EfficientNet-Lite')}"
    return "latents of the VAE" if study.has_vae else "embeddings"


def spaces(study: Study, at: Wildcards) -> dict[str, list[Any]]:
    """Name → (matrix, ids, UMAP or t-SNE, neighbours) of each map, the first one first."""
    found: dict[str, list[Any]] = {}
    if study.has_latents:
        synthetic = study.kind == "synthetic"
        plane = of_first_run("tsne.npy") if synthetic else of_first_run("umap.npy", is_clustered)
        found[latent_space(study)] = [
            of_first_run("latents.npy")(study, at),
            of_first_run("encoding.parquet")(study, at),
            plane(study, at),
            of_first_run("neighbours.npy", is_clustered)(study, at),
        ]
    features = ("features.npy", "features.parquet")
    compared = study.has_judgements or "dissimilarity" in study.parts
    trained = study.models("philnet")[:1]
    for model in [*trained, *study.models("external")] if compared else []:
        own = model in trained
        mapped = own and study.kind == "alignment" and study.settings["explorer"]["feature_map"]
        found[f"{'features' if own else 'outputs'} of {model}"] = [
            *(first_file(study, model, name) for name in features),
            *(
                f"results/{study.name}/explorer/{model}/{name}" if mapped else []
                for name in ("umap.npy", "neighbours.npy")
            ),
        ]
    if study.has_judgements:
        human = [f"results/{study.name}/human/{name}" for name in features]
        found["votes of annotators"] = [*human, [], []]
    return found


def of_spaces(position: int) -> Answer:
    """This file of every space that has it."""
    return lambda study, at: [f[position] for f in spaces(study, at).values() if f[position]]


def spaces_with(position: int) -> Answer:
    """The names of the spaces that have this file."""
    return lambda study, at: [n for n, files in spaces(study, at).items() if files[position]]


def scores(study: Study, at: Wildcards) -> list[str]:
    """Tables of scores and numbers by id."""
    files: list[str] = []
    if study.has_forensics:
        files.append(of_first_run(f"scores-{study.methods[0]}.parquet")(study, at))
    files += [of_first_run(name)(study, at) for name in score_files(study)]
    if study.has_vae:
        files.append(of_first_run("encoding.parquet")(study, at))
    if study.kind == "custom" and "attributes" in study.parts:
        files.append(f"results/{study.name}/data/numbers.parquet")
    pixels = pixel_file(study, at)
    return [*files, *([pixels] if isinstance(pixels, str) else pixels)]


def attributes(study: Study, at: Wildcards) -> Paths:
    """The attributes; without forensics they would say no more than the labels."""
    return attribute_file(study, at) if study.has_forensics else []


def votes(study: Study, at: Wildcards) -> Paths:
    """The votes, if there are any."""
    return f"results/{study.name}/data/votes.parquet" if study.has_judgements else []


def _classifiers(study: Study) -> list[tuple[str, str, str]]:
    """Name, logits and ids of each classifier, its first seed."""
    return [
        (model, logits_file(study, model, seed), first_file(study, model, "features.parquet"))
        for model, seed in (classifiers(study) if study.has_judgements else [])
        if seed == seeds_of(study, model)[0]
    ]


model_names, logits, logit_ids = (column(_classifiers, i) for i in range(3))

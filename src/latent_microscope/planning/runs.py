"""Files of a study's VAEs: one per crop, seed and method of the sources; titles of figures."""

from collections.abc import Callable
from functools import reduce
from operator import getitem
from pathlib import Path

from latent_microscope.planning.study import Answer, Paths, Study, Wildcards, column

RESULTS = "results/{study}"
RUN = "results/{study}/vae/{crop}/seed{seed}"
LOGS = "results/{study}/logs"
_NEAREST = ("nearest", "nearest-distances", "nearest-counts", "similar")
SCAN = {name.replace("-", "_"): f"{RUN}/{name}.npy" for name in _NEAREST}
SCAN["overlaps"] = f"{RUN}/overlaps.parquet"
"""Output of scan_latents → its file."""
PART = ("indices", "distances", "pairs")
"""Files of a part of a pass over all pairs."""


def of_study(*keys: str) -> Answer:
    """The value at these keys in the study's config."""
    return lambda study, at: reduce(getitem, keys, study.settings)


def scores_settings(*keys: str) -> Answer:
    """These keys of the study's section scores."""
    return lambda study, at: {key: study.settings["scores"][key] for key in keys}


def number(study: Study, at: Wildcards) -> int:
    """The run's seed."""
    return int(at.seed)


def here(study: Study, at: Wildcards) -> str:
    """Folder of the run."""
    return RUN.format(study=study.name, crop=at.crop, seed=at.seed)


# --- images and samples ----------------------------------------------------------------------
def vae_images(study: Study, at: Wildcards, split: str) -> str:
    """The images of the study's VAE; only alignment's data are split."""
    if study.kind == "detection":
        return f"results/{study.name}/data/{at.crop}/seed{at.seed}/images.npy"
    if study.kind == "synthetic":
        return f"results/{study.name}/data/seed{at.seed}/images-{at.crop}.npy"
    folder = f"data/{split}" if study.kind == "alignment" else "data"
    return f"results/{study.name}/{folder}/images.npy"


def training_images(study: Study, at: Wildcards) -> str:
    """The images that the VAE is trained on."""
    return vae_images(study, at, "train")


def encoded_images(study: Study, at: Wildcards) -> str:
    """The images of a VAE's latents: alignment encodes the held-out test images."""
    return vae_images(study, at, "test")


def encoded_samples(study: Study, at: Wildcards) -> str:
    """The table of these images: ids and labels."""
    return str(Path(encoded_images(study, at)).parent / "samples.parquet")


def held_out(study: Study, at: Wildcards) -> float:
    """The share of its images that a VAE is not trained on."""
    return float(study.settings.get("vae", {}).get("held_out", 0.0)) if study.is_trained else 0.0


def divided_samples(study: Study, at: Wildcards) -> Paths:
    """The table of the images, if some are held out of the training."""
    return encoded_samples(study, at) if held_out(study, at) else []


def images_if_any(study: Study, at: Wildcards) -> Paths:
    """The encoded images, if the study has images."""
    return encoded_images(study, at) if "images" in study.parts else []


def study_images(study: Study, at: Wildcards) -> str:
    """The encoded images of a study whose VAEs all see the same ones."""
    folder = "data/test" if study.kind == "alignment" else "data"
    return f"results/{study.name}/{folder}/images.npy"


def study_samples(study: Study, at: Wildcards) -> str:
    """Ids of these images."""
    return str(Path(study_images(study, at)).parent / "samples.parquet")


def pixel_file(study: Study, at: Wildcards) -> Paths:
    """What is measured of the pixels and files of its images, if it has any."""
    known = "images" in study.parts and study.is_of("faces", "alignment", "custom")
    return f"results/{study.name}/data/pixels.parquet" if known else []


def attribute_file(study: Study, at: Wildcards) -> Paths:
    """The attributes as 0/1 columns, if the study has any."""
    known = "attributes" in study.parts
    return f"results/{study.name}/data/attributes.parquet" if known else []


# --- the passes over all pairs of latents --------------------------------------------------------
def scan_files(study: Study, at: Wildcards) -> list[str]:
    """What the pass over the run's latents finds."""
    return [path.format(study=study.name, crop=at.crop, seed=at.seed) for path in SCAN.values()]


def candidates(study: Study, at: Wildcards) -> int:
    """How many possible near matches the pass lists, in studies that look for any."""
    return int(study.settings.get("quality", {}).get("candidates", 0))


def scan_parts(folder: str) -> Answer:
    """Files of all parts of a pass in this folder of the run; none where it is in one piece."""

    def files(study: Study, at: Wildcards) -> list[str]:
        count = study.settings["scores"]["scan_parts"]
        numbers = range(1, count + 1) if count > 1 else ()
        return [f"{here(study, at)}/{folder}/{k}-{name}.npy" for k in numbers for name in PART]

    return files


# --- files of several VAEs -------------------------------------------------------------------
def run_files(name: str, wanted: Callable[[Study], bool] = lambda study: True) -> Answer:
    """This file of each VAE of a study, if the study is wanted."""
    return lambda study, at: study.run_files(f"{RUN}/{name}") if wanted(study) else []


def column_scores(study: Study, at: Wildcards) -> list[str]:
    """Scores of each VAE with its columns in other orders, if the study asks for any."""
    name, count = "column-scores.parquet", study.settings["quality"]["column_orders"]
    return run_files(name)(study, at) if count else []


run_crops, run_seeds = (column(Study.runs, i) for i in range(2))


def run_method_files(name: str) -> Answer:
    """This file of each VAE and each method of the sources."""
    return lambda study, at: [
        f"{run}/{name}".format(method=method)
        for run in study.run_files(RUN)
        for method in study.methods
    ]


def _run_methods(study: Study) -> list[tuple[str, int, str]]:
    return [(crop, seed, method) for crop, seed in study.runs() for method in study.methods]


run_method_crops, run_method_seeds, run_methods = (column(_run_methods, i) for i in range(3))


def crop_files(name: str) -> Answer:
    """This file of each seed of a crop."""
    return lambda study, at: [
        f"{RUN}/{name}".format(study=study.name, crop=at.crop, seed=seed, method=at.method)
        for seed in study.seeds()
    ]


def of_first_run(
    name: str, wanted: Callable[[Study], bool] = lambda study: study.has_latents
) -> Answer:
    """This file of the explored run, if the study is wanted."""
    return lambda study, at: f"{here(study, study.first_run)}/{name}" if wanted(study) else []


def umap_replicates(study: Study, at: Wildcards) -> list[str]:
    """UMAPs of further seeds."""
    count = study.settings["clusters"]["umap_seeds"]
    return [f"{here(study, at)}/umaps/seed{k}.npy" for k in range(1, count)]


def subniches_if_any(study: Study, at: Wildcards) -> Paths:
    """Sub-niches, in studies of faces and custom studies."""
    return f"{here(study, at)}/subniches.parquet" if study.is_of("faces", "custom") else []


# --- titles of figures ----------------------------------------------------------------------
def title(study: Study, at: Wildcards) -> str:
    """Study, crop and seed of the VAE: the first line of a figure."""
    parts = [study.name]
    if len(study.crops) > 1 and at.crop:
        parts.append({"whole": "whole image", "eyes": "eye region"}.get(at.crop, at.crop))
    if at.seed and not (study.has_embeddings and len(study.seeds()) == 1):
        parts.append(f"seed {at.seed}")
    if at.method:
        parts.append(f"sources as {at.method}")
    if study.is_synthetic_demo:
        parts.append("synthetic demo data")
    return " · ".join(parts)


def seed_labels(study: Study, at: Wildcards) -> list[str]:
    """A label for each seed."""
    return [f"seed {seed}" for seed in study.seeds()]


def metric(study: Study, at: Wildcards) -> str:
    """The job's metric."""
    return at.metric


# --- the VAE ---------------------------------------------------------------------------------
def vae_settings(study: Study, at: Wildcards) -> dict[str, object]:
    """The settings that training the VAE depends on."""
    settings = dict(study.settings["vae"])
    del settings["weights"]
    if study.kind == "detection":
        own = study.settings["scenarios"][at.crop]["restarts"]
        settings["restarts"] = settings["restarts"] if own is None else own
    if not settings["restarts"]:
        del settings["restarts"]
    return settings


def encoding_settings(study: Study, at: Wildcards) -> dict[str, object]:
    """The settings that encoding depends on, without those of its training."""
    settings = study.settings["vae"]
    return {k: settings[k] for k in ("arch", "latent", "dropout", "input_range", "reconstruction")}


def is_dense(study: Study) -> bool:
    """Whether the VAE is the dense network, which keeps one core busy and needs no GPU."""
    return bool(study.settings["vae"]["arch"] == "dense")


def scenario_data(study: Study, at: Wildcards) -> object:
    """The ground truth of a setting of a detection study."""
    return study.settings["scenarios"][at.crop]["data"]

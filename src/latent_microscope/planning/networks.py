"""The models of a study: their seeds, settings, weights, folds and layers."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from latent_microscope import registry
from latent_microscope.config import SPACE
from latent_microscope.planning.data import code_file, externals, weights_file, weights_hash
from latent_microscope.planning.runs import RUN, encoding_settings
from latent_microscope.planning.study import Answer, Paths, Study, Wildcards, column

_NAMED = ("name", "tag", "number")
PHILNET = (
    *("widths", "convolutions", "stem", "activation", "pooling", "pool_after", "residual"),
    *("head_pooling", "head_scale", "identity", "norm_scale", "norm_momentum"),
    *("dropout", "dropout_at"),
)
"""Keys of the architecture."""
MODEL = "results/{study}/models/{model}/seed{seed}"
LAYERS = "results/{study}/layers/{model}-seed{seed}"
_SHARED = ("type", "layers", "seeds")
Run = tuple[str, int]
"""Model and seed."""


def seeds_of(study: Study, model: str) -> list[int]:
    """Seeds of a model: its own or the study's; its own or 0 where nothing is random here."""
    settings = study.model(model)
    if settings["type"] == "embeddings":  # the same file for every seed
        return study.seeds()[:1]
    if settings["type"] == "tta":
        return seeds_of(study, settings["of"])
    if not registry.model_type(settings["type"]).random:
        return list(settings.get("seeds") or [0])
    if settings.get("weights", "random") != "random":  # the same network for every seed
        return [0]
    return list(settings.get("seeds") or study.seeds())


def runs_of(study: Study, *types: str) -> list[Run]:
    """(model, seed) of every model of these types."""
    return [(m, s) for m in study.models(*types) for s in seeds_of(study, m)]


def file_of(study: Study, model: str, seed: int | str, name: str) -> str:
    """A file of a model's run."""
    return f"{MODEL}/{name}".format(study=study.name, model=model, seed=seed)


def first_file(study: Study, model: str, name: str) -> str:
    """A file of a model's first run."""
    return file_of(study, model, seeds_of(study, model)[0], name)


def own_settings(study: Study, at: Wildcards) -> dict[str, Any]:
    """The keys that the declared type of the job's model adds."""
    return _without(study.model(at.model), *_SHARED)


def _without(settings: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in keys}


def setting_of_model(key: str) -> Answer:
    """A setting of the job's model."""
    return lambda study, at: study.model(at.model)[key]


# --- architectures and weights ---------------------------------------------------------------
def _architecture(model: Mapping[str, Any]) -> dict[str, Any]:
    return {key: model[key] for key in PHILNET}


def training_settings(study: Study, at: Wildcards) -> dict[str, Any]:
    """The network's own keys, but for how it predicts."""
    return _without(study.model(at.model), *_SHARED, "flip")


def network_settings(study: Study, at: Wildcards) -> dict[str, Any]:
    """Architecture of a network."""
    model = study.model(at.model)
    model = study.model(model["of"]) if model["type"] == "random" else model
    if model["type"] == "philnet":
        return {"kind": "philnet", **_architecture(model)}
    named = {key: model[key] for key in _NAMED if key in model}
    if model["type"] == "open_clip" and model["weights"] == "pretrained":
        named["pretrained"] = True  # a tag that is not named has its preprocessing as well
    return {"kind": model["type"], **named}


def pretrained_weights(study: Study, at: Wildcards) -> Paths:
    """The file with a network's weights, if it has one."""
    return weights_file(study, study.model(at.model)) or []


def origin(study: Study, at: Wildcards) -> str:
    """Where the weights of a network that is not trained here come from."""
    model = study.model(at.model)
    fixed = {"random": "random", "efficientnet_lite": "pretrained"}
    return fixed.get(model["type"]) or str(model["weights"])


def python_file(study: Study, at: Wildcards) -> Paths:
    """The user's Python file that makes the network, if there is one."""
    return code_file(study.model(at.model)) or []


def extraction_settings(study: Study, at: Wildcards) -> dict[str, Any]:
    """What reading a network's features depends on: its architecture, not its training."""
    model = study.model(at.model)
    return network_settings(study, at) | {
        k: model[k] for k in ("transform", "flip") if model.get(k)
    }


def reduction(key: str) -> Answer:
    """How layers become vectors (reduce) or what they are projected to; None: the default."""
    return lambda study, at: study.model(at.model).get(key)


def named_layers(model: Mapping[str, Any]) -> list[str]:
    """Layers whose activations are files of their own beside the features."""
    if registry.model_type(model["type"]).logits:
        return ["logits"]
    layers = ["logits" if layer == "probabilities" else layer for layer in model["layers"]]
    return [layer for layer in dict.fromkeys(layers) if layer != "features"]


def extractions(study: Study) -> list[tuple[list[str], list[str]]]:
    """Layers that are files of their own, and the models of a study that have these."""
    found: dict[tuple[str, ...], list[str]] = {}
    for name in study.models_that(lambda declared: declared.extracted):
        found.setdefault(tuple(named_layers(study.model(name))), []).append(name)
    return [(list(layers), models) for layers, models in found.items()]


# --- networks in folds, and crops of them ------------------------------------------------------
def folds_model(study: Study, model: str) -> Mapping[str, Any]:
    """The settings of a cross-validated network, or of the one that a model shows crops of."""
    settings = study.model(model)
    return study.model(settings["of"]) if settings["type"] == "tta" else settings


def folds_settings(study: Study, at: Wildcards) -> dict[str, Any]:
    """The network's own keys, and the architecture that every fold starts from."""
    model = study.model(at.model)
    return _architecture(study.model(model["of"])) | _without(model, *_SHARED, "of")


def tta_settings(study: Study, at: Wildcards) -> dict[str, Any]:
    """The architecture, and which crops."""
    start = study.model(folds_model(study, at.model)["of"])
    return _architecture(start) | {key: study.model(at.model)[key] for key in ("shift", "flip")}


def of_origin(name: str) -> Answer:
    """This file of the network that the job's model starts from or shows crops of."""
    return lambda study, at: file_of(study, study.model(at.model)["of"], at.seed, name)


def tempered_runs(study: Study) -> list[Run]:
    """(model, seed) of what is predicted fold by fold: cross-validated networks and their crops."""
    return runs_of(study, "cross_validated", "tta")


def files_of(name: str, *types: str) -> Answer:
    """This file of every run of the models of these types."""
    return lambda study, at: [file_of(study, m, s, name) for m, s in runs_of(study, *types)]


def trainings(study: Study) -> list[tuple[str, str]]:
    """(model, table of its epochs): networks trained here, and external ones that come with one."""
    own = [(m, file_of(study, m, s, "training.parquet")) for m, s in runs_of(study, "philnet")]
    return own + [
        (model, one["training"])
        for model in study.models("external")
        for one in externals(study, study.model(model)).values()
        if one["training"]
    ]


trained_models, training_tables = (column(trainings, i) for i in range(2))


def compared_folds(study: Study) -> list[tuple[str, int, str]]:
    """(model, seed, model whose folds they are): cross-validated networks and what they were."""
    before = {
        study.model(model)["of"]: model for model in reversed(study.models("cross_validated"))
    }
    rows = [(start, seed, of) for start, of in before.items() for seed in seeds_of(study, of)]
    return rows + [(model, seed, model) for model, seed in runs_of(study, "cross_validated")]


def compared_fold_files(column: int, name: str) -> Answer:
    """This file of each compared network (0), or of that whose folds are taken (2)."""
    return lambda study, at: [
        file_of(study, str(row[column]), row[1], name) for row in compared_folds(study)
    ]


compared_fold_column = partial(column, compared_folds)
"""Model (0) or seed (1) of each compared network."""


def fold_column(key: str) -> Answer:
    """This setting of each cross-validated network and of crops, by name."""
    return lambda study, at: {
        name: {**folds_model(study, name), "of": study.model(name)["of"]}[key]
        for name in study.models("cross_validated", "tta")
    }


def space_file(name: str) -> Answer:
    """The features (or their ids) that are a study's latents, of the run's seed."""

    def file(study: Study, at: Wildcards) -> str:
        layer, known = study.model(SPACE)["layers"][0], seeds_of(study, SPACE)
        seed = int(at.seed) if int(at.seed) in known else known[0]
        return file_of(study, SPACE, seed, name.format(layer=layer))

    return file


# --- layers ----------------------------------------------------------------------------------
def profiled_runs(study: Study) -> list[Run]:
    """(model, seed) of every network that is profiled layer by layer."""
    if not (study.has_judgements and "images" in study.parts):
        return []
    if not study.settings["profile"]["images"]:
        return []
    names = study.models_that(lambda declared: declared.profiled)
    return [(model, seed) for model in names for seed in seeds_of(study, model)]


def of_profiled(ending: str) -> Answer:
    """A file of the layers of each network that is profiled."""

    def files(study: Study, at: Wildcards) -> list[str]:
        path = LAYERS + ending
        return [path.format(study=study.name, model=m, seed=s) for m, s in profiled_runs(study)]

    return files


profiled_models = column(profiled_runs, 0)


def has_leaderboard(study: Study) -> bool:
    """Whether networks are ranked by their best layers."""
    return bool(profiled_runs(study)) and study.settings["inference"]["draws"] > 1


def described(study: Study, at: Wildcards) -> list[str]:
    """What is known of each network that is not trained here."""
    return [file_of(study, model, seed, "network.parquet") for model, seed in _built(study)]


def _built(study: Study) -> list[Run]:
    names = study.models_that(lambda declared: declared.built)
    return [(model, seed) for model in names for seed in seeds_of(study, model)]


def has_built(study: Study) -> bool:
    """Whether it has networks that are not trained here."""
    return bool(_built(study))


built_models, built_seeds = (column(_built, i) for i in range(2))


def profiled_weights(study: Study, at: Wildcards) -> str:
    """Weights of the profiled network."""
    if study.model(at.model)["type"] == "vae":
        return f"{RUN.format(study=study.name, crop='whole', seed=at.seed)}/weights.pt"
    return file_of(study, at.model, at.seed, "weights.pt")


def profile_settings(study: Study, at: Wildcards) -> dict[str, Any]:
    """Architecture of the network; the VAE's encoder reads images as its training did."""
    if study.model(at.model)["type"] == "vae":
        return {"kind": "vae", **encoding_settings(study, at)}
    return extraction_settings(study, at)


# --- notes ----------------------------------------------------------------------------------
def notes(study: Study, at: Wildcards) -> dict[str, str]:
    """The note of a model that every table shows beside its name."""
    found: dict[str, str] = {}
    labelled = study.kind != "custom" or "labels" in study.parts
    for name in study.models():
        settings = study.model(name)
        declared = registry.model_type(settings["type"])
        note = declared.note(settings)
        if digest := weights_hash(study, settings):
            note = f"{note} (sha256 {digest[:12]})"
        if declared.oracle and not labelled:
            note = "class: the majority of the votes themselves"
        found |= {name: note} if note else {}
    return found


def figure_notes(study: Study, at: Wildcards) -> dict[str, str]:
    """Notes that figures show beside a model's name."""
    return {name: note for name, note in notes(study, at).items() if note == "random weights"}

"""The models of a study: their seeds, settings, weights, folds and layers."""

from typing import Any

from latent_microscope import registry
from latent_microscope.planning.runs import RUN, encoding_settings
from latent_microscope.planning.study import Answer, Paths, Study, Wildcards

PHILNET = (
    *("widths", "convolutions", "stem", "pooling", "pool_after", "residual", "head_pooling"),
    *("dropout", "dropout_at"),
)
"""Keys of its architecture."""
MODEL = "results/{study}/models/{model}/seed{seed}"
Run = tuple[str, int]
"""Model and seed."""


def seeds_of(study: Study, model: str) -> list[int]:
    """Seeds of a model: its own or the study's, or just 0 where nothing is random."""
    settings = study.model(model)
    if settings["type"] == "embeddings":  # the same file for every seed
        return study.seeds()[:1]
    if settings["type"] == "views":
        return seeds_of(study, settings["of"])
    if not registry.model_type(settings["type"]).random:
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
    """The keys that a declared type of the job's model brings."""
    shared = ("type", "layers", "seeds")
    return {key: value for key, value in study.model(at.model).items() if key not in shared}


def setting_of_model(key: str) -> Answer:
    """A setting of the job's model."""
    return lambda study, at: study.model(at.model)[key]


# --- architectures and weights ---------------------------------------------------------------
def _philnet(model: Any) -> dict[str, Any]:
    return {"kind": "philnet", **{key: model[key] for key in PHILNET}}


def training_settings(study: Study, at: Wildcards) -> dict[str, Any]:
    """A network's own keys; without a running average the key is left out, as it always was."""
    model = study.model(at.model)
    skipped = ["type", "layers", "seeds"]
    if not model["average"]:
        skipped.append("average")
    return {k: v for k, v in model.items() if k not in skipped}


def network_settings(study: Study, at: Wildcards) -> dict[str, Any]:
    """Architecture of an untrained or pretrained network."""
    model = study.model(at.model)
    if model["type"] == "random":
        return _philnet(study.model(model["of"]))
    return {"kind": model["type"]}


def pretrained_weights(study: Study, at: Wildcards) -> Paths:
    """The file with a network's weights, from the manifest; none: they are random."""
    weights = study.model(at.model).get("weights")
    return f"data/{weights}" if weights else []


def extraction_settings(study: Study, at: Wildcards) -> dict[str, Any]:
    """What reading a network's features depends on: its architecture, not its training."""
    model = study.model(at.model)
    if model["type"] == "philnet":
        return _philnet(model)
    kept = {key: model[key] for key in ("input_size",) if key in model}
    return network_settings(study, at) | kept


# --- networks in folds, and views of them ------------------------------------------------------
def folds_model(study: Study, model: str) -> Any:
    """The settings of a cross-validated network, or of the one that a model shows views of."""
    settings = study.model(model)
    return study.model(settings["of"]) if settings["type"] == "views" else settings


def folds_settings(study: Study, at: Wildcards) -> dict[str, Any]:
    """The architecture is that of the network that every fold starts from."""
    model = study.model(at.model)
    start = study.model(model["of"])
    own = {k: v for k, v in model.items() if k not in ("type", "layers", "of", "seeds")}
    return {**{key: start[key] for key in PHILNET}, **own}


def views_settings(study: Study, at: Wildcards) -> dict[str, Any]:
    """The architecture, and which views."""
    start = study.model(folds_model(study, at.model)["of"])
    own = {key: study.model(at.model)[key] for key in ("shift", "mirror")}
    return {**{key: start[key] for key in PHILNET}, **own}


def of_origin(name: str) -> Answer:
    """This file of the network that the job's model starts from or shows views of."""
    return lambda study, at: file_of(study, study.model(at.model)["of"], at.seed, name)


def tempered_runs(study: Study) -> list[Run]:
    """(model, seed) of what is predicted fold by fold: networks in folds, and views of theirs."""
    return runs_of(study, "folds", "views")


def files_of(name: str, *types: str) -> Answer:
    """This file of every run of the models of these types."""
    return lambda study, at: [file_of(study, m, s, name) for m, s in runs_of(study, *types)]


def compared_folds(study: Study) -> list[tuple[str, int, str]]:
    """(model, seed, model whose folds they are): cross-validated networks and what they were."""
    before = {study.model(model)["of"]: model for model in reversed(study.models("folds"))}
    rows = [(start, seed, of) for start, of in before.items() for seed in seeds_of(study, of)]
    return rows + [(model, seed, model) for model, seed in runs_of(study, "folds")]


def compared_fold_files(column: int, name: str) -> Answer:
    """This file of each compared network (0), or of that whose folds are taken (2)."""
    return lambda study, at: [
        file_of(study, str(row[column]), row[1], name) for row in compared_folds(study)
    ]


def compared_fold_column(column: int) -> Answer:
    """Model (0) or seed (1) of each compared network."""
    return lambda study, at: [row[column] for row in compared_folds(study)]


def fold_column(key: str) -> Answer:
    """This setting of each cross-validated network and of views, by name."""
    return lambda study, at: {
        name: {**folds_model(study, name), "of": study.model(name)["of"]}[key]
        for name in study.models("folds", "views")
    }


# --- layers ----------------------------------------------------------------------------------
def profiled_runs(study: Study) -> list[Run]:
    """(model, seed) of every network that is profiled layer by layer."""
    if study.kind != "alignment" or not study.settings["profile"]["images"]:
        return []
    names = study.models_that(lambda declared: declared.profiled)
    return [(model, seed) for model in names for seed in seeds_of(study, model)]


def profiles(study: Study, at: Wildcards) -> list[str]:
    """The profile of each network."""
    folder = f"results/{study.name}/layers"
    return [f"{folder}/{model}-seed{seed}.parquet" for model, seed in profiled_runs(study)]


def profiled_weights(study: Study, at: Wildcards) -> str:
    """Weights of the profiled network."""
    if study.model(at.model)["type"] == "vae":
        return f"{RUN.format(study=study.name, view='whole', seed=at.seed)}/weights.pt"
    return file_of(study, at.model, at.seed, "weights.pt")


def profile_settings(study: Study, at: Wildcards) -> dict[str, Any]:
    """Architecture of the network; the VAE's encoder reads images as its training did."""
    if study.model(at.model)["type"] == "vae":
        return {"kind": "vae", **encoding_settings(study, at)}
    return extraction_settings(study, at)


# --- words -----------------------------------------------------------------------------------
def notes(study: Study, at: Wildcards) -> dict[str, str]:
    """What every table must say of a model beside its name."""
    found = {}
    given = study.kind != "own" or "labels" in study.parts
    for name in study.models():
        settings = study.model(name)
        declared = registry.model_type(settings["type"])
        note = declared.note(settings)
        if declared.oracle and not given:
            note = "class: the majority of the votes themselves"
        if note:
            found[name] = note
    return found


def figure_notes(study: Study, at: Wildcards) -> dict[str, str]:
    """What a reader must see beside a model's name wherever its values are drawn."""
    return {name: note for name, note in notes(study, at).items() if note == "random weights"}

# Functions of similarity.smk: paths, params and lists by study.
from types import SimpleNamespace

WITH_LOGITS = ("philnet", "folds", "views")
DETERMINISTIC = ("pixels", "label", "class_mean", "external", "efficientnet_lite")


def model_seeds(study, model):
    """Seeds of a model: its own or the study's, or just 0 where nothing is random."""
    settings = STUDIES[study]["models"][model]
    if settings["type"] == "embeddings":  # the same file for every seed
        return seeds_of(study)[:1]
    if settings["type"] == "views":
        return model_seeds(study, settings["of"])
    return [0] if settings["type"] in DETERMINISTIC else settings.get("seeds") or seeds_of(study)


def model_runs(study):
    """(model, layer, seed) of every RDM of a study."""
    return [
        (model, layer, seed)
        for model, settings in STUDIES[study]["models"].items()
        for layer in settings["layers"]
        for seed in model_seeds(study, model)
    ]


def split_source(source):
    model, layer, seed = source.rsplit("-", 2)
    return model, layer, seed.removeprefix("seed")


def rdm_features(wildcards):
    if wildcards.source == "human":
        return f"results/{wildcards.study}/human/features.npy"
    model, layer, seed = split_source(wildcards.source)
    if STUDIES[wildcards.study]["models"][model]["type"] in ("vae", "embeddings"):
        return f"results/{wildcards.study}/vae/whole/seed{seed}/latents.npy"
    trained = STUDIES[wildcards.study]["models"][model]["type"] in WITH_LOGITS
    names = {"probabilities": "logits", "calibrated": "calibrated"} if trained else {}
    name = names.get(layer, "features")
    return f"results/{wildcards.study}/models/{model}/seed{seed}/{name}.npy"


def rdm_ids(wildcards):
    if wildcards.source == "human":
        return f"results/{wildcards.study}/human/features.parquet"
    model, _, seed = split_source(wildcards.source)
    if STUDIES[wildcards.study]["models"][model]["type"] in ("vae", "embeddings"):
        return f"results/{wildcards.study}/vae/whole/seed{seed}/encoding.parquet"
    return f"results/{wildcards.study}/models/{model}/seed{seed}/features.parquet"


def rdm_transform(wildcards):
    soft = ("-probabilities-", "-calibrated-")
    return "softmax" if any(layer in wildcards.source for layer in soft) else "none"


def all_sources(study):
    """Names of all RDMs of a study, people first."""
    return ["human"] + [f"{m}-{layer}-seed{s}" for m, layer, s in model_runs(study)]


def all_rdms(ending):
    """An input function: the file of each RDM of a metric."""
    return lambda wildcards: [
        f"results/{wildcards.study}/rdms/{wildcards.metric}/{source}{ending}"
        for source in all_sources(wildcards.study)
    ]


def of_sources(function):
    """An input or params function: the function's value for each RDM of a study."""
    return lambda wildcards: [
        function(SimpleNamespace(study=wildcards.study, source=source))
        for source in all_sources(wildcards.study)
    ]


def source_models(wildcards):
    return ["human"] + [model for model, _, _ in model_runs(wildcards.study)]


def source_layers(wildcards):
    return ["features"] + [layer for _, layer, _ in model_runs(wildcards.study)]


def source_runs(wildcards):
    return [0] + [seed for _, _, seed in model_runs(wildcards.study)]


def compared_sources(wildcards):
    """The model × model matrix takes the first seed of each model, and the humans."""
    study = wildcards.study
    return ["human"] + [
        f"{m}-{layer}-seed{s}" for m, layer, s in model_runs(study) if s == model_seeds(study, m)[0]
    ]


def compared_rdms(wildcards):
    folder = f"results/{wildcards.study}/rdms/{wildcards.metric}"
    return [f"{folder}/{source}.npy" for source in compared_sources(wildcards)]


def compared_names(wildcards):
    return [source.rsplit("-", 1)[0] for source in compared_sources(wildcards)]


def classifiers(study):
    """(model, seed) of all models with logits over the ten classes."""
    return [
        (model, seed)
        for model in STUDIES[study]["models"]
        for seed in model_seeds(study, model)
        if has_logits(STUDIES[study]["models"][model])
    ]


def has_logits(model):
    return model["type"] in WITH_LOGITS or (
        model["type"] == "external" and model["holds"] == "logits"
    )


def behaviour_logits(wildcards):
    folder = f"results/{wildcards.study}/models"
    models = STUDIES[wildcards.study]["models"]
    name = {"external": "features"}
    return [
        f"{folder}/{m}/seed{s}/{name.get(models[m]['type'], 'logits')}.npy"
        for m, s in classifiers(wildcards.study)
    ]


def behaviour_names(wildcards):
    return [model for model, _ in classifiers(wildcards.study)]


def behaviour_runs(wildcards):
    return [seed for _, seed in classifiers(wildcards.study)]


def ranks_memory(wildcards, input, attempt):
    return int(5000 + 0.5 * input.size_mb) * attempt  # two RDMs and their ranks a thread; features


def ceiling_memory(wildcards, attempt):
    return 6000 * attempt  # two half-vote RDMs of 10,000 images and their ranks

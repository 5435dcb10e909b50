"""RDMs, behaviour and inference: which files of which models are compared with humans."""

from latent_microscope import registry
from latent_microscope.planning.networks import compared_folds, file_of, seeds_of, tempered_runs
from latent_microscope.planning.runs import RUN
from latent_microscope.planning.study import Answer, Study, Wildcards, column, has_logits

Source = tuple[str, str, int]
"""Model, layer and seed of an RDM."""


# --- RDMs and what they are made of ------------------------------------------------------------
def sources(study: Study) -> list[Source]:
    """(model, layer, seed) of every model's RDM."""
    return [
        (model, layer, seed)
        for model in study.models()
        for layer in study.model(model)["layers"]
        for seed in seeds_of(study, model)
    ]


def source_name(source: Source) -> str:
    """As files name it."""
    model, layer, seed = source
    return f"{model}-{layer}-seed{seed}"


def all_sources(study: Study) -> list[str]:
    """Names of all RDMs of a study, humans first."""
    return ["human", *map(source_name, sources(study))]


def split_source(source: str) -> tuple[str, str, str]:
    """Model, layer and seed of a name."""
    model, layer, seed = source.split("-")
    return model, layer, seed.removeprefix("seed")


def _source_file(study: Study, source: str, latent: str, other: str) -> str:
    if source == "human":
        return f"results/{study.name}/human/{other}"
    model, _, seed = split_source(source)
    if study.model(model)["type"] in ("vae", "embeddings"):
        return f"{RUN.format(study=study.name, crop='whole', seed=seed)}/{latent}"
    return file_of(study, model, seed, other)


def rdm_features(study: Study, at: Wildcards) -> str:
    """The features that an RDM compares."""
    name = "features.npy"
    if at.source != "human":
        model, layer, _ = split_source(at.source)
        settings = study.model(model)
        if has_logits(settings):
            own = {"probabilities": _logits_name(study, model), "calibrated": "calibrated.npy"}
            name = own.get(layer, name)
        elif registry.model_type(settings["type"]).extracted:
            name = "logits.npy" if layer == "probabilities" else f"{layer}.npy"
    return _source_file(study, at.source, "latents.npy", name)


def rdm_ids(study: Study, at: Wildcards) -> str:
    """The table with their ids."""
    return _source_file(study, at.source, "encoding.parquet", "features.parquet")


def rdm_transform(study: Study, at: Wildcards) -> str:
    """What is applied to them first."""
    soft = "-probabilities-" in at.source or "-calibrated-" in at.source
    return "softmax" if soft else "none"


def keeps_rdms(study: Study) -> bool:
    """Whether its RDMs are in files; those that are compared with dissimilarities always are."""
    return study.settings["rdm_files"] or not study.has_judgements


def rdm_files(ending: str) -> Answer:
    """The file of each RDM of a metric, if they are kept."""
    return lambda study, at: [
        _rdm(study, at.metric, s, ending) for s in all_sources(study) if keeps_rdms(study)
    ]


def _rdm(study: Study, metric: str, source: str, ending: str) -> str:
    return f"results/{study.name}/rdms/{metric}/{source}{ending}"


def human_rdm(ending: str) -> Answer:
    """The RDM of the votes, or what dissimilarities of annotators have in common."""
    return lambda study, at: (
        _rdm(study, at.metric, "human", ending)
        if study.has_judgements
        else f"results/{study.name}/human/rdm{ending}"
    )


def model_similarities(study: Study, at: Wildcards) -> str:
    """The table of similarities of every two RDMs."""
    metric = f"{at.metric}-" if study.has_judgements else ""
    return f"results/{study.name}/rsa/{metric}models.parquet"


def every_rdm(study: Study) -> list[dict[str, str]]:
    """Of every RDM of a study that is compared: name, model, layer, seed, metric, file."""
    if not study.parts & {"votes", "dissimilarity"} or not keeps_rdms(study):
        return []
    human = [("human", ("human", "", ""))] if study.has_judgements else []
    named = [*human, *((source_name(s), tuple(map(str, s))) for s in sources(study))]
    keys = ("name", "model", "layer", "seed", "metric", "file")
    return [
        dict(zip(keys, (name, *parts, metric, _rdm(study, metric, name, ".npy")), strict=True))
        for metric in study.metrics
        for name, parts in named
    ]


def of_sources(function: Answer) -> Answer:
    """The function's value for each RDM of a study."""
    return lambda study, at: [
        function(study, Wildcards(study=study.name, source=source)) for source in all_sources(study)
    ]


source_models, source_layers, source_runs = (
    column(lambda study: [("human", "features", 0), *sources(study)], i) for i in range(3)
)


def _drawn(study: Study) -> list[tuple[str, str]]:
    """Model and layer, and source, of each RDM of a model's first seed."""
    return [
        (f"{model}-{layer}", source_name((model, layer, seed)))
        for model, layer, seed in sources(study)
        if seed == seeds_of(study, model)[0]
    ]


def drawn_rdms(ending: str) -> Answer:
    """The RDM of each model's first seed."""
    return lambda study, at: [_rdm(study, at.metric, s, ending) for _, s in _drawn(study)]


drawn_names = column(_drawn, 0)


# --- predictions -----------------------------------------------------------------------------
def classifiers(study: Study) -> list[tuple[str, int]]:
    """(model, seed) of all models with logits over the classes."""
    return [
        (model, seed)
        for model in study.models()
        for seed in seeds_of(study, model)
        if has_logits(study.model(model))
    ]


def _logits_name(study: Study, model: str) -> str:
    """The only matrix of an external file or a declared function holds the logits, if any."""
    declared = registry.model_type(study.model(model)["type"])
    return "features.npy" if declared.function or declared.logits == "as held" else "logits.npy"


def logits_file(study: Study, model: str, seed: int) -> str:
    """Logits of a model that has some."""
    return file_of(study, model, seed, _logits_name(study, model))


def behaviour_logits(study: Study, at: Wildcards) -> list[str]:
    """Logits of all classifiers."""
    return [logits_file(study, model, seed) for model, seed in classifiers(study)]


def trained_classifiers(study: Study) -> dict[str, str]:
    """Model and seed of each classifier that is trained here → its logits."""
    return {
        f"{model}-seed{seed}": logits_file(study, model, seed)
        for model, seed in classifiers(study)
        if registry.model_type(study.model(model)["type"]).extra == "train"
    }


behaviour_names, behaviour_runs = (column(classifiers, i) for i in range(2))


def behaviour_temperatures(study: Study, at: Wildcards) -> list[str]:
    """Temperatures of the folds of cross-validated networks."""
    return [file_of(study, model, seed, "folds.parquet") for model, seed in tempered_runs(study)]


def tempered_classifiers(study: Study, at: Wildcards) -> list[int]:
    """Positions of these networks among all classifiers."""
    found = classifiers(study)
    return [found.index(run) for run in tempered_runs(study)]


def shown_model(study: Study, at: Wildcards) -> str:
    """The model whose disagreements with humans are drawn: the first trained classifier."""
    return study.models("philnet")[0]


def shown_file(name: str) -> Answer:
    """A file of its first run."""
    return lambda study, at: file_of(study, shown_model(study, at), study.seeds()[0], name)


# --- inference -------------------------------------------------------------------------------
def of_first_metric(function: Answer) -> Answer:
    """The value in jobs of the first metric only: predictions have no metric, so are read once."""
    return lambda study, at: function(study, at) if at.metric == study.metrics[0] else []


def of_metrics(name: str) -> Answer:
    """This table of each metric of a study."""
    return lambda study, at: [f"results/{study.name}/rsa/{m}-{name}.parquet" for m in study.metrics]


def fold_comparisons(study: Study) -> list[str]:
    """Tables of similarity within folds, if the study has cross-validated networks."""
    metrics = study.metrics if compared_folds(study) else []
    return [f"results/{study.name}/rsa/{metric}-folds.parquet" for metric in metrics]


def rsa_tables(study: Study, at: Wildcards) -> list[str]:
    """Similarity to humans, by metric, and within folds."""
    own = [f"results/{study.name}/rsa/{metric}.parquet" for metric in study.metrics]
    return own + fold_comparisons(study)


def interval_tables(study: Study, at: Wildcards) -> list[str]:
    """Bootstrap intervals, if the study has any draws."""
    tables = [*of_metrics("intervals")(study, at)]
    tables.append(f"results/{study.name}/behaviour-intervals.parquet")
    return tables if study.settings["inference"]["draws"] else []


def equivalent_tables(study: Study, at: Wildcards) -> list[str]:
    """Annotator equivalents, if the study has any repeats."""
    wanted = study.settings["inference"]["splits"]
    return [*of_metrics("equivalents")(study, at)] if wanted else []


# --- human dissimilarities -----------------------------------------------------------------
def _similar(study: Study) -> list[tuple[str, str]]:
    """Metric and source of every RDM of a model, metric by metric."""
    return [(metric, source_name(s)) for metric in study.metrics for s in sources(study)]


def similar_rdms(ending: str) -> Answer:
    """The files of these RDMs."""
    return lambda study, at: [_rdm(study, *each, ending) for each in _similar(study)]


similar_metrics = column(_similar, 0)


def similar_names(study: Study, at: Wildcards) -> list[str]:
    """Name of each, with layer and seed where the model has several."""
    names = [
        model
        + (f" {layer}" if len(study.model(model)["layers"]) > 1 else "")
        + (f" seed {seed}" if len(seeds_of(study, model)) > 1 else "")
        for model, layer, seed in sources(study)
    ]
    return names * len(study.metrics)

# Functions of folds.smk: paths, params and lists by study.


def fold_runs(study, *types):
    """(model, seed) of every cross-validated network, or of all models of these types."""
    models = models_of(study, *(types or ("folds",)))
    return [(model, seed) for model in models for seed in model_seeds(study, model)]


def tempered_runs(study):
    """(model, seed) of what is predicted fold by fold: these networks, and views of theirs."""
    return fold_runs(study, "folds", "views")


def files_of_runs(runs, name):
    """An input function: this file of every run that ``runs`` finds in a study."""

    def files(wildcards):
        study = wildcards.study
        return [f"results/{study}/models/{m}/seed{s}/{name}" for m, s in runs(study)]

    return files


def fold_run_files(name):
    """An input function: this file of every run of a cross-validated network."""
    return files_of_runs(fold_runs, name)


def fold_model(study, model):
    """The settings of a cross-validated network, or of the one that a model shows views of."""
    models = STUDIES[study]["models"]
    return models[models[model]["of"]] if models[model]["type"] == "views" else models[model]


def viewed_file(name):
    """An input function: this file of the network that a model shows views of."""

    def path(wildcards):
        folder = f"results/{wildcards.study}/models/{model_of(wildcards)['of']}"
        return f"{folder}/seed{wildcards.seed}/{name}"

    return path


def views_settings(wildcards):
    """The architecture, and which views."""
    models = STUDIES[wildcards.study]["models"]
    start = models[fold_model(wildcards.study, wildcards.model)["of"]]
    own = {key: model_of(wildcards)[key] for key in ("shift", "mirror")}
    return {**{key: start[key] for key in PHILNET}, **own}


def folds_settings(wildcards):
    """The architecture is that of the network that every fold starts from."""
    models = STUDIES[wildcards.study]["models"]
    model = model_of(wildcards)
    own = {k: v for k, v in model.items() if k not in ("type", "layers", "of", "seeds")}
    return {**{key: models[model["of"]][key] for key in PHILNET}, **own}


def start_weights(wildcards):
    model = model_of(wildcards)["of"]
    return f"results/{wildcards.study}/models/{model}/seed{wildcards.seed}/weights.pt"


def compared_folds(study):
    """(model, seed, model whose folds they are): cross-validated networks and what they were."""
    models = STUDIES[study]["models"]
    before = {models[model]["of"]: model for model in reversed(models_of(study, "folds"))}
    rows = [(start, seed, of) for start, of in before.items() for seed in model_seeds(study, of)]
    return rows + [(model, seed, model) for model, seed in fold_runs(study)]


def compared_fold_files(column, name):
    """An input function: this file of each compared network, or of that whose folds are taken."""

    def files(wildcards):
        study = wildcards.study
        return [
            f"results/{study}/models/{row[column]}/seed{row[1]}/{name}"
            for row in compared_folds(study)
        ]

    return files


def compared_fold_column(column):
    return lambda wildcards: [row[column] for row in compared_folds(wildcards.study)]


def fold_comparisons(study):
    """Tables of similarity within folds, if the study has cross-validated networks."""
    metrics = STUDIES[study]["metrics"] if models_of(study, "folds") else []
    return [f"results/{study}/rsa/{metric}-folds.parquet" for metric in metrics]


def fold_artefacts(study):
    """What the checks look at: predictions, and the proof that nobody knew the votes."""
    predicted = ("logits.npy", "calibrated.npy", "features.npy", "folds.parquet")
    proof = ("members.parquet", "provenance.parquet")
    return [
        f"results/{study}/models/{model}/seed{seed}/{name}"
        for runs, names in ((tempered_runs(study), predicted), (fold_runs(study), proof))
        for model, seed in runs
        for name in names
    ] + fold_comparisons(study)


# Cross-validated networks bring temperatures of their own folds.
behaviour_temperatures = files_of_runs(tempered_runs, "folds.parquet")


def tempered_classifiers(wildcards):
    """Places of these networks among all classifiers."""
    found = classifiers(wildcards.study)
    return [found.index(run) for run in tempered_runs(wildcards.study)]

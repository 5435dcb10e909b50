# Functions of figures_alignment.smk: paths, params and lists by study.


def model_rdms(wildcards):
    return compared_rdms(wildcards)[1:]


def model_rdm_ids(wildcards):
    return [path.replace(".npy", ".ids.parquet") for path in model_rdms(wildcards)]


def model_names(wildcards):
    return compared_names(wildcards)[1:]


def trained_models(wildcards):
    study = wildcards.study
    models = models_of(study, "philnet")
    return [(model, seed) for model in models for seed in model_seeds(study, model)]


def shown_model(study):
    """The model whose disagreements with people are drawn: the first trained classifier."""
    return models_of(study, "philnet")[0]


def shown_file(name):
    def path(wildcards):
        study = wildcards.study
        model, seed = shown_model(study), seeds_of(study)[0]
        return f"results/{study}/models/{model}/seed{seed}/{name}"

    return path


def alignment_figures(study):
    names = ["confusions", "entropy"]
    if models_of(study, "philnet"):
        names.append("classifier-training")
    if models_of(study, "folds"):
        names.append("fold-training")
    for metric in STUDIES[study]["metrics"]:
        names += [f"rdms-{metric}", f"rsa-{metric}", f"model-similarity-{metric}"]
        names.append(f"classes-{metric}")
        if classifiers(study):
            names.append(f"accuracy-{metric}")
    return names + layer_figures(study)


def figure_notes(wildcards):
    """What a reader must see beside a model's name wherever its values are drawn."""
    return {name: note for name, note in model_notes(wildcards).items() if note == "random weights"}


def fold_column(key):
    """A params function: this setting of each cross-validated network and of views, by name."""

    def column(wildcards):
        study = wildcards.study
        return {
            name: {**fold_model(study, name), "of": STUDIES[study]["models"][name]["of"]}[key]
            for name in models_of(study, "folds", "views")
        }

    return column

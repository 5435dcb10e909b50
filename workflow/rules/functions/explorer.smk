# Functions of explorer.smk: what a study has to look at.
from types import SimpleNamespace

EXPLORED = of_kind("synthetic", "faces", "alignment", "own")


def explorer_of(study):
    return [f"results/{study}/explorer.html"] if study in EXPLORED else []


def shown_run(study):
    """View and seed of the VAE that is explored: the first one, as on figures of one VAE."""
    return SimpleNamespace(study=study, view=views_of(study)[0], seed=seeds_of(study)[0])


def has_latents(study):
    """Whether there are latents: of a VAE, or the user's own."""
    return has_vae(study) or has_forensics(study)


def of_shown_run(name, wanted=has_latents):
    """An input function: this file of the explored run, or nothing where there is none."""

    def path(wildcards):
        if not wanted(wildcards.study):
            return []
        return f"{B}/{name}".format(**vars(shown_run(wildcards.study)))

    return path


def is_synthetic(study):
    return STUDIES[study]["kind"] == "synthetic"


def is_clustered(study):
    return has_forensics(study) and not is_synthetic(study)


def has_pairs(study):
    return is_clustered(study) and bool(possible(study, ["duplicates"]))


def explored_images(wildcards):
    return images_if_any(shown_run(wildcards.study))


def explored_samples(wildcards):
    return encoded_samples(shown_run(wildcards.study))


def mapped_model(study):
    """The network whose features have a UMAP plane of their own, as a list: it may be none."""
    if STUDIES[study]["kind"] != "alignment" or not STUDIES[study]["explorer"]["feature_map"]:
        return []
    return models_of(study, "philnet")[:1]


def model_file(study, model, name):
    return f"results/{study}/models/{model}/seed{model_seeds(study, model)[0]}/{name}"


def explored_spaces(wildcards):
    """Name → (matrix, its ids, its plane, its neighbours) of each map, the first one first."""
    study, spaces = wildcards.study, {}
    if has_latents(study):
        files = [
            of_shown_run(*options)(wildcards)
            for options in (
                ("latents.npy",),
                ("encoding.parquet",),
                ("tsne.npy", is_synthetic) if is_synthetic(study) else ("plane.npy", is_clustered),
                ("neighbours.npy", is_clustered),
            )
        ]
        spaces["latents of the VAE" if has_vae(study) else "embeddings"] = files
    compared = is_judged(study) or "dissimilarity" in parts_of(study)
    models = (*models_of(study, "philnet")[:1], *models_of(study, "external"))
    for model in models if compared else ():
        trained = model in models_of(study, "philnet")
        files = [model_file(study, model, name) for name in ("features.npy", "features.parquet")]
        folder = f"results/{study}/explorer/{model}"
        mapped = model in mapped_model(study)
        files += [
            f"{folder}/plane.npy" if mapped else [],
            f"{folder}/neighbours.npy" if mapped else [],
        ]
        spaces[f"{'features' if trained else 'outputs'} of {model}"] = files
    if is_judged(study):
        folder = f"results/{study}/human"
        spaces["votes of people"] = [f"{folder}/features.npy", f"{folder}/features.parquet", [], []]
    return spaces


def of_spaces(position):
    """An input function: this file of every space that has it."""
    return lambda wildcards: [
        files[position] for files in explored_spaces(wildcards).values() if files[position]
    ]


def spaces_with(position):
    """A params function: the names of the spaces that have this file."""
    return lambda wildcards: [
        name for name, files in explored_spaces(wildcards).items() if files[position]
    ]


def explored_scores(wildcards):
    study = wildcards.study
    files = [of_shown_run("encoding.parquet")(wildcards)] if has_vae(study) else []
    if STUDIES[study]["kind"] == "own" and "attributes" in parts_of(study):
        files.append(f"results/{study}/data/numbers.parquet")
    if has_forensics(study):
        files.insert(0, of_shown_run(f"scores-{methods_of(study)[0]}.parquet")(wildcards))
    return files


def explored_attributes(wildcards):
    """The attributes; of a comparison with people alone they would say no more than the labels."""
    return attribute_file(wildcards) if has_forensics(wildcards.study) else []


def explored_votes(wildcards):
    study = wildcards.study
    return f"results/{study}/data/votes.parquet" if is_judged(study) else []


def explored_models(study):
    """(model, seed) of each classifier of an alignment study, its first seed."""
    if not is_judged(study):
        return []
    return [(m, s) for m, s in classifiers(study) if s == model_seeds(study, m)[0]]


def explored_logits(wildcards):
    """Logits of networks, or what an external file holds of them."""
    study, models = wildcards.study, STUDIES[wildcards.study].get("models", {})
    return [
        model_file(study, m, "features.npy" if models[m]["type"] == "external" else "logits.npy")
        for m, _ in explored_models(study)
    ]


def explored_logit_ids(wildcards):
    study = wildcards.study
    return [model_file(study, m, "features.parquet") for m, _ in explored_models(study)]


def explored_model_names(wildcards):
    return [model for model, _ in explored_models(wildcards.study)]


def explorer_title(wildcards):
    study = wildcards.study
    return title_of(shown_run(study) if has_latents(study) else wildcards)

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


def is_clustered(study):
    return has_forensics(study) and STUDIES[study]["kind"] != "synthetic"


def has_pairs(study):
    return is_clustered(study) and bool(possible(study, ["duplicates"]))


def explored_images(wildcards):
    return images_if_any(shown_run(wildcards.study))


def explored_samples(wildcards):
    return encoded_samples(shown_run(wildcards.study))


def explored_spaces(wildcards):
    """(matrix, its ids, its name) of each map, the first one first."""
    study, spaces = wildcards.study, []
    if has_latents(study):
        folder = B.format(**vars(shown_run(study)))
        name = "latents of the VAE" if has_vae(study) else "embeddings"
        spaces.append((f"{folder}/latents.npy", f"{folder}/encoding.parquet", name))
    if is_judged(study) or "dissimilarity" in parts_of(study):
        for model in (*models_of(study, "philnet")[:1], *models_of(study, "external")):
            folder = f"results/{study}/models/{model}/seed{model_seeds(study, model)[0]}"
            name = "features" if model in models_of(study, "philnet") else "outputs"
            spaces.append(
                (f"{folder}/features.npy", f"{folder}/features.parquet", f"{name} of {model}")
            )
    if is_judged(study):
        folder = f"results/{study}/human"
        spaces.append((f"{folder}/features.npy", f"{folder}/features.parquet", "votes of people"))
    return spaces


def of_spaces(position):
    return lambda wildcards: [space[position] for space in explored_spaces(wildcards)]


def explored_plane(wildcards):
    """UMAP where the study has clusters of it, t-SNE of synthetic data, else nothing."""
    synthetic = STUDIES[wildcards.study]["kind"] == "synthetic"
    name = "tsne.npy" if synthetic else "plane.npy"
    wanted = has_forensics if synthetic else is_clustered
    return of_shown_run(name, wanted)(wildcards)


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
    study = wildcards.study
    names = {"external": "features"}
    return [
        f"results/{study}/models/{m}/seed{s}/"
        f"{names.get(STUDIES[study]['models'][m]['type'], 'logits')}.npy"
        for m, s in explored_models(study)
    ]


def explored_logit_ids(wildcards):
    study = wildcards.study
    return [
        f"results/{study}/models/{m}/seed{s}/features.parquet" for m, s in explored_models(study)
    ]


def explored_model_names(wildcards):
    return [model for model, _ in explored_models(wildcards.study)]


def explorer_title(wildcards):
    study = wildcards.study
    return title_of(shown_run(study) if has_latents(study) else wildcards)

# Functions of own.smk: what a study of one's own has, and the files that it is made of.
import hashlib
import os

FILED = (
    "embeddings",
    "images",
    "attributes",
    "identities",
    "labels",
    "votes",
    "dissimilarity",
)


def own_data(study):
    """The section data of a study of one's own; empty for other kinds."""
    return STUDIES[study].get("data", {}) if STUDIES[study]["kind"] == "own" else {}


def parts_of(study):
    """What is known of a study's samples beside their latents."""
    kind = STUDIES[study]["kind"]
    if kind == "own":
        parts = set(own_data(study)) | ({"vae"} if has_vae(study) else set())
        logits = any(map(has_logits, STUDIES[study]["models"].values()))
        return parts | ({"logits"} if logits else set())
    return {"images", "vae"} | {
        "faces": {"attributes", "identities"},
        "alignment": {"attributes", "labels", "votes", "logits"},
    }.get(kind, set())


def is_judged(study):
    """Whether people voted on a study's samples."""
    return "votes" in parts_of(study)


def has_published_votes(wildcards):
    """Whether published values of models and people are of these images and votes."""
    settings = STUDIES[wildcards.study]
    return settings["kind"] == "alignment" and not settings["simulated_votes"]


# Tables and figures that want more than latents; the others only need those.
NEEDS = {
    "health": {"vae"},
    "vae-images": {"vae"},
    "traversals": {"vae"},
    "overlaps": {"images"},
    "cluster-control": {"images"},
    "cluster-bias": {"images", "attributes"},
    "cmax-bias": {"images", "attributes"},
    "bias-forest": {"attributes"},
    "subniches": {"images"},
    "identities": {"images", "identities"},
    "list-creative": {"images"},
    "list-stereotypes": {"images"},
    "list-grey": {"images"},
    "bias": {"attributes"},
    "bias-tests": {"attributes"},
    "attributes": {"attributes"},
    "correlations": {"attributes"},
    "probes": {"attributes"},
    "confusions": {"logits"},
    "entropy": {"logits"},
}


def possible(study, names):
    """Those of the tables or figures that a study has what they need for."""
    return [name for name in names if NEEDS.get(name, set()) <= parts_of(study)]


def own_file(part):
    """An input function: the user's file; none where the study has none."""

    def path(wildcards):
        return own_data(wildcards.study).get(part, {}).get("file") or []

    return path


def id_file(part):
    """An input function: the file of the ids of a part; none where they are in its own."""
    return lambda wildcards: own_data(wildcards.study).get(part, {}).get("ids") or []


def own_models(study):
    """Models of a study of one's own that are files."""
    return models_of(study, "external") if STUDIES[study]["kind"] == "own" else []


def model_files(wildcards):
    models = STUDIES[wildcards.study]["models"]
    return [models[name]["file"] for name in own_models(wildcards.study)]


def model_arrays(wildcards):
    models = STUDIES[wildcards.study]["models"]
    return {name: models[name]["array"] for name in own_models(wildcards.study)}


def votes_of_logits(wildcards):
    """The votes, whose classes are the columns of a model's logits."""
    logits = has_logits(model_of(wildcards)) and is_judged(wildcards.study)
    return f"results/{wildcards.study}/data/votes.parquet" if logits else []


def similar_sources(study):
    """(metric, source) of every RDM of a model."""
    return [(m, s) for m in STUDIES[study]["metrics"] for s in all_sources(study)[1:]]


def similar_rdms(ending):
    return lambda wildcards: [
        f"results/{wildcards.study}/rdms/{metric}/{source}{ending}"
        for metric, source in similar_sources(wildcards.study)
    ]


def similar_names(wildcards):
    """Names of the RDMs' sources, as short as they tell them apart."""
    found = similar_sources(wildcards.study)
    runs = model_runs(wildcards.study)
    layers = {m: len({layer for n, layer, _ in runs if n == m}) for m, _, _ in runs}
    seeds = {m: len({seed for n, _, seed in runs if n == m}) for m, _, _ in runs}
    names = []
    for _, source in found:
        model, layer, seed = split_source(source)
        layer = f" {layer}" if layers[model] > 1 else ""
        names.append(f"{model}{layer}" + (f" seed {seed}" if seeds[model] > 1 else ""))
    return names


def similar_metrics(wildcards):
    return [metric for metric, _ in similar_sources(wildcards.study)]


def named_images(wildcards):
    """The images whose paths say who is on them."""
    people = own_data(wildcards.study).get("identities", {})
    return own_file("images")(wildcards) if people and not people["file"] else []


def own_settings(*parts):
    """A params function: how the files of these parts are read, without what follows after."""
    skipped = ("file", "size", "types", "thresholds", "max_categories")

    def settings(wildcards):
        data = own_data(wildcards.study)
        return {
            part: {key: value for key, value in data[part].items() if key not in skipped}
            for part in parts
            if part in data
        }

    return settings


def folder_state(wildcards):
    """Names, sizes and times of a folder of images: Snakemake looks at its own time alone."""
    path = own_file("images")(wildcards)
    if not path or not os.path.isdir(path):
        return None
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            state = os.stat(os.path.join(folder, name))
            digest.update(f"{folder}/{name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def least_samples(wildcards):
    """Samples that neighbours and clusters need, and the setting that needs the most."""
    settings = STUDIES[wildcards.study]
    if not has_forensics(wildcards.study):
        return 10, "the comparison with people"
    wanted = {
        "clusters.neighbors": settings["clusters"]["neighbors"] + 2,
        "clusters.min_cluster_size": 2 * settings["clusters"]["min_cluster_size"],
        "scores.k": settings["scores"]["k"] + 2,
        "sources": 25,
    }
    reason = max(wanted, key=wanted.get)
    return wanted[reason], reason


def require_files():
    """Stop at once where a file of a study of one's own is not there."""
    for study in of_kind("own"):
        for part, settings in own_data(study).items():
            for key in ("file", "ids"):
                path = settings.get(key) if (part, key) != ("images", "ids") else None
                require_file(path, f"studies.{study}.data.{part}.{key}")
        for name in own_models(study):
            path = STUDIES[study]["models"][name]["file"]
            require_file(path, f"studies.{study}.models.{name}.file")


def require_file(path, key):
    if path and not os.path.exists(path):
        raise WorkflowError(f"config key {key}: {path}: no such file")

# Functions of layers.smk: which networks are profiled, from which weights.

PROFILED = ("philnet", "random", "resnet50", "efficientnet_lite", "vae")


def profiled_runs(study):
    """(model, seed) of every network that is profiled layer by layer."""
    if STUDIES[study]["kind"] != "alignment" or not STUDIES[study]["profile"]["images"]:
        return []
    return [
        (model, seed) for model in models_of(study, *PROFILED) for seed in model_seeds(study, model)
    ]


def layer_studies():
    """Studies whose networks are profiled."""
    return [study for study in STUDIES if profiled_runs(study)]


def profiles(wildcards):
    folder = f"results/{wildcards.study}/layers"
    return [
        f"{folder}/{model}-seed{seed}.parquet" for model, seed in profiled_runs(wildcards.study)
    ]


def profiled_weights(wildcards):
    if model_of(wildcards)["type"] == "vae":
        run = B.format(study=wildcards.study, view="whole", seed=wildcards.seed)
        return f"{run}/weights.pt"
    return f"results/{wildcards.study}/models/{wildcards.model}/seed{wildcards.seed}/weights.pt"


def profile_settings(wildcards):
    """Architecture of the network; the VAE's encoder reads images as its training did."""
    if model_of(wildcards)["type"] == "vae":
        return {"kind": "vae", **encoding_settings(wildcards)}
    return extraction_settings(wildcards)


def layer_tables(study):
    return ["layers"] if profiled_runs(study) else []


def layer_figures(study):
    metrics = STUDIES[study]["metrics"] if profiled_runs(study) else []
    return [f"layers-{metric}" for metric in metrics]


def profile_memory(wildcards, input, attempt):
    return 6000 * attempt  # float64 copies of the widest layer of 2,000 images; libraries

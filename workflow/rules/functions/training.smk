# Functions of training.smk: paths, params and lists by study.


def has_vae(study):
    """A study of votes may do without: it then compares models with people, and no more."""
    return "vae" in STUDIES[study]


def has_embeddings(study):
    """Whether a study's latents are a file of the user."""
    return "embeddings" in own_data(study)


def has_forensics(study):
    """Whether what is in the latent space is asked at all, or only how human it is."""
    if has_embeddings(study):
        return True
    return has_vae(study) and STUDIES[study].get("forensics", True)


GIVEN = [s for s in STUDIES if has_embeddings(s)]


IMPORTED = [s for s in STUDIES if has_vae(s) and STUDIES[s]["vae"].get("weights")]


TRAINED = [s for s in STUDIES if s not in IMPORTED and s not in GIVEN]


def vae_images(wildcards, split):
    """The images of a study's VAE; only alignment's data are split."""
    kind = STUDIES[wildcards.study]["kind"]
    if kind == "detection":
        return f"results/{wildcards.study}/data/{wildcards.view}/seed{wildcards.seed}/images.npy"
    if kind == "synthetic":
        return f"results/{wildcards.study}/data/seed{wildcards.seed}/images-{wildcards.view}.npy"
    folder = f"data/{split}" if kind == "alignment" else "data"
    return f"results/{wildcards.study}/{folder}/images.npy"


def training_images(wildcards):
    return vae_images(wildcards, "train")


def encoded_images(wildcards):
    """The images that a VAE's latents describe: alignment encodes the held-out test images."""
    return vae_images(wildcards, "test")


def encoded_samples(wildcards):
    return str(Path(encoded_images(wildcards)).parent / "samples.parquet")


def vae_settings(wildcards):
    settings = dict(STUDIES[wildcards.study]["vae"])
    del settings["weights"]
    if STUDIES[wildcards.study]["kind"] == "detection":
        own = STUDIES[wildcards.study]["settings"][wildcards.view]["restarts"]
        settings["restarts"] = settings["restarts"] if own is None else own
    if not settings["restarts"]:  # the same params as before there were any
        del settings["restarts"]
    return settings


def encoding_settings(wildcards):
    """How the VAE reads images, without what only its training needs."""
    settings = STUDIES[wildcards.study]["vae"]
    return {k: settings[k] for k in ("arch", "latent", "dropout", "input_range", "reconstruction")}


PHILNET = (
    "widths convolutions stem pooling pool_after residual head_pooling dropout dropout_at".split()
)


def philnet_architecture(model):
    return {"kind": "philnet", **{key: model[key] for key in PHILNET}}


def is_dense(wildcards):
    return STUDIES[wildcards.study]["vae"]["arch"] == "dense"


def vae_threads(wildcards):
    """The dense network's small batches keep one core busy; more would wait for each other."""
    return 1 if is_dense(wildcards) else CONFIG["numeric_threads"]


def vae_gpu(wildcards):
    """A GPU for training and encoding; the dense network is too small to gain from one."""
    return 0 if is_dense(wildcards) else 1


def model_of(wildcards):
    return STUDIES[wildcards.study]["models"][wildcards.model]


# Types of models whose weights are made without training, and whose features are extracted.
BUILT = ("random", "resnet50", "efficientnet_lite")
EXTRACTED = ("philnet", *BUILT)


def models_of(study, *types):
    models = STUDIES[study].get("models", {})
    return [name for name, model in models.items() if not types or model["type"] in types]


def training_settings(wildcards):
    """A network's own keys; without a running average the key is left out, as it always was."""
    skipped = ["type", "layers", "seeds"]
    if not model_of(wildcards)["average"]:
        skipped.append("average")
    return {k: v for k, v in model_of(wildcards).items() if k not in skipped}


def network_settings(wildcards):
    """Architecture of an untrained or pretrained network."""
    model = model_of(wildcards)
    if model["type"] == "random":
        return philnet_architecture(STUDIES[wildcards.study]["models"][model["of"]])
    return {"kind": model["type"]}


def pretrained_weights(wildcards):
    """The file with a network's weights, from the manifest; none: they are random."""
    weights = model_of(wildcards).get("weights")
    return f"data/{weights}" if weights else []


def extraction_settings(wildcards):
    """What reading a network's features depends on: its architecture, not its training."""
    model = model_of(wildcards)
    if model["type"] == "philnet":
        return philnet_architecture(model)
    if model["type"] == "random":
        return network_settings(wildcards)
    if model["type"] == "efficientnet_lite":
        return {"kind": "efficientnet_lite"}
    return {"kind": "resnet50", "input_size": model["input_size"]}

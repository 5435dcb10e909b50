# Networks: trained, loaded or built; what they make of the images.

IMPORTED = [s for s in STUDIES if STUDIES[s]["vae"]["weights"]]
TRAINED = [s for s in STUDIES if s not in IMPORTED]


def training_images(wildcards):
    kind = STUDIES[wildcards.study]["kind"]
    if kind == "synthetic":
        return f"results/{wildcards.study}/data/seed{wildcards.seed}/images-{wildcards.view}.npy"
    if kind == "faces":
        return f"results/{wildcards.study}/data/images.npy"
    return f"results/{wildcards.study}/data/train/images.npy"


def encoded_images(wildcards):
    """The images that a VAE's latents describe: alignment encodes the held-out test images."""
    return training_images(wildcards).replace("/train/", "/test/")


def encoded_samples(wildcards):
    return str(Path(encoded_images(wildcards)).parent / "samples.parquet")


def vae_settings(wildcards):
    settings = dict(STUDIES[wildcards.study]["vae"])
    del settings["weights"]
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
    return 0 if is_dense(wildcards) else 1


rule train_vae:
    input:
        images=training_images,
    output:
        weights=f"{B}/weights.pt",
        training=f"{B}/training.parquet",
        samples=f"{B}/history.npy",
        sample_epochs=f"{B}/history.parquet",
    log:
        f"{LOG}/train_vae-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(TRAINED),
    conda:
        "../../envs/torch.yaml"
    threads: vae_threads
    resources:
        mem_mb=training_memory,
        runtime=training_runtime,
        gpu=vae_gpu,
    params:
        step=lambda wildcards: step("train_vae", vae_threads(wildcards)),
        settings=vae_settings,
        seed=CONFIG["seed"],
        run=run_number,
        device=CONFIG["device"],
    script:
        "../../scripts/train_vae.py"


rule import_weights:
    input:
        published=lambda wildcards: f"data/{STUDIES[wildcards.study]['vae']['weights']}",
    output:
        weights=f"{B}/weights.pt",
    log:
        f"{LOG}/import_weights-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(IMPORTED),
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("import_weights"),
        settings=encoding_settings,
    script:
        "../../scripts/import_weights.py"


rule encode_latents:
    input:
        images=encoded_images,
        samples=encoded_samples,
        weights=f"{B}/weights.pt",
    output:
        latents=f"{B}/latents.npy",
        logvar=f"{B}/logvar.npy",
        encoding=f"{B}/encoding.parquet",
        dimensions=f"{B}/dimensions.parquet",
        reconstructions=f"{B}/reconstructions.npy",
        traversal=f"{B}/traversal.npy",
        interpolation=f"{B}/interpolation.npy",
        variations=f"{B}/variations.npy",
    log:
        f"{LOG}/encode_latents-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/torch.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
        gpu=1,
    params:
        step=step("encode_latents"),
        settings=encoding_settings,
        seed=CONFIG["seed"],
        run=run_number,
        device=CONFIG["device"],
    script:
        "../../scripts/encode_latents.py"


def model_of(wildcards):
    return STUDIES[wildcards.study]["models"][wildcards.model]


def models_of(study, *types):
    models = STUDIES[study].get("models", {})
    return [name for name, model in models.items() if not types or model["type"] in types]


def training_settings(wildcards):
    return {k: v for k, v in model_of(wildcards).items() if k not in ("type", "layers")}


rule train_philnet:
    input:
        images="results/{study}/data/train/images.npy",
        samples="results/{study}/data/train/samples.parquet",
        test_images="results/{study}/data/test/images.npy",
        test_samples="results/{study}/data/test/samples.parquet",
    output:
        weights="results/{study}/models/{model}/seed{seed}/weights.pt",
        training="results/{study}/models/{model}/seed{seed}/training.parquet",
    log:
        f"{LOG}/train_philnet-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        model=one_of({m for s in STUDIES for m in models_of(s, "philnet")}),
    conda:
        "../../envs/torch.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=training_memory,
        runtime=training_runtime,
        gpu=1,
    params:
        step=step("train_philnet"),
        settings=training_settings,
        seed=CONFIG["seed"],
        run=run_number,
        device=CONFIG["device"],
    script:
        "../../scripts/train_philnet.py"


def network_settings(wildcards):
    """Architecture of an untrained or pretrained network."""
    model = model_of(wildcards)
    if model["type"] == "random":
        return philnet_architecture(STUDIES[wildcards.study]["models"][model["of"]])
    return {"kind": "resnet50"}


def pretrained_weights(wildcards):
    """The file with a network's weights, from the manifest; none: they are random."""
    weights = model_of(wildcards).get("weights")
    return f"data/{weights}" if weights else []


rule build_network:
    input:
        pretrained=pretrained_weights,
    output:
        weights="results/{study}/models/{model}/seed{seed}/weights.pt",
    log:
        f"{LOG}/build_network-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        model=one_of({m for s in STUDIES for m in models_of(s, "random", "resnet50")}),
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("build_network"),
        settings=network_settings,
        seed=CONFIG["seed"],
        run=run_number,
    script:
        "../../scripts/build_network.py"


def extraction_settings(wildcards):
    """What reading a network's features depends on: its architecture, not its training."""
    model = model_of(wildcards)
    if model["type"] == "philnet":
        return philnet_architecture(model)
    if model["type"] == "random":
        return network_settings(wildcards)
    return {"kind": "resnet50", "input_size": model["input_size"]}


rule extract_features:
    input:
        images="results/{study}/data/test/images.npy",
        samples="results/{study}/data/test/samples.parquet",
        weights="results/{study}/models/{model}/seed{seed}/weights.pt",
    output:
        features="results/{study}/models/{model}/seed{seed}/features.npy",
        feature_ids="results/{study}/models/{model}/seed{seed}/features.parquet",
        logits="results/{study}/models/{model}/seed{seed}/logits.npy",
    log:
        f"{LOG}/extract_features-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        model=one_of({m for s in STUDIES for m in models_of(s, "philnet", "random", "resnet50")}),
    conda:
        "../../envs/torch.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
        gpu=1,
    params:
        step=step("extract_features"),
        settings=extraction_settings,
        device=CONFIG["device"],
    script:
        "../../scripts/extract_features.py"

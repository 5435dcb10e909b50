# Networks: trained, loaded or built; what they make of the images.


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
        disk_mb=training_disk,
        gpu=vae_gpu,
    params:
        step=lambda wildcards: step("train_vae", vae_threads(wildcards)),
        settings=vae_settings,
        seed=CONFIG["seed"],
        run=run_number,
        device=CONFIG["device"],
    script:
        "../../scripts/training/train_vae.py"


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
        "../../scripts/data/import_weights.py"


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
    wildcard_constraints:
        study=one_of(TRAINED + IMPORTED),
    conda:
        "../../envs/torch.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
        disk_mb=latents_disk,
        gpu=vae_gpu,
    params:
        step=step("encode_latents"),
        settings=encoding_settings,
        seed=CONFIG["seed"],
        run=run_number,
        device=CONFIG["device"],
    script:
        "../../scripts/training/encode_latents.py"


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
        disk_mb=training_disk,
        gpu=1,
    params:
        step=step("train_philnet"),
        settings=training_settings,
        seed=CONFIG["seed"],
        run=run_number,
        device=CONFIG["device"],
    script:
        "../../scripts/training/train_philnet.py"


rule build_network:
    input:
        pretrained=pretrained_weights,
    output:
        weights="results/{study}/models/{model}/seed{seed}/weights.pt",
    log:
        f"{LOG}/build_network-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        model=one_of({m for s in STUDIES for m in models_of(s, *BUILT)}),
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
        disk_mb=training_disk,
    params:
        step=step("build_network"),
        settings=network_settings,
        seed=CONFIG["seed"],
        run=run_number,
    script:
        "../../scripts/training/build_network.py"


rule extract_features:
    input:
        images=study_images,
        samples=study_samples,
        weights="results/{study}/models/{model}/seed{seed}/weights.pt",
    output:
        features="results/{study}/models/{model}/seed{seed}/features.npy",
        feature_ids="results/{study}/models/{model}/seed{seed}/features.parquet",
        logits="results/{study}/models/{model}/seed{seed}/logits.npy",
    log:
        f"{LOG}/extract_features-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        model=one_of({m for s in STUDIES for m in models_of(s, *EXTRACTED)}),
    conda:
        "../../envs/torch.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
        disk_mb=features_disk,
        gpu=1,
    params:
        step=step("extract_features"),
        settings=extraction_settings,
        device=CONFIG["device"],
    script:
        "../../scripts/training/extract_features.py"

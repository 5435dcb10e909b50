# Networks: trained, loaded or built; what they compute from the images.
ENCODED = {n: f"{RUN}/{n}.npy" for n in ("latents", "logvar")}
ENCODED |= {n: f"{RUN}/{n}.parquet" for n in ("encoding", "dimensions")}
LABELLED = {
    "images": "results/{study}/data/test/images.npy",
    "samples": "results/{study}/data/test/samples.parquet",
    "votes": "results/{study}/data/votes.parquet",
}
NETWORK_FEATURES = {"features": f"{MODEL}/features.npy", "feature_ids": f"{MODEL}/features.parquet"}
OUT_OF_FOLD = NETWORK_FEATURES | {n: f"{MODEL}/{n}.npy" for n in ("logits", "calibrated")}
OUT_OF_FOLD["folds"] = f"{MODEL}/folds.parquet"


rule train_vae:
    input:
        images=ask(runs.training_images),
    output:
        weights=f"{RUN}/weights.pt",
        training=f"{RUN}/training.parquet",
        samples=f"{RUN}/history.npy",
        sample_epochs=f"{RUN}/history.parquet",
    log:
        f"{LOG}/train_vae-{{crop}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.where(lambda study: study.is_trained),
    conda:
        "../../envs/torch.yaml"
    threads: ask(vae_threads)
    resources:
        **needs(training_memory, training_runtime, disk=TRAINING_DISK, gpu=ask(vae_gpu)),
    params:
        **SEEDED,
        step=ask(lambda study, at: step("train_vae", vae_threads(study, at))),
        settings=ask(runs.vae_settings),
        device=DEVICE,
    script:
        "../../scripts/training/train_vae.py"


STEPS |= {
    "import_weights": dict(
        input=dict(published=ask(lambda study, at: f"data/{study.settings['vae']['weights']}")),
        output=dict(weights=f"{RUN}/weights.pt"),
        params=dict(settings=ask(runs.encoding_settings)),
        where=dict(study=PLAN.where(lambda study: study.is_imported)),
        environment="torch",
        resources=needs(light_memory),
    ),
    "assess_vae": dict(
        input=dict(**ENCODED, images=ask(runs.encoded_images)),
        output={n: f"{RUN}/{n}.parquet" for n in ("diagnostics", "posterior", "errors")},
        params=dict(reconstruction=of_study("vae", "reconstruction")),
        group="scores",
        resources=needs(heavy_memory),
    ),
}


rule encode_latents:
    input:
        images=ask(runs.encoded_images),
        samples=ask(runs.encoded_samples),
        weights=f"{RUN}/weights.pt",
    output:
        **ENCODED,
        **{
            n: f"{RUN}/{n}.npy"
            for n in ("reconstructions", "traversal", "interpolation", "variations")
        },
    log:
        f"{LOG}/encode_latents-{{crop}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.where(lambda study: not study.has_embeddings),
    conda:
        "../../envs/torch.yaml"
    threads: THREADS
    resources:
        **needs(heavy_memory, long_runtime, disk=ask(latents_disk), gpu=ask(vae_gpu)),
    params:
        **SEEDED,
        step=step("encode_latents"),
        settings=ask(runs.encoding_settings),
        device=DEVICE,
    script:
        "../../scripts/training/encode_latents.py"


rule train_philnet:
    input:
        images="results/{study}/data/train/images.npy",
        samples="results/{study}/data/train/samples.parquet",
        test_images="results/{study}/data/test/images.npy",
        test_samples="results/{study}/data/test/samples.parquet",
    output:
        weights=f"{MODEL}/weights.pt",
        training=f"{MODEL}/training.parquet",
    log:
        f"{LOG}/train_philnet-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        model=PLAN.with_models("philnet"),
    conda:
        "../../envs/torch.yaml"
    threads: THREADS
    resources:
        **needs(training_memory, training_runtime, disk=TRAINING_DISK, gpu=1),
    params:
        **SEEDED,
        step=step("train_philnet"),
        settings=ask(networks.training_settings),
        device=DEVICE,
    script:
        "../../scripts/training/train_philnet.py"


rule build_network:
    input:
        pretrained=ask(networks.pretrained_weights),
    output:
        weights=f"{MODEL}/weights.pt",
    log:
        f"{LOG}/build_network-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        model=PLAN.with_models_that(lambda declared: declared.built),
    conda:
        "../../envs/torch.yaml"
    resources:
        **needs(light_memory, disk=TRAINING_DISK),
    params:
        **SEEDED,
        step=step("build_network"),
        settings=ask(networks.network_settings),
    script:
        "../../scripts/training/build_network.py"


rule extract_features:
    input:
        images=ask(runs.study_images),
        samples=ask(runs.study_samples),
        weights=f"{MODEL}/weights.pt",
    output:
        **NETWORK_FEATURES,
        logits=f"{MODEL}/logits.npy",
    log:
        f"{LOG}/extract_features-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        model=PLAN.with_models_that(lambda declared: declared.extracted),
    conda:
        "../../envs/torch.yaml"
    threads: THREADS
    resources:
        **needs(heavy_memory, long_runtime, disk=ask(features_disk), gpu=1),
    params:
        step=step("extract_features"),
        settings=ask(networks.extraction_settings),
        device=DEVICE,
    script:
        "../../scripts/training/extract_features.py"


# PhilNet's second stage: cross-validated on the labelled images, so that no image's votes reach its own features or
# predictions. One job trains all folds: they would wait for each other on one GPU, and the out-of-fold arrays have
# one writer. Each fold has its own checkpoint.
rule train_folds:
    input:
        **LABELLED,
        start=ask(networks.of_origin("weights.pt")),
    output:
        **OUT_OF_FOLD,
        members=f"{MODEL}/members.parquet",
        provenance=f"{MODEL}/provenance.parquet",
        training=f"{MODEL}/fold-training.parquet",
        weights=f"{MODEL}/weights.pt",
    log:
        f"{LOG}/train_folds-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        model=PLAN.with_models("cross_validated"),
    conda:
        "../../envs/torch.yaml"
    threads: THREADS
    resources:
        **needs(training_memory, training_runtime, gpu=1),
    params:
        **SEEDED,
        step=step("train_folds"),
        settings=ask(networks.folds_settings),
        device=DEVICE,
    script:
        "../../scripts/training/train_folds.py"


rule predict_tta:
    input:
        **LABELLED,
        weights=ask(networks.of_origin("weights.pt")),
        members=ask(networks.of_origin("members.parquet")),
    output:
        **OUT_OF_FOLD,
    log:
        f"{LOG}/predict_tta-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        model=PLAN.with_models("tta"),
    conda:
        "../../envs/torch.yaml"
    threads: THREADS
    resources:
        **needs(heavy_memory, long_runtime, gpu=1),
    params:
        step=step("predict_tta"),
        settings=ask(networks.tta_settings),
        device=DEVICE,
    script:
        "../../scripts/training/predict_tta.py"


# How well each layer of each network aligns with human judgements of some images; no RDM is kept.
rule profile_layers:
    input:
        **LABELLED,
        weights=ask(networks.profiled_weights),
    output:
        profile="results/{study}/layers/{model}-seed{seed}.parquet",
    log:
        f"{LOG}/profile_layers-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        model=PLAN.with_models_that(lambda declared: declared.profiled),
    conda:
        "../../envs/torch.yaml"
    threads: THREADS
    resources:
        **needs(fixed(6000), long_runtime, gpu=1),
    params:
        step=step("profile_layers"),
        settings=ask(networks.profile_settings),
        model_name=lambda wildcards: wildcards.model,
        seed=ask(runs.number),
        metrics=of_study("metrics"),
        wanted=of_study("profile", "images"),
        grid=of_study("profile", "grid"),
        device=DEVICE,
    script:
        "../../scripts/training/profile_layers.py"


# Model types that a plugin declares: a function from images to features.
for model_type in [declared for declared in registry.model_types() if declared.function]:

    rule:
        name:
            f"apply_model_{model_type.name}"
        input:
            images=ask(runs.study_images),
            samples=ask(runs.study_samples),
        output:
            **NETWORK_FEATURES,
        log:
            f"{LOG}/apply_model_{model_type.name}-{{model}}-seed{{seed}}.log",
        wildcard_constraints:
            model=PLAN.with_models(model_type.name),
        conda:
            "../../envs/torch.yaml"
        threads: THREADS
        resources:
            **needs(heavy_memory, long_runtime, disk=ask(features_disk), gpu=int(model_type.gpu)),
        params:
            **SEEDED,
            step=step("apply_model", declared=("models", model_type.name)),
            settings=ask(networks.own_settings),
        script:
            "../../scripts/training/apply_model.py"

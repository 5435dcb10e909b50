# Networks: trained, loaded or built; what they make of the images.


rule train_vae:
    input:
        images=ask(runs.training_images),
    output:
        weights=f"{RUN}/weights.pt",
        training=f"{RUN}/training.parquet",
        samples=f"{RUN}/history.npy",
        sample_epochs=f"{RUN}/history.parquet",
    log:
        f"{LOG}/train_vae-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.where(lambda study: study.is_trained),
    conda:
        "../../envs/torch.yaml"
    threads: ask(vae_threads)
    resources:
        **needs(training_memory, training_runtime, disk=TRAINING_DISK, gpu=ask(vae_gpu)),
    params:
        step=ask(lambda study, at: step("train_vae", vae_threads(study, at))),
        settings=ask(runs.vae_settings),
        seed=SEED,
        run=ask(runs.number),
        device=DEVICE,
    script:
        "../../scripts/training/train_vae.py"


rule import_weights:
    input:
        published=ask(lambda study, at: f"data/{study.settings['vae']['weights']}"),
    output:
        weights=f"{RUN}/weights.pt",
    log:
        f"{LOG}/import_weights-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.where(lambda study: study.is_imported),
    conda:
        "../../envs/torch.yaml"
    resources:
        **needs(light_memory),
    params:
        step=step("import_weights"),
        settings=ask(runs.encoding_settings),
    script:
        "../../scripts/data/import_weights.py"


rule encode_latents:
    input:
        images=ask(runs.encoded_images),
        samples=ask(runs.encoded_samples),
        weights=f"{RUN}/weights.pt",
    output:
        latents=f"{RUN}/latents.npy",
        logvar=f"{RUN}/logvar.npy",
        encoding=f"{RUN}/encoding.parquet",
        dimensions=f"{RUN}/dimensions.parquet",
        reconstructions=f"{RUN}/reconstructions.npy",
        traversal=f"{RUN}/traversal.npy",
        interpolation=f"{RUN}/interpolation.npy",
        variations=f"{RUN}/variations.npy",
    log:
        f"{LOG}/encode_latents-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.where(lambda study: not study.has_embeddings),
    conda:
        "../../envs/torch.yaml"
    threads: THREADS
    resources:
        **needs(heavy_memory, long_runtime, disk=ask(latents_disk), gpu=ask(vae_gpu)),
    params:
        step=step("encode_latents"),
        settings=ask(runs.encoding_settings),
        seed=SEED,
        run=ask(runs.number),
        device=DEVICE,
    script:
        "../../scripts/training/encode_latents.py"


rule assess_vae:
    input:
        images=ask(runs.encoded_images),
        latents=f"{RUN}/latents.npy",
        logvar=f"{RUN}/logvar.npy",
        encoding=f"{RUN}/encoding.parquet",
        dimensions=f"{RUN}/dimensions.parquet",
    output:
        health=f"{RUN}/health.parquet",
        posterior=f"{RUN}/posterior.parquet",
        errors=f"{RUN}/errors.parquet",
    log:
        f"{LOG}/assess_vae-{{view}}-seed{{seed}}.log",
    group:
        batch("scores")
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, batched=True),
    params:
        step=step("assess_vae"),
        reconstruction=of_study("vae", "reconstruction"),
    script:
        "../../scripts/training/assess_vae.py"


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
        step=step("train_philnet"),
        settings=ask(networks.training_settings),
        seed=SEED,
        run=ask(runs.number),
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
        step=step("build_network"),
        settings=ask(networks.network_settings),
        seed=SEED,
        run=ask(runs.number),
    script:
        "../../scripts/training/build_network.py"


rule extract_features:
    input:
        images=ask(runs.study_images),
        samples=ask(runs.study_samples),
        weights=f"{MODEL}/weights.pt",
    output:
        features=f"{MODEL}/features.npy",
        feature_ids=f"{MODEL}/features.parquet",
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


# PhilNet's second stage: cross-validated on the judged images, so that no image's votes reach its own features or
# predictions. One job trains all folds: they would wait for each other on one GPU, start-up is paid once, and the
# out-of-fold arrays have one writer. Each fold has a checkpoint of its own.
rule train_folds:
    input:
        images="results/{study}/data/test/images.npy",
        samples="results/{study}/data/test/samples.parquet",
        votes="results/{study}/data/votes.parquet",
        start=ask(networks.of_origin("weights.pt")),
    output:
        features=f"{MODEL}/features.npy",
        feature_ids=f"{MODEL}/features.parquet",
        logits=f"{MODEL}/logits.npy",
        calibrated=f"{MODEL}/calibrated.npy",
        folds=f"{MODEL}/folds.parquet",
        members=f"{MODEL}/members.parquet",
        provenance=f"{MODEL}/provenance.parquet",
        training=f"{MODEL}/fold-training.parquet",
        weights=f"{MODEL}/weights.pt",
    log:
        f"{LOG}/train_folds-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        model=PLAN.with_models("folds"),
    conda:
        "../../envs/torch.yaml"
    threads: THREADS
    resources:
        **needs(training_memory, training_runtime, gpu=1),
    params:
        step=step("train_folds"),
        settings=ask(networks.folds_settings),
        seed=SEED,
        run=ask(runs.number),
        device=DEVICE,
    script:
        "../../scripts/training/train_folds.py"


rule average_views:
    input:
        images="results/{study}/data/test/images.npy",
        samples="results/{study}/data/test/samples.parquet",
        votes="results/{study}/data/votes.parquet",
        weights=ask(networks.of_origin("weights.pt")),
        members=ask(networks.of_origin("members.parquet")),
    output:
        features=f"{MODEL}/features.npy",
        feature_ids=f"{MODEL}/features.parquet",
        logits=f"{MODEL}/logits.npy",
        calibrated=f"{MODEL}/calibrated.npy",
        folds=f"{MODEL}/folds.parquet",
    log:
        f"{LOG}/average_views-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        model=PLAN.with_models("views"),
    conda:
        "../../envs/torch.yaml"
    threads: THREADS
    resources:
        **needs(heavy_memory, long_runtime, gpu=1),
    params:
        step=step("average_views"),
        settings=ask(networks.views_settings),
        device=DEVICE,
    script:
        "../../scripts/training/average_views.py"


# How like people each layer of each network is, on some of the images; no RDM is kept.
rule profile_layers:
    input:
        images="results/{study}/data/test/images.npy",
        samples="results/{study}/data/test/samples.parquet",
        votes="results/{study}/data/votes.parquet",
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
        run=ask(runs.number),
        metrics=of_study("metrics"),
        wanted=of_study("profile", "images"),
        grid=of_study("profile", "grid"),
        device=DEVICE,
    script:
        "../../scripts/training/profile_layers.py"


# Types of models that a plugin declares: a function from images to features.
for model_type in [declared for declared in registry.model_types() if declared.function]:

    rule:
        name:
            f"apply_model_{model_type.name}"
        input:
            images=ask(runs.study_images),
            samples=ask(runs.study_samples),
        output:
            features=f"{MODEL}/features.npy",
            feature_ids=f"{MODEL}/features.parquet",
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
            step=step("apply_model", declared=("models", model_type.name)),
            settings=ask(networks.own_settings),
            seed=SEED,
            run=ask(runs.number),
        script:
            "../../scripts/training/apply_model.py"

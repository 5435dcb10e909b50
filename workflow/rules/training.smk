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

# Nothing else is random where layers are extracted.
PROJECTION_SEED = ask(lambda study, at: ROOT_SEED if study.model(at.model).get("project") else 0)


STEPS |= {
    "train_vae": dict(
        input=dict(images=ask(runs.training_images), images_of=ask(runs.divided_samples)),
        output=dict(
            weights=f"{RUN}/weights.pt",
            training=f"{RUN}/training.parquet",
            samples=f"{RUN}/history.npy",
            sample_epochs=f"{RUN}/history.parquet",
        ),
        params=dict(
            **SEEDED,
            step=ask(lambda study, at: step("train_vae", vae_threads(study, at))),
            settings=ask(runs.vae_settings),
            device=DEVICE,
        ),
        where=dict(study=PLAN.where(lambda study: study.is_trained)),
        environment=TORCH,
        threads=ask(vae_threads),
        resources=needs(
            training_memory, lasting(ask(vae_duration)), disk=TRAINING_DISK, gpu=ask(vae_gpu)
        ),
    ),
    "import_weights": dict(
        input=dict(published=ask(lambda study, at: f"data/{study.settings['vae']['weights']}")),
        output=dict(weights=f"{RUN}/weights.pt"),
        params=dict(settings=ask(runs.encoding_settings)),
        where=dict(study=PLAN.where(lambda study: study.is_imported)),
        environment=TORCH,
        resources=needs(light_memory),
    ),
    "assess_vae": dict(
        input=dict(**ENCODED, images=ask(runs.encoded_images), images_of=ask(runs.divided_samples)),
        output={n: f"{RUN}/{n}.parquet" for n in ("diagnostics", "posterior", "errors")},
        params=dict(
            reconstruction=of_study("vae", "reconstruction"),
            held_out=ask(runs.held_out),
            root_seed=ROOT_SEED,
        ),
        group="scores",
        resources=needs(heavy_memory),
    ),
    "encode_latents": dict(
        input=dict(
            images=ask(runs.encoded_images),
            samples=ask(runs.encoded_samples),
            weights=f"{RUN}/weights.pt",
        ),
        output=dict(
            **ENCODED,
            **{
                n: f"{RUN}/{n}.npy"
                for n in ("reconstructions", "traversal", "interpolation", "variations")
            },
        ),
        params=dict(**SEEDED, settings=ask(runs.encoding_settings), device=DEVICE),
        where=dict(study=PLAN.where(lambda study: not study.has_embeddings)),
        environment=TORCH,
        threads=THREADS,
        resources=needs(
            training_memory, extraction_runtime, disk=ask(latents_disk), gpu=ask(vae_gpu)
        ),
    ),
    "train_philnet": dict(
        input=dict(
            images="results/{study}/data/train/images.npy",
            samples="results/{study}/data/train/samples.parquet",
            test_images="results/{study}/data/test/images.npy",
            test_samples="results/{study}/data/test/samples.parquet",
        ),
        output=dict(weights=f"{MODEL}/weights.pt", training=f"{MODEL}/training.parquet"),
        params=dict(**SEEDED, settings=ask(networks.training_settings), device=DEVICE),
        where=dict(model=PLAN.with_models("philnet")),
        environment=TORCH,
        threads=THREADS,
        resources=needs(training_memory, lasting(ask(network_duration)), disk=TRAINING_DISK, gpu=1),
    ),
    "build_network": dict(
        input=dict(
            pretrained=ask(networks.pretrained_weights), python_file=ask(networks.python_file)
        ),
        output=dict(weights=f"{MODEL}/weights.pt", network=f"{MODEL}/network.parquet"),
        params=dict(
            **SEEDED, settings=ask(networks.extraction_settings), origin=ask(networks.origin)
        ),
        where=dict(model=PLAN.with_models_that(lambda declared: declared.built)),
        environment=TORCH,
        resources=needs(training_memory, disk=TRAINING_DISK),
    ),
    # PhilNet's second stage: cross-validated on the labelled images, so that no image's votes reach its own features or
    # predictions. One job trains all folds: they would wait for each other on one GPU, and the out-of-fold arrays have
    # one writer. Each fold has its own checkpoint.
    "train_folds": dict(
        input=dict(**LABELLED, start=ask(networks.of_origin("weights.pt"))),
        output=dict(
            **OUT_OF_FOLD,
            members=f"{MODEL}/members.parquet",
            provenance=f"{MODEL}/provenance.parquet",
            training=f"{MODEL}/fold-training.parquet",
            weights=f"{MODEL}/weights.pt",
        ),
        params=dict(**SEEDED, settings=ask(networks.folds_settings), device=DEVICE),
        where=dict(model=PLAN.with_models("cross_validated")),
        environment=TORCH,
        threads=THREADS,
        resources=needs(training_memory, lasting(ask(folds_duration)), gpu=1),
    ),
    "predict_tta": dict(
        input=dict(
            **LABELLED,
            weights=ask(networks.of_origin("weights.pt")),
            members=ask(networks.of_origin("members.parquet")),
        ),
        output=OUT_OF_FOLD,
        params=dict(settings=ask(networks.tta_settings), device=DEVICE),
        where=dict(model=PLAN.with_models("tta")),
        environment=TORCH,
        threads=THREADS,
        resources=needs(training_memory, extraction_runtime, gpu=1),
    ),
    # All layers of a network's profile, of some images, in one pass; then how well each aligns with human judgements.
    "extract_layers": dict(
        input=dict(
            images=ask(runs.study_images),
            samples=ask(runs.study_samples),
            weights=ask(networks.profiled_weights),
            python_file=ask(networks.python_file),
        ),
        output=dict(
            layers=f"{networks.LAYERS}.npy",
            index=f"{networks.LAYERS}.index.parquet",
            layer_ids=f"{networks.LAYERS}.ids.parquet",
        ),
        params=dict(
            settings=ask(networks.profile_settings),
            wanted=of_study("profile", "images"),
            profile=ask(networks.reduction("profile")),
            reduce=ask(networks.reduction("reduce")),
            grid=of_study("profile", "grid"),
            project=ask(networks.reduction("project")),
            root_seed=PROJECTION_SEED,
            device=DEVICE,
        ),
        where=dict(model=PLAN.with_models_that(lambda declared: declared.profiled)),
        environment=TORCH,
        threads=THREADS,
        resources=needs(training_memory, extraction_runtime, disk=ask(layers_disk), gpu=1),
    ),
    "profile_layers": dict(
        input=dict(
            layers=f"{networks.LAYERS}.npy",
            index=f"{networks.LAYERS}.index.parquet",
            layer_ids=f"{networks.LAYERS}.ids.parquet",
            samples=ask(runs.study_samples),
            votes=LABELLED["votes"],
        ),
        output=dict(profile=f"{networks.LAYERS}.parquet"),
        params=dict(
            model_name=lambda wildcards: wildcards.model,
            seed=ask(runs.number),
            metrics=of_study("metrics"),
            wanted=of_study("profile", "images"),
        ),
        where=dict(model=PLAN.with_models_that(lambda declared: declared.profiled)),
        threads=THREADS,
        resources=needs(fixed(6000), long_runtime),
    ),
}


# Features of networks; layers that the config names are files of their own, so one rule for each set of them.
for number, (study, layers, names) in enumerate(PLAN.extractions()):
    STEPS["extract_features" + (f"_{number}" if number else "")] = dict(
        script="extract_features",
        input=dict(
            images=ask(runs.study_images),
            samples=ask(runs.study_samples),
            weights=f"{MODEL}/weights.pt",
            python_file=ask(networks.python_file),
        ),
        output=dict(**NETWORK_FEATURES, named=[f"{MODEL}/{layer}.npy" for layer in layers]),
        params=dict(
            settings=ask(networks.extraction_settings),
            layers=layers,
            reduce=ask(networks.reduction("reduce")),
            project=ask(networks.reduction("project")),
            root_seed=PROJECTION_SEED,
            device=DEVICE,
        ),
        where=dict(study=study, model=names),
        environment=TORCH,
        threads=THREADS,
        resources=needs(training_memory, extraction_runtime, disk=ask(features_disk), gpu=1),
    )


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
            f"../../envs/{TORCH}.yaml"
        threads: THREADS
        resources:
            **needs(
                training_memory,
                extraction_runtime,
                disk=ask(features_disk),
                gpu=int(model_type.gpu),
            ),
        params:
            **SEEDED,
            step=step("apply_model", declared=("models", model_type.name)),
            settings=ask(networks.own_settings),
        script:
            "../../scripts/training/apply_model.py"

# Features of every model by image id, RDMs, their comparison with human votes, behaviour; how reliable it is: ceilings,
# intervals, annotator equivalents, model recovery.
VOTES = "results/{study}/data/votes.parquet"
HUMAN = {"votes": VOTES, "samples": ask(runs.study_samples)}
FEATURES = {"features": f"{MODEL}/features.npy", "ids": f"{MODEL}/features.parquet"}
# Files and parameters of all RDMs of a study, the human one first.
SOURCES = {
    "rdms": ask(comparison.rdm_files(".npy")),
    "rdm_ids": ask(comparison.rdm_files(".ids.parquet")),
    "features": ask(comparison.of_sources(comparison.rdm_features)),
    "feature_ids": ask(comparison.of_sources(comparison.rdm_ids)),
}
OF_SOURCES = {
    "models": ask(comparison.source_models),
    "layers": ask(comparison.source_layers),
    "seeds": ask(comparison.source_runs),
    "transforms": ask(comparison.of_sources(comparison.rdm_transform)),
}


IMAGES = ask(lambda study, at: images_of(study))
SOFT = {"transforms": OF_SOURCES["transforms"]}

STEPS |= {
    "label_features": dict(
        script="make_human_features",
        input=HUMAN,
        output=FEATURES,
        params=dict(kind=ask(networks.setting_of_model("type"))),
        where=dict(model=PLAN.with_models("label", "class_mean")),
        local=True,
    ),
    "pixel_features": dict(
        input=dict(images=ask(runs.study_images), samples=ask(runs.study_samples)),
        output=FEATURES,
        where=dict(model=PLAN.with_models("pixels")),
        resources=needs(heavy_memory),
    ),
    "import_external": dict(
        input=dict(
            file=ask(data.of_external("file")),
            samples=ask(runs.study_samples),
        ),
        output=FEATURES,
        params=dict(
            array=ask(data.of_external("array")),
            holds=ask(data.of_external("holds")),
        ),
        where=dict(study=PLAN.of_kind("alignment"), model=PLAN.with_models("external")),
        resources=needs(heavy_memory),
    ),
    "make_human_features": dict(
        input=HUMAN,
        output=dict(
            features="results/{study}/human/features.npy",
            ids="results/{study}/human/features.parquet",
        ),
        local=True,
    ),
    "compute_rdm": dict(
        input=dict(features=ask(comparison.rdm_features), ids=ask(comparison.rdm_ids)),
        output=dict(
            rdm="results/{study}/rdms/{metric}/{source}.npy",
            rdm_ids="results/{study}/rdms/{metric}/{source}.ids.parquet",
        ),
        params=dict(
            metric=lambda wildcards: wildcards.metric, transform=ask(comparison.rdm_transform)
        ),
        group="rdms",
        threads=THREADS,
        resources=needs(pair_memory, long_runtime, disk=ask(rdm_disk)),
    ),
    "compare_rdms": dict(
        input=dict(**SOURCES, **HUMAN),
        output=dict(
            comparisons="results/{study}/rsa/{metric}-comparisons.parquet",
            similarity="results/{study}/rsa/{metric}-models.parquet",
        ),
        params=dict(
            **OF_SOURCES,
            metric=lambda wildcards: wildcards.metric,
            tau=of_study("inference", "tau_a"),
            threads=THREADS,
        ),
        threads=THREADS,
        resources=needs(*rsa(IMAGES, **SOFT, tau=of_study("inference", "tau_a"))),
    ),
    "gather_rsa": dict(
        input=dict(
            comparisons="results/{study}/rsa/{metric}-comparisons.parquet",
            ceiling="results/{study}/rsa/{metric}-ceiling.parquet",
        ),
        output=dict(rsa="results/{study}/rsa/{metric}.parquet"),
        local=True,
    ),
    "compare_classes": dict(
        input=dict(
            features=SOURCES["features"],
            ids=SOURCES["feature_ids"],
            samples=ask(runs.study_samples),
        ),
        output=dict(classes="results/{study}/rsa/{metric}-classes.parquet"),
        params=dict(**OF_SOURCES, metric=lambda wildcards: wildcards.metric),
        where=dict(study=PLAN.of_kind("alignment", "custom")),
        threads=THREADS,
        resources=needs(light_memory),
    ),
    "compare_folds": dict(
        input=dict(
            features=ask(networks.compared_fold_files(0, "features.npy")),
            ids=ask(networks.compared_fold_files(0, "features.parquet")),
            folds=ask(networks.compared_fold_files(2, "folds.parquet")),
            votes=VOTES,
            samples="results/{study}/data/test/samples.parquet",
            ceiling="results/{study}/rsa/{metric}-ceiling.parquet",
        ),
        output=dict(
            rsa="results/{study}/rsa/{metric}-folds.parquet",
            by_fold="results/{study}/rsa/{metric}-by-fold.parquet",
        ),
        params=dict(
            names=ask(networks.compared_fold_column(0)),
            seeds=ask(networks.compared_fold_column(1)),
            metric=lambda wildcards: wildcards.metric,
        ),
        where=dict(study=PLAN.where(lambda study: bool(study.models("cross_validated")))),
        threads=THREADS,
        resources=needs(heavy_memory),
    ),
    "measure_behaviour": dict(
        input=dict(
            **HUMAN,
            logits=ask(comparison.behaviour_logits),
            temperatures=ask(comparison.behaviour_temperatures),
        ),
        output=dict(
            behaviour="results/{study}/behaviour.parquet",
            intervals="results/{study}/behaviour-intervals.parquet",
            images="results/{study}/images.parquet",
            confusions="results/{study}/confusions.parquet",
            shared="results/{study}/shared-confusions.parquet",
        ),
        params=dict(
            names=ask(comparison.behaviour_names),
            seeds=ask(comparison.behaviour_runs),
            tempered=ask(comparison.tempered_classifiers),
            folds=10,
            draws=of_study("inference", "draws"),
            root_seed=ROOT_SEED,
        ),
        resources=needs(heavy_memory),
    ),
    "noise_ceiling": dict(
        input=HUMAN,
        output=dict(
            ceiling="results/{study}/rsa/{metric}-ceiling.parquet",
            ceilings="results/{study}/rsa/{metric}-ceilings.parquet",
        ),
        params=dict(
            metric=lambda wildcards: wildcards.metric,
            splits=of_study("ceiling_splits"),
            simulated_datasets=of_study("inference", "simulated_datasets"),
            tau=of_study("inference", "tau_a"),
            root_seed=ROOT_SEED,
            threads=THREADS,
        ),
        threads=THREADS,
        resources=needs(*ceilings(IMAGES, of_study("ceiling_splits"))),
    ),
    "bootstrap_rsa": dict(
        input=dict(
            **SOURCES, **HUMAN, comparisons="results/{study}/rsa/{metric}-comparisons.parquet"
        ),
        output=dict(
            intervals="results/{study}/rsa/{metric}-intervals.parquet",
            differences="results/{study}/rsa/{metric}-differences.parquet",
            kinds="results/{study}/rsa/{metric}-kinds.parquet",
            check="results/{study}/rsa/{metric}-check.parquet",
        ),
        params=dict(
            **OF_SOURCES,
            metric=lambda wildcards: wildcards.metric,
            draws=of_study("inference", "draws"),
            correction=of_study("inference", "correction"),
            tau=of_study("inference", "tau_a"),
            check_images=of_study("inference", "check_images"),
            check_draws=of_study("inference", "check_draws"),
            root_seed=ROOT_SEED,
            threads=THREADS,
        ),
        threads=THREADS,
        resources=needs(*rsa(IMAGES, **SOFT, checked=of_study("inference", "check_images"))),
    ),
    "compare_layers": dict(
        input=dict(
            **HUMAN,
            layers=ask(networks.of_profiled(".npy")),
            indexes=ask(networks.of_profiled(".index.parquet")),
            layer_ids=ask(networks.of_profiled(".ids.parquet")),
        ),
        output=tables_of_rule("compare_layers"),
        params=dict(
            models=ask(networks.profiled_models),
            metric=ask(lambda study, at: study.settings["metrics"][0]),
            wanted=of_study("profile", "images"),
            draws=of_study("inference", "draws"),
            correction=of_study("inference", "correction"),
            root_seed=ROOT_SEED,
            threads=THREADS,
        ),
        where=dict(study=PLAN.where(networks.has_leaderboard)),
        threads=THREADS,
        resources=needs(fixed(8000), long_runtime),
    ),
    "count_annotators": dict(
        input=dict(
            **SOURCES,
            **HUMAN,
            logits=ask(comparison.of_first_metric(comparison.behaviour_logits)),
            temperatures=ask(comparison.of_first_metric(comparison.behaviour_temperatures)),
        ),
        output=dict(equivalents="results/{study}/rsa/{metric}-equivalents.parquet"),
        params=dict(
            **OF_SOURCES,
            metric=lambda wildcards: wildcards.metric,
            names=ask(comparison.of_first_metric(comparison.behaviour_names)),
            classifier_seeds=ask(comparison.of_first_metric(comparison.behaviour_runs)),
            tempered=ask(comparison.of_first_metric(comparison.tempered_classifiers)),
            folds=10,
            splits=of_study("inference", "splits"),
            root_seed=ROOT_SEED,
            threads=THREADS,
        ),
        threads=THREADS,
        # A reference and up to eleven numbers of votes in each split.
        resources=needs(
            *rsa(
                IMAGES,
                **SOFT,
                more=ask(lambda study, at: 12 * study.settings["inference"]["splits"]),
            )
        ),
    ),
    "recover_models": dict(
        input=dict(**HUMAN, logits=ask(comparison.behaviour_logits)),
        output=tables_of_rule("recover_models"),
        params=dict(
            names=ask(comparison.behaviour_names),
            seeds=ask(comparison.behaviour_runs),
            metrics=of_study("metrics"),
            simulations=of_study("inference", "simulations"),
            images=of_study("inference", "recovery_images"),
            root_seed=ROOT_SEED,
        ),
        where=dict(study=PLAN.of_kind("alignment", "custom")),
    ),
}

# Features of every model by image id, RDMs, their comparison with human votes, behaviour.
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


rule label_features:
    input:
        **HUMAN,
    output:
        **FEATURES,
    log:
        f"{LOG}/label_features-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        model=PLAN.with_models("label", "class_mean"),
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(light_memory),
    params:
        step=step("make_human_features"),
        kind=ask(networks.setting_of_model("type")),
    script:
        "../../scripts/data/make_human_features.py"


rule pixel_features:
    input:
        images=ask(runs.study_images),
        samples=ask(runs.study_samples),
    output:
        **FEATURES,
    log:
        f"{LOG}/pixel_features-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        model=PLAN.with_models("pixels"),
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory),
    params:
        step=step("pixel_features"),
    script:
        "../../scripts/data/pixel_features.py"


rule import_external:
    input:
        file=ask(lambda study, at: data.external_file(study, study.model(at.model))),
        samples=ask(runs.study_samples),
    output:
        **FEATURES,
    log:
        f"{LOG}/import_external-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.of_kind("alignment"),
        model=PLAN.with_models("external"),
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory),
    params:
        step=step("import_external"),
        array=ask(networks.setting_of_model("array")),
        holds=ask(networks.setting_of_model("holds")),
    script:
        "../../scripts/data/import_external.py"


rule make_human_features:
    input:
        **HUMAN,
    output:
        features="results/{study}/human/features.npy",
        ids="results/{study}/human/features.parquet",
    log:
        f"{LOG}/make_human_features.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(light_memory),
    params:
        step=step("make_human_features"),
    script:
        "../../scripts/data/make_human_features.py"


rule compute_rdm:
    input:
        features=ask(comparison.rdm_features),
        ids=ask(comparison.rdm_ids),
    output:
        rdm="results/{study}/rdms/{metric}/{source}.npy",
        rdm_ids="results/{study}/rdms/{metric}/{source}.ids.parquet",
    log:
        f"{LOG}/compute_rdm-{{metric}}-{{source}}.log",
    group:
        batch("rdms")
    conda:
        "../../envs/analysis.yaml"
    threads: THREADS
    resources:
        **needs(pair_memory, long_runtime, disk=ask(rdm_disk), batched=True),
    params:
        step=step("compute_rdm"),
        metric=lambda wildcards: wildcards.metric,
        transform=ask(comparison.rdm_transform),
    script:
        "../../scripts/alignment/compute_rdm.py"


rule compare_rdms:
    input:
        **SOURCES,
        **HUMAN,
    output:
        comparisons="results/{study}/rsa/{metric}-comparisons.parquet",
        similarity="results/{study}/rsa/{metric}-models.parquet",
    log:
        f"{LOG}/compare_rdms-{{metric}}.log",
    conda:
        "../../envs/analysis.yaml"
    threads: THREADS
    resources:
        **needs(ranks_memory, long_runtime),
    params:
        **OF_SOURCES,
        step=step("compare_rdms"),
        metric=lambda wildcards: wildcards.metric,
        tau=of_study("inference", "tau_a"),
        threads=THREADS,
    script:
        "../../scripts/alignment/compare_rdms.py"


rule gather_rsa:
    input:
        comparisons="results/{study}/rsa/{metric}-comparisons.parquet",
        ceiling="results/{study}/rsa/{metric}-ceiling.parquet",
    output:
        rsa="results/{study}/rsa/{metric}.parquet",
    log:
        f"{LOG}/gather_rsa-{{metric}}.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(light_memory),
    params:
        step=step("gather_rsa"),
    script:
        "../../scripts/alignment/gather_rsa.py"


rule compare_classes:
    input:
        features=SOURCES["features"],
        ids=SOURCES["feature_ids"],
        samples=ask(runs.study_samples),
    output:
        classes="results/{study}/rsa/{metric}-classes.parquet",
    log:
        f"{LOG}/compare_classes-{{metric}}.log",
    wildcard_constraints:
        study=PLAN.of_kind("alignment", "custom"),
    conda:
        "../../envs/analysis.yaml"
    threads: THREADS
    resources:
        **needs(light_memory),
    params:
        **OF_SOURCES,
        step=step("compare_classes"),
        metric=lambda wildcards: wildcards.metric,
    script:
        "../../scripts/alignment/compare_classes.py"


rule compare_folds:
    input:
        features=ask(networks.compared_fold_files(0, "features.npy")),
        ids=ask(networks.compared_fold_files(0, "features.parquet")),
        folds=ask(networks.compared_fold_files(2, "folds.parquet")),
        votes=VOTES,
        samples="results/{study}/data/test/samples.parquet",
        ceiling="results/{study}/rsa/{metric}-ceiling.parquet",
    output:
        rsa="results/{study}/rsa/{metric}-folds.parquet",
        by_fold="results/{study}/rsa/{metric}-by-fold.parquet",
    log:
        f"{LOG}/compare_folds-{{metric}}.log",
    wildcard_constraints:
        study=PLAN.where(lambda study: bool(study.models("cross_validated"))),
    conda:
        "../../envs/analysis.yaml"
    threads: THREADS
    resources:
        **needs(heavy_memory),
    params:
        step=step("compare_folds"),
        names=ask(networks.compared_fold_column(0)),
        seeds=ask(networks.compared_fold_column(1)),
        metric=lambda wildcards: wildcards.metric,
    script:
        "../../scripts/alignment/compare_folds.py"


rule measure_behaviour:
    input:
        **HUMAN,
        logits=ask(comparison.behaviour_logits),
        temperatures=ask(comparison.behaviour_temperatures),
    output:
        behaviour="results/{study}/behaviour.parquet",
        intervals="results/{study}/behaviour-intervals.parquet",
        images="results/{study}/images.parquet",
        confusions="results/{study}/confusions.parquet",
        shared="results/{study}/shared-confusions.parquet",
    log:
        f"{LOG}/measure_behaviour.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory),
    params:
        step=step("measure_behaviour"),
        names=ask(comparison.behaviour_names),
        seeds=ask(comparison.behaviour_runs),
        tempered=ask(comparison.tempered_classifiers),
        folds=10,
        draws=of_study("inference", "draws"),
        vote_resamples=of_study("inference", "vote_resamples"),
        root_seed=ROOT_SEED,
    script:
        "../../scripts/alignment/measure_behaviour.py"

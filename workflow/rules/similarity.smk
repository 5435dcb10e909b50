# Alignment: features of every model by image id, RDMs, their comparison with the human votes.


wildcard_constraints:
    source=r"human|[a-z0-9_]+-(features|probabilities|calibrated)-seed\d+",


rule label_features:
    input:
        samples=study_samples,
        votes="results/{study}/data/votes.parquet",
    output:
        features="results/{study}/models/{model}/seed{seed}/features.npy",
        ids="results/{study}/models/{model}/seed{seed}/features.parquet",
    log:
        f"{LOG}/label_features-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        model=one_of({m for s in STUDIES for m in models_of(s, "label", "class_mean")}),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("label_features"),
        kind=lambda wildcards: model_of(wildcards)["type"],
    script:
        "../../scripts/data/label_features.py"


rule pixel_features:
    input:
        images=study_images,
        samples=study_samples,
    output:
        features="results/{study}/models/{model}/seed{seed}/features.npy",
        ids="results/{study}/models/{model}/seed{seed}/features.parquet",
    log:
        f"{LOG}/pixel_features-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        model=one_of({m for s in STUDIES for m in models_of(s, "pixels")}),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=short_runtime,
    params:
        step=step("pixel_features"),
    script:
        "../../scripts/data/pixel_features.py"


rule import_external:
    input:
        file=lambda wildcards: external_file(model_of(wildcards)),
        samples=study_samples,
    output:
        features="results/{study}/models/{model}/seed{seed}/features.npy",
        ids="results/{study}/models/{model}/seed{seed}/features.parquet",
    log:
        f"{LOG}/import_external-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment")),
        model=one_of({m for s in STUDIES for m in models_of(s, "external")}),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=short_runtime,
    params:
        step=step("import_external"),
        array=lambda wildcards: model_of(wildcards)["array"],
        holds=lambda wildcards: model_of(wildcards)["holds"],
    script:
        "../../scripts/data/import_external.py"


rule make_human_features:
    input:
        votes="results/{study}/data/votes.parquet",
        samples=study_samples,
    output:
        features="results/{study}/human/features.npy",
        ids="results/{study}/human/features.parquet",
    log:
        f"{LOG}/make_human_features.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("make_human_features"),
    script:
        "../../scripts/data/make_human_features.py"


rule compute_rdm:
    input:
        features=rdm_features,
        ids=rdm_ids,
    output:
        rdm="results/{study}/rdms/{metric}/{source}.npy",
        rdm_ids="results/{study}/rdms/{metric}/{source}.ids.parquet",
    log:
        f"{LOG}/compute_rdm-{{metric}}-{{source}}.log",
    conda:
        "../../envs/analysis.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=pair_memory,
        runtime=long_runtime,
        disk_mb=rdm_disk,
    params:
        step=step("compute_rdm"),
        metric=lambda wildcards: wildcards.metric,
        transform=rdm_transform,
    script:
        "../../scripts/alignment/compute_rdm.py"


rule compare_rdms:
    input:
        rdms=all_rdms(".npy"),
        rdm_ids=all_rdms(".ids.parquet"),
        features=of_sources(rdm_features),
        feature_ids=of_sources(rdm_ids),
        samples=study_samples,
        votes="results/{study}/data/votes.parquet",
    output:
        comparisons="results/{study}/rsa/{metric}-comparisons.parquet",
        similarity="results/{study}/rsa/{metric}-models.parquet",
    log:
        f"{LOG}/compare_rdms-{{metric}}.log",
    conda:
        "../../envs/analysis.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=ranks_memory,
        runtime=long_runtime,
    params:
        step=step("compare_rdms"),
        models=source_models,
        layers=source_layers,
        runs=source_runs,
        transforms=of_sources(rdm_transform),
        metric=lambda wildcards: wildcards.metric,
        tau=of_study("inference", "tau_a"),
        threads=CONFIG["numeric_threads"],
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
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("gather_rsa"),
    script:
        "../../scripts/alignment/gather_rsa.py"


rule measure_behaviour:
    input:
        logits=behaviour_logits,
        temperatures=behaviour_temperatures,
        votes="results/{study}/data/votes.parquet",
        samples=study_samples,
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
        mem_mb=heavy_memory,
        runtime=short_runtime,
    params:
        step=step("measure_behaviour"),
        names=behaviour_names,
        runs=behaviour_runs,
        tempered=tempered_classifiers,
        folds=10,
        draws=of_study("inference", "draws"),
        vote_sets=of_study("inference", "vote_sets"),
        seed=CONFIG["seed"],
    script:
        "../../scripts/alignment/measure_behaviour.py"

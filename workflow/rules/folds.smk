# PhilNet's second stage: cross-validated on the judged images, so that no image's votes reach its
# own features or predictions.


# One job trains all folds: they would wait for each other on one GPU, start-up is paid once, and
# the out-of-fold arrays have one writer. Each fold has a checkpoint of its own.
rule train_folds:
    input:
        images="results/{study}/data/test/images.npy",
        samples="results/{study}/data/test/samples.parquet",
        votes="results/{study}/data/votes.parquet",
        start=start_weights,
    output:
        features="results/{study}/models/{model}/seed{seed}/features.npy",
        feature_ids="results/{study}/models/{model}/seed{seed}/features.parquet",
        logits="results/{study}/models/{model}/seed{seed}/logits.npy",
        calibrated="results/{study}/models/{model}/seed{seed}/calibrated.npy",
        folds="results/{study}/models/{model}/seed{seed}/folds.parquet",
        members="results/{study}/models/{model}/seed{seed}/members.parquet",
        provenance="results/{study}/models/{model}/seed{seed}/provenance.parquet",
        training="results/{study}/models/{model}/seed{seed}/fold-training.parquet",
        weights="results/{study}/models/{model}/seed{seed}/weights.pt",
    log:
        f"{LOG}/train_folds-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        model=one_of({m for s in STUDIES for m in models_of(s, "folds")}),
    conda:
        "../../envs/torch.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=training_memory,
        runtime=training_runtime,
        gpu=1,
    params:
        step=step("train_folds"),
        settings=folds_settings,
        seed=CONFIG["seed"],
        run=run_number,
        device=CONFIG["device"],
    script:
        "../../scripts/training/train_folds.py"


rule average_views:
    input:
        images="results/{study}/data/test/images.npy",
        samples="results/{study}/data/test/samples.parquet",
        votes="results/{study}/data/votes.parquet",
        weights=viewed_file("weights.pt"),
        members=viewed_file("members.parquet"),
    output:
        features="results/{study}/models/{model}/seed{seed}/features.npy",
        feature_ids="results/{study}/models/{model}/seed{seed}/features.parquet",
        logits="results/{study}/models/{model}/seed{seed}/logits.npy",
        calibrated="results/{study}/models/{model}/seed{seed}/calibrated.npy",
        folds="results/{study}/models/{model}/seed{seed}/folds.parquet",
    log:
        f"{LOG}/average_views-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        model=one_of({m for s in STUDIES for m in models_of(s, "views")}),
    conda:
        "../../envs/torch.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
        gpu=1,
    params:
        step=step("average_views"),
        settings=views_settings,
        device=CONFIG["device"],
    script:
        "../../scripts/training/average_views.py"


rule compare_folds:
    input:
        features=compared_fold_files(0, "features.npy"),
        ids=compared_fold_files(0, "features.parquet"),
        folds=compared_fold_files(2, "folds.parquet"),
        votes="results/{study}/data/votes.parquet",
        samples="results/{study}/data/test/samples.parquet",
        ceiling="results/{study}/rsa/{metric}-ceiling.parquet",
    output:
        rsa="results/{study}/rsa/{metric}-folds.parquet",
        by_fold="results/{study}/rsa/{metric}-by-fold.parquet",
    log:
        f"{LOG}/compare_folds-{{metric}}.log",
    wildcard_constraints:
        study=one_of([s for s in STUDIES if models_of(s, "folds")]),
    conda:
        "../../envs/analysis.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=heavy_memory,
        runtime=short_runtime,
    params:
        step=step("compare_folds"),
        names=compared_fold_column(0),
        runs=compared_fold_column(1),
        metric=lambda wildcards: wildcards.metric,
    script:
        "../../scripts/alignment/compare_folds.py"


rule plot_fold_training:
    input:
        training=fold_run_files("fold-training.parquet"),
        provenance=fold_run_files("provenance.parquet"),
    output:
        png=report(
            f"{RF}/fold-training.png",
            caption="../report/fold_training.rst",
            category="{study}",
            subcategory="Training",
            labels={"figure": "fine-tuning in folds"},
        ),
        pdf=f"{RF}/fold-training.pdf",
    log:
        f"{LOG}/plot_fold_training.log",
    wildcard_constraints:
        study=one_of([s for s in STUDIES if models_of(s, "folds")]),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_fold_training"),
        title=title_of,
        style=STYLE,
        models=lambda wildcards: [model for model, _ in fold_runs(wildcards.study)],
    script:
        "../../scripts/figures/plot_fold_training.py"

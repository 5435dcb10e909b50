# How like people each layer of each network is, on some of the images; no RDM is kept.


rule profile_layers:
    input:
        images="results/{study}/data/test/images.npy",
        samples="results/{study}/data/test/samples.parquet",
        votes="results/{study}/data/votes.parquet",
        weights=profiled_weights,
    output:
        profile="results/{study}/layers/{model}-seed{seed}.parquet",
    log:
        f"{LOG}/profile_layers-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        model=one_of({m for s in STUDIES for m in models_of(s, *PROFILED)}),
    conda:
        "../../envs/torch.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=profile_memory,
        runtime=long_runtime,
        gpu=1,
    params:
        step=step("profile_layers"),
        settings=profile_settings,
        model_name=lambda wildcards: wildcards.model,
        run=run_number,
        metrics=of_study("metrics"),
        wanted=of_study("profile", "images"),
        grid=of_study("profile", "grid"),
        device=CONFIG["device"],
    script:
        "../../scripts/training/profile_layers.py"


rule tabulate_layers:
    input:
        profiles=profiles,
        votes="results/{study}/data/votes.parquet",
        samples="results/{study}/data/test/samples.parquet",
    output:
        table="results/{study}/tables/layers.parquet",
        csv=report(
            "results/{study}/tables/layers.csv",
            caption="../report/table_layers.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "layers", "kind": "table"},
        ),
    log:
        f"{LOG}/tabulate_layers.log",
    wildcard_constraints:
        study=one_of(layer_studies()),
    conda:
        "../../envs/analysis.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_layers"),
        wanted=of_study("profile", "images"),
        splits=of_study("ceiling_splits"),
        seed=CONFIG["seed"],
        notes=model_notes,
    script:
        "../../scripts/tables/tabulate_layers.py"


rule plot_layers:
    input:
        layers="results/{study}/tables/layers.parquet",
    output:
        png=report(
            f"{RF}/layers-{{metric}}.png",
            caption="../report/layers.rst",
            category="{study}",
            subcategory="Alignment",
            labels={"figure": "layer by layer, {metric}"},
        ),
        pdf=f"{RF}/layers-{{metric}}.pdf",
    log:
        f"{LOG}/plot_layers-{{metric}}.log",
    wildcard_constraints:
        study=one_of(layer_studies()),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_layers"),
        title=title_of,
        style=STYLE,
        metric=lambda wildcards: wildcards.metric,
    script:
        "../../scripts/figures/plot_layers.py"


rule compare_classes:
    input:
        features=of_sources(rdm_features),
        ids=of_sources(rdm_ids),
        samples=study_samples,
    output:
        classes="results/{study}/rsa/{metric}-classes.parquet",
    log:
        f"{LOG}/compare_classes-{{metric}}.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment", "own")),
    conda:
        "../../envs/analysis.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("compare_classes"),
        models=source_models,
        layers=source_layers,
        runs=source_runs,
        transforms=of_sources(rdm_transform),
        metric=lambda wildcards: wildcards.metric,
    script:
        "../../scripts/alignment/compare_classes.py"


rule plot_classes:
    input:
        classes="results/{study}/rsa/{metric}-classes.parquet",
    output:
        png=report(
            f"{RF}/classes-{{metric}}.png",
            caption="../report/classes.rst",
            category="{study}",
            subcategory="Alignment",
            labels={"figure": "classes, {metric}"},
        ),
        pdf=f"{RF}/classes-{{metric}}.pdf",
    log:
        f"{LOG}/plot_classes-{{metric}}.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment", "own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_classes"),
        title=title_of,
        style=STYLE,
        notes=figure_notes,
    script:
        "../../scripts/figures/plot_classes.py"

# How far the similarity to people can be trusted: ceilings, intervals, equivalents, all measures.


rule noise_ceiling:
    input:
        votes="results/{study}/data/votes.parquet",
        samples=study_samples,
    output:
        ceiling="results/{study}/rsa/{metric}-ceiling.parquet",
        ceilings="results/{study}/rsa/{metric}-ceilings.parquet",
    log:
        f"{LOG}/noise_ceiling-{{metric}}.log",
    conda:
        "../../envs/analysis.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=ceiling_memory,
        runtime=long_runtime,
    params:
        step=step("noise_ceiling"),
        metric=lambda wildcards: wildcards.metric,
        splits=of_study("ceiling_splits"),
        worlds=of_study("inference", "worlds"),
        tau=of_study("inference", "tau_a"),
        seed=CONFIG["seed"],
        threads=CONFIG["numeric_threads"],
    script:
        "../../scripts/alignment/noise_ceiling.py"


rule bootstrap_rsa:
    input:
        rdms=all_rdms(".npy"),
        rdm_ids=all_rdms(".ids.parquet"),
        features=of_sources(rdm_features),
        feature_ids=of_sources(rdm_ids),
        samples=study_samples,
        votes="results/{study}/data/votes.parquet",
        comparisons="results/{study}/rsa/{metric}-comparisons.parquet",
    output:
        intervals="results/{study}/rsa/{metric}-intervals.parquet",
        differences="results/{study}/rsa/{metric}-differences.parquet",
        check="results/{study}/rsa/{metric}-check.parquet",
    log:
        f"{LOG}/bootstrap_rsa-{{metric}}.log",
    conda:
        "../../envs/analysis.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=bootstrap_memory,
        runtime=long_runtime,
    params:
        step=step("bootstrap_rsa"),
        models=source_models,
        layers=source_layers,
        runs=source_runs,
        transforms=of_sources(rdm_transform),
        metric=lambda wildcards: wildcards.metric,
        draws=of_study("inference", "draws"),
        vote_sets=of_study("inference", "vote_sets"),
        correction=of_study("inference", "correction"),
        tau=of_study("inference", "tau_a"),
        check_images=of_study("inference", "check_images"),
        check_draws=of_study("inference", "check_draws"),
        seed=CONFIG["seed"],
        threads=CONFIG["numeric_threads"],
    script:
        "../../scripts/alignment/bootstrap_rsa.py"


rule count_annotators:
    input:
        rdms=all_rdms(".npy"),
        rdm_ids=all_rdms(".ids.parquet"),
        features=of_sources(rdm_features),
        feature_ids=of_sources(rdm_ids),
        logits=of_first_metric(behaviour_logits),
        temperatures=of_first_metric(behaviour_temperatures),
        votes="results/{study}/data/votes.parquet",
        samples=study_samples,
    output:
        equivalents="results/{study}/rsa/{metric}-equivalents.parquet",
    log:
        f"{LOG}/count_annotators-{{metric}}.log",
    conda:
        "../../envs/analysis.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=ranks_memory,
        runtime=long_runtime,
    params:
        step=step("count_annotators"),
        models=source_models,
        layers=source_layers,
        runs=source_runs,
        transforms=of_sources(rdm_transform),
        metric=lambda wildcards: wildcards.metric,
        names=of_first_metric(behaviour_names),
        classifier_runs=of_first_metric(behaviour_runs),
        tempered=of_first_metric(tempered_classifiers),
        folds=10,
        repeats=of_study("inference", "repeats"),
        seed=CONFIG["seed"],
        threads=CONFIG["numeric_threads"],
    script:
        "../../scripts/alignment/count_annotators.py"


rule tabulate_measures:
    input:
        rsa=rsa_tables,
        ceilings=of_metrics("ceilings"),
        behaviour="results/{study}/behaviour.parquet",
        intervals=interval_tables,
        equivalents=equivalent_tables,
    output:
        table="results/{study}/tables/measures.parquet",
        csv=report(
            "results/{study}/tables/measures.csv",
            caption="../report/table_measures.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "all measures", "kind": "table"},
        ),
        models="results/{study}/tables/models.parquet",
        models_csv=report(
            "results/{study}/tables/models.csv",
            caption="../report/table_models.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "models", "kind": "table"},
        ),
        all_ceilings="results/{study}/tables/ceilings.parquet",
        ceilings_csv=report(
            "results/{study}/tables/ceilings.csv",
            caption="../report/table_ceilings.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "noise ceilings", "kind": "table"},
        ),
    log:
        f"{LOG}/tabulate_measures.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment", "own")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_measures"),
        metrics=of_study("metrics"),
        label=lambda wildcards: models_of(wildcards.study, "label")[0],
        simulated=of_study("simulated_votes"),
        notes=model_notes,
    script:
        "../../scripts/tables/tabulate_measures.py"


rule tabulate_inference:
    input:
        differences=of_metrics("differences"),
        check=of_metrics("check"),
    output:
        table="results/{study}/tables/differences.parquet",
        csv=report(
            "results/{study}/tables/differences.csv",
            caption="../report/table_differences.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "differences between models", "kind": "table"},
        ),
        check_table="results/{study}/tables/bootstrap-check.parquet",
        check_csv=report(
            "results/{study}/tables/bootstrap-check.csv",
            caption="../report/table_bootstrap_check.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "check of the bootstrap", "kind": "table"},
        ),
    log:
        f"{LOG}/tabulate_inference.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment", "own")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_inference"),
    script:
        "../../scripts/tables/tabulate_inference.py"


rule recover_models:
    input:
        logits=behaviour_logits,
        votes="results/{study}/data/votes.parquet",
        samples=study_samples,
    output:
        table="results/{study}/tables/recovery.parquet",
        csv=report(
            "results/{study}/tables/recovery.csv",
            caption="../report/table_recovery.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "model recovery", "kind": "table"},
        ),
    log:
        f"{LOG}/recover_models.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment", "own")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
    params:
        step=step("recover_models"),
        names=behaviour_names,
        runs=behaviour_runs,
        metrics=of_study("metrics"),
        simulations=of_study("inference", "simulations"),
        images=of_study("inference", "recovery_images"),
        seed=CONFIG["seed"],
    script:
        "../../scripts/alignment/recover_models.py"


rule plot_recovery:
    input:
        recovered="results/{study}/tables/recovery.parquet",
    output:
        png=report(
            f"{RF}/recovery.png",
            caption="../report/recovery.rst",
            category="{study}",
            subcategory="Alignment",
            labels={"figure": "model recovery"},
        ),
        pdf=f"{RF}/recovery.pdf",
    log:
        f"{LOG}/plot_recovery.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment", "own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_recovery"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/figures/plot_recovery.py"

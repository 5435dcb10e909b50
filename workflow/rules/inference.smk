# Reliability of the alignment with human votes: ceilings, intervals, equivalents, recovery.


rule noise_ceiling:
    input:
        **HUMAN,
    output:
        ceiling="results/{study}/rsa/{metric}-ceiling.parquet",
        ceilings="results/{study}/rsa/{metric}-ceilings.parquet",
    log:
        f"{LOG}/noise_ceiling-{{metric}}.log",
    conda:
        "../../envs/analysis.yaml"
    threads: THREADS
    resources:
        # Two half-vote RDMs of 10,000 images and their ranks.
        **needs(fixed(6000), long_runtime),
    params:
        step=step("noise_ceiling"),
        metric=lambda wildcards: wildcards.metric,
        splits=of_study("ceiling_splits"),
        simulated_datasets=of_study("inference", "simulated_datasets"),
        tau=of_study("inference", "tau_a"),
        root_seed=ROOT_SEED,
        threads=THREADS,
    script:
        "../../scripts/alignment/noise_ceiling.py"


rule bootstrap_rsa:
    input:
        **SOURCES,
        **HUMAN,
        comparisons="results/{study}/rsa/{metric}-comparisons.parquet",
    output:
        intervals="results/{study}/rsa/{metric}-intervals.parquet",
        differences="results/{study}/rsa/{metric}-differences.parquet",
        kinds="results/{study}/rsa/{metric}-kinds.parquet",
        check="results/{study}/rsa/{metric}-check.parquet",
    log:
        f"{LOG}/bootstrap_rsa-{{metric}}.log",
    conda:
        "../../envs/analysis.yaml"
    threads: THREADS
    resources:
        **needs(bootstrap_memory, long_runtime),
    params:
        **OF_SOURCES,
        step=step("bootstrap_rsa"),
        metric=lambda wildcards: wildcards.metric,
        draws=of_study("inference", "draws"),
        correction=of_study("inference", "correction"),
        tau=of_study("inference", "tau_a"),
        check_images=of_study("inference", "check_images"),
        check_draws=of_study("inference", "check_draws"),
        root_seed=ROOT_SEED,
        threads=THREADS,
    script:
        "../../scripts/alignment/bootstrap_rsa.py"


rule count_annotators:
    input:
        **SOURCES,
        **HUMAN,
        logits=ask(comparison.of_first_metric(comparison.behaviour_logits)),
        temperatures=ask(comparison.of_first_metric(comparison.behaviour_temperatures)),
    output:
        equivalents="results/{study}/rsa/{metric}-equivalents.parquet",
    log:
        f"{LOG}/count_annotators-{{metric}}.log",
    conda:
        "../../envs/analysis.yaml"
    threads: THREADS
    resources:
        **needs(ranks_memory, long_runtime),
    params:
        **OF_SOURCES,
        step=step("count_annotators"),
        metric=lambda wildcards: wildcards.metric,
        names=ask(comparison.of_first_metric(comparison.behaviour_names)),
        classifier_seeds=ask(comparison.of_first_metric(comparison.behaviour_runs)),
        tempered=ask(comparison.of_first_metric(comparison.tempered_classifiers)),
        folds=10,
        splits=of_study("inference", "splits"),
        root_seed=ROOT_SEED,
        threads=THREADS,
    script:
        "../../scripts/alignment/count_annotators.py"


rule recover_models:
    input:
        **HUMAN,
        logits=ask(comparison.behaviour_logits),
    output:
        **tables_of_rule("recover_models"),
    log:
        f"{LOG}/recover_models.log",
    wildcard_constraints:
        study=PLAN.of_kind("alignment", "custom"),
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        step=step("recover_models"),
        names=ask(comparison.behaviour_names),
        seeds=ask(comparison.behaviour_runs),
        metrics=of_study("metrics"),
        simulations=of_study("inference", "simulations"),
        images=of_study("inference", "recovery_images"),
        root_seed=ROOT_SEED,
    script:
        "../../scripts/alignment/recover_models.py"

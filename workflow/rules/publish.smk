# Small results of finished real runs, committed under results/published; README's tables come from there.


rule publish:
    input:
        checks="results/{study}/checks.parquet",
        tables=lambda wildcards: tables_of(wildcards.study),
        figures=lambda wildcards: publishable_figures(wildcards.study),
    output:
        folder=directory("results/published/{study}"),
    log:
        f"{LOG}/publish.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("publish"),
        study=lambda wildcards: wildcards.study,
        settings=lambda wildcards: STUDIES[wildcards.study],
    script:
        "../../scripts/report/publish.py"


rule publish_all:
    input:
        [f"results/published/{study}" for study in STUDIES],

# Checks over finished artefacts; `all` requires them.


rule check_results:
    input:
        artefacts=checked_artefacts,
    output:
        checks="results/{study}/checks.parquet",
    log:
        f"{LOG}/check_results.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=short_runtime,
    params:
        step=step("check_results"),
        may_collapse=lambda wildcards: STUDIES[wildcards.study]["kind"] == "detection",
    script:
        "../../scripts/report/check_results.py"

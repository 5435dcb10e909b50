# Tables of a study: mean and standard deviation over its seeds, baselines and published values.


rule tabulate_funnel:
    input:
        funnels=run_method_files("funnel-{method}.parquet"),
    output:
        table="results/{study}/tables/funnel.parquet",
        csv=report(
            "results/{study}/tables/funnel.csv",
            caption="../report/table_funnel.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "funnel", "kind": "table"},
        ),
    log:
        f"{LOG}/tabulate_funnel.log",
    wildcard_constraints:
        study=one_of(of_kind("synthetic")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_funnel"),
        methods=run_methods,
        runs=run_method_seeds,
        views=run_method_views,
    script:
        "../../scripts/tables/tabulate_funnel.py"


rule tabulate_detectors:
    input:
        detections=run_method_files("detection-{method}.parquet"),
    output:
        table="results/{study}/tables/detectors.parquet",
        csv=report(
            "results/{study}/tables/detectors.csv",
            caption="../report/table_detectors.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "detectors", "kind": "table"},
        ),
    log:
        f"{LOG}/tabulate_detectors.log",
    wildcard_constraints:
        study=one_of(of_kind("synthetic")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_detectors"),
        methods=run_methods,
        runs=run_method_seeds,
        views=run_method_views,
    script:
        "../../scripts/tables/tabulate_detectors.py"


rule tabulate_forensics:
    input:
        summaries=run_files("summary-intended.parquet"),
        dimensions=dimension_files,
        sbs=sbs_files,
    output:
        table="results/{study}/tables/forensics.parquet",
        csv=report(
            "results/{study}/tables/forensics.csv",
            caption="../report/table_forensics.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "forensics", "kind": "table"},
        ),
    log:
        f"{LOG}/tabulate_forensics.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_forensics"),
        views=run_views,
        runs=run_seeds,
    script:
        "../../scripts/tables/tabulate_forensics.py"


rule tabulate_bias:
    input:
        abis=run_files("abi.parquet"),
        profiles=run_files("profile.parquet"),
    output:
        table="results/{study}/tables/bias.parquet",
        csv=report(
            "results/{study}/tables/bias.csv",
            caption="../report/table_bias.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "bias", "kind": "table"},
        ),
        tests="results/{study}/tables/bias-tests.parquet",
        tests_csv=report(
            "results/{study}/tables/bias-tests.csv",
            caption="../report/table_bias_tests.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "bias, all tests", "kind": "table"},
        ),
    log:
        f"{LOG}/tabulate_bias.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_bias"),
        runs=run_seeds,
    script:
        "../../scripts/tables/tabulate_bias.py"


rule tabulate_rankings:
    input:
        scores=run_files("scores-intended.parquet"),
    output:
        table="results/{study}/tables/rankings.parquet",
        csv=report(
            "results/{study}/tables/rankings.csv",
            caption="../report/table_rankings.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "rankings", "kind": "table"},
        ),
    log:
        f"{LOG}/tabulate_rankings.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_rankings"),
        runs=run_seeds,
    script:
        "../../scripts/tables/tabulate_rankings.py"


rule tabulate_alignment:
    input:
        rsa=lambda wildcards: [
            f"results/{wildcards.study}/rsa/{metric}.parquet"
            for metric in STUDIES[wildcards.study]["metrics"]
        ]
        + fold_comparisons(wildcards.study),
    output:
        table="results/{study}/tables/alignment.parquet",
        csv=report(
            "results/{study}/tables/alignment.csv",
            caption="../report/table_alignment.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "alignment", "kind": "table"},
        ),
    log:
        f"{LOG}/tabulate_alignment.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment", "own")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_alignment"),
        simulated=of_study("simulated_votes"),
        published=has_published_votes,
        notes=model_notes,
    script:
        "../../scripts/tables/tabulate_alignment.py"


rule tabulate_behaviour:
    input:
        behaviour="results/{study}/behaviour.parquet",
    output:
        table="results/{study}/tables/behaviour.parquet",
        csv=report(
            "results/{study}/tables/behaviour.csv",
            caption="../report/table_behaviour.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "behaviour", "kind": "table"},
        ),
    log:
        f"{LOG}/tabulate_behaviour.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment", "own")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_behaviour"),
        simulated=of_study("simulated_votes"),
        published=has_published_votes,
    script:
        "../../scripts/tables/tabulate_behaviour.py"

# Tables of a study: mean and standard deviation over its seeds, baselines and published values.


def run_combinations(study, methods=(None,)):
    return [(v, s, m) for v in views_of(study) for s in seeds_of(study) for m in methods]


def run_files(name):
    """An input function: this file of each VAE of the study."""
    return lambda wildcards: runs_of(wildcards.study, f"{B}/{name}")


def run_method_files(name):
    """An input function: this file of each VAE and each reading of the sources."""

    def files(wildcards):
        study = wildcards.study
        combinations = run_combinations(study, methods_of(study))
        return [
            f"{B}/{name}".format(study=study, view=v, seed=s, method=m) for v, s, m in combinations
        ]

    return files


def run_column(position, with_methods):
    def values(wildcards):
        methods = methods_of(wildcards.study) if with_methods else (None,)
        return [row[position] for row in run_combinations(wildcards.study, methods)]

    return values


run_views, run_seeds = run_column(0, False), run_column(1, False)
run_method_views, run_method_seeds = run_column(0, True), run_column(1, True)
run_methods = run_column(2, True)


def sbs_files(wildcards):
    """Synthetic studies have no clusters to be biased: their ground truth is known."""
    if STUDIES[wildcards.study]["kind"] == "synthetic":
        return []
    return runs_of(wildcards.study, f"{B}/sbs.parquet")


TABLES = {
    "synthetic": ["funnel", "detectors", "forensics"],
    "faces": ["forensics", "bias", "rankings"],
    "alignment": ["alignment", "behaviour", "forensics", "bias", "rankings"],
}


def tables_of(study):
    names = TABLES[STUDIES[study]["kind"]]
    return [f"results/{study}/tables/{name}.{end}" for name in names for end in ("parquet", "csv")]


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
        "../../scripts/tabulate_funnel.py"


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
        "../../scripts/tabulate_detectors.py"


rule tabulate_forensics:
    input:
        summaries=run_files("summary-intended.parquet"),
        dimensions=run_files("dimensions.parquet"),
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
        "../../scripts/tabulate_forensics.py"


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
    log:
        f"{LOG}/tabulate_bias.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_bias"),
        runs=run_seeds,
    script:
        "../../scripts/tabulate_bias.py"


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
        study=one_of(of_kind("faces", "alignment")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_rankings"),
        runs=run_seeds,
    script:
        "../../scripts/tabulate_rankings.py"


rule tabulate_alignment:
    input:
        rsa=lambda wildcards: [
            f"results/{wildcards.study}/rsa/{metric}.parquet"
            for metric in STUDIES[wildcards.study]["metrics"]
        ],
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
        study=one_of(of_kind("alignment")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_alignment"),
        simulated=of_study("simulated_votes"),
    script:
        "../../scripts/tabulate_alignment.py"


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
        study=one_of(of_kind("alignment")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_behaviour"),
        simulated=of_study("simulated_votes"),
    script:
        "../../scripts/tabulate_behaviour.py"

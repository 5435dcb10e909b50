# Detectors of authentic samples against each other: harder ground truths, peers, the funnel's best.


rule generate_setting:
    output:
        images="results/{study}/data/{view}/seed{seed}/images.npy",
        samples="results/{study}/data/{view}/seed{seed}/samples.parquet",
    log:
        f"{LOG}/generate_setting-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(of_kind("detection")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("generate_setting"),
        data=setting_data,
        seed=CONFIG["seed"],
        run=run_number,
    script:
        "../../scripts/data/generate_setting.py"


rule evaluate_setting:
    input:
        latents=f"{B}/latents.npy",
        encoding=f"{B}/encoding.parquet",
        samples=encoded_samples,
    output:
        comparison=f"{B}/comparison.parquet",
        search=f"{B}/search.parquet",
    log:
        f"{LOG}/evaluate_setting-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(of_kind("detection")),
    conda:
        "../../envs/clustering.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=short_runtime,
    params:
        step=step("evaluate_setting"),
        sources=of_study("sources"),
        settings=of_study("scores"),
        grid=of_study("search"),
        seed=CONFIG["seed"],
        run=run_number,
    script:
        "../../scripts/forensics/evaluate_setting.py"


rule tabulate_comparison:
    input:
        runs_found=run_files("comparison.parquet"),
    output:
        table="results/{study}/tables/comparison.parquet",
        csv=report(
            "results/{study}/tables/comparison.csv",
            caption="../report/table_comparison.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "comparison of detectors", "kind": "table"},
        ),
    log:
        f"{LOG}/tabulate_comparison.log",
    wildcard_constraints:
        study=one_of(of_kind("detection")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_comparison"),
        settings=setting_names,
        seeds=setting_seeds,
    script:
        "../../scripts/tables/tabulate_comparison.py"


rule tabulate_search:
    input:
        runs_found=run_files("search.parquet"),
    output:
        table="results/{study}/tables/search.parquet",
        csv=report(
            "results/{study}/tables/search.csv",
            caption="../report/table_search.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "the funnel at its best", "kind": "table"},
        ),
    log:
        f"{LOG}/tabulate_search.log",
    wildcard_constraints:
        study=one_of(of_kind("detection")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_search"),
        settings=setting_names,
        seeds=setting_seeds,
    script:
        "../../scripts/tables/tabulate_search.py"


rule plot_settings:
    input:
        comparison="results/{study}/tables/comparison.parquet",
    output:
        png=report(
            f"{RF}/settings.png",
            caption="../report/settings.rst",
            category="{study}",
            subcategory="Detection",
            labels={"figure": "detectors on harder ground truths"},
        ),
        pdf=f"{RF}/settings.pdf",
    log:
        f"{LOG}/plot_settings.log",
    wildcard_constraints:
        study=one_of(of_kind("detection")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_settings"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/figures/plot_settings.py"

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
        step=step("generate_synthetic"),
        people=of_setting("people"),
        per_person=of_setting("per_person"),
        interpolations=of_setting("interpolations"),
        noise=of_setting("noise"),
        interpolation_noise=of_setting("interpolation_noise"),
        edge=of_setting("edge"),
        seed=CONFIG["seed"],
        run=run_number,
    script:
        "../../scripts/generate_synthetic.py"

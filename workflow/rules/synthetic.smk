# The synthetic study's ground truth: people, authentic samples and interpolations.


rule generate_synthetic:
    output:
        images="results/{study}/data/seed{seed}/images-whole.npy",
        samples="results/{study}/data/seed{seed}/samples.parquet",
    log:
        f"{LOG}/generate_synthetic-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(of_kind("synthetic")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("generate_synthetic"),
        people=of_study("data", "people"),
        per_person=of_study("data", "per_person"),
        interpolations=of_study("data", "interpolations"),
        noise=of_study("data", "noise"),
        interpolation_noise=of_study("data", "interpolation_noise"),
        edge=of_study("data", "edge"),
        seed=CONFIG["seed"],
        run=run_number,
    script:
        "../../scripts/data/generate_synthetic.py"


rule crop_eyes:
    input:
        images="results/{study}/data/seed{seed}/images-whole.npy",
    output:
        eyes="results/{study}/data/seed{seed}/images-eyes.npy",
    log:
        f"{LOG}/crop_eyes-seed{{seed}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("crop_eyes"),
    script:
        "../../scripts/data/crop_eyes.py"

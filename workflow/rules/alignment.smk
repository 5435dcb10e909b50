# The alignment study's images and votes, by image id.


rule pack_cifar:
    input:
        sources=lambda wildcards: [
            data_file(STUDIES[wildcards.study]["images"], wildcards.split, "archive")
        ],
    output:
        images="results/{study}/data/{split}/images.npy",
        samples="results/{study}/data/{split}/samples.parquet",
    log:
        f"{LOG}/pack_cifar-{{split}}.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment")),
    conda:
        "../../envs/analysis.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=heavy_memory,
        runtime=short_runtime,
        disk_mb=images_disk,
    params:
        step=step("pack_cifar"),
        split=lambda wildcards: wildcards.split,
        subset=lambda wildcards: STUDIES[wildcards.study]["subset"][wildcards.split],
    script:
        "../../scripts/data/pack_cifar.py"


rule collect_votes:
    input:
        counts=lambda wildcards: data_file(STUDIES[wildcards.study]["votes"], "counts"),
        probabilities=lambda wildcards: optional_file(
            STUDIES[wildcards.study]["votes"], "probabilities"
        ),
        samples="results/{study}/data/test/samples.parquet",
    output:
        votes="results/{study}/data/votes.parquet",
    log:
        f"{LOG}/collect_votes.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("collect_votes"),
    script:
        "../../scripts/data/collect_votes.py"

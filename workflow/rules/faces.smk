# The faces study's images: one packed array with attributes and identities.


rule pack_faces:
    input:
        archive=lambda wildcards: data_file(STUDIES[wildcards.study]["dataset"], "archive"),
        identities=lambda wildcards: data_file(STUDIES[wildcards.study]["dataset"], "identities"),
    output:
        images="results/{study}/data/images.npy",
        samples="results/{study}/data/samples.parquet",
        attributes="results/{study}/data/attributes.parquet",
    log:
        f"{LOG}/pack_faces.log",
    wildcard_constraints:
        study=one_of(of_kind("faces")),
    conda:
        "../../envs/analysis.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
        disk_mb=images_disk,
    params:
        step=step("pack_faces"),
        size=of_study("size"),
        subset=of_study("subset"),
    script:
        "../../scripts/data/pack_faces.py"

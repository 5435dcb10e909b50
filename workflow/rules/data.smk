# Downloads from the manifest config/datasets.yaml, and the made-up data of the embedded default.


rule download_file:
    output:
        file="data/{dataset}/{name}",
    log:
        "data/logs/{dataset}/{name}.log",
    wildcard_constraints:
        dataset=one_of(DOWNLOADED),
        name="[^/]+",
    retries: 1
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=long_runtime,
        disk_mb=download_disk,
    params:
        step=lambda wildcards: {
            **step("download_file"),
            "entry": entry_as_params(MANIFEST[wildcards.dataset].files[wildcards.name]),
        },
        dataset=lambda wildcards: wildcards.dataset,
        name=lambda wildcards: wildcards.name,
        manifest="config/datasets.yaml",
    script:
        "../../scripts/data/download_file.py"


rule generate_demo_faces:
    output:
        archive="data/demo-faces/demo-faces.zip",
        identities="data/demo-faces/identity_demo.txt",
    log:
        "data/logs/demo-faces.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("generate_demo_faces"),
        seed=CONFIG["seed"],
    script:
        "../../scripts/data/generate_demo_faces.py"


rule generate_demo_objects:
    output:
        train="data/demo-objects/train.parquet",
        test="data/demo-objects/test.parquet",
        counts="data/demo-objects/counts.npy",
        probabilities="data/demo-objects/probabilities.npy",
    log:
        "data/logs/demo-objects.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("generate_demo_objects"),
        seed=CONFIG["seed"],
    script:
        "../../scripts/data/generate_demo_objects.py"


rule download:
    input:
        [file for study in STUDIES for file in downloads_of(study)],

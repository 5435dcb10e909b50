# Downloads from the manifest config/datasets.yaml, synthetic data, and images packed by id.


rule download_file:
    output:
        file="data/{dataset}/{name}",
    log:
        "data/logs/{dataset}/{name}.log",
    wildcard_constraints:
        dataset=PLAN.downloaded,
        name="[^/]+",
    retries: 1
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(light_memory, long_runtime, disk=PLAN.download_disk),
    params:
        step=PLAN.download,
        dataset=lambda wildcards: wildcards.dataset,
        name=lambda wildcards: wildcards.name,
        manifest="config/datasets.yaml",
    script:
        "../../scripts/data/download_file.py"


rule download:
    input:
        PLAN.downloads(),


rule generate_demo_faces:
    output:
        archive="data/demo-faces/demo-faces.zip",
        identities="data/demo-faces/identity_demo.txt",
    log:
        "data/logs/demo-faces.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(light_memory),
    params:
        step=step("generate_demo_faces"),
        root_seed=ROOT_SEED,
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
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(light_memory),
    params:
        step=step("generate_demo_objects"),
        root_seed=ROOT_SEED,
    script:
        "../../scripts/data/generate_demo_objects.py"


SYNTHETIC = ("people", "per_person", "interpolations", "noise", "interpolation_noise", "edge")


rule generate_synthetic:
    output:
        images="results/{study}/data/seed{seed}/images-whole.npy",
        samples="results/{study}/data/seed{seed}/samples.parquet",
    log:
        f"{LOG}/generate_synthetic-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.of_kind("synthetic"),
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(light_memory),
    params:
        **{key: of_study("data", key) for key in SYNTHETIC},
        **SEEDED,
        step=step("generate_synthetic"),
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
        **needs(light_memory),
    params:
        step=step("crop_eyes"),
    script:
        "../../scripts/data/crop_eyes.py"


rule generate_scenario:
    output:
        images="results/{study}/data/{crop}/seed{seed}/images.npy",
        samples="results/{study}/data/{crop}/seed{seed}/samples.parquet",
    log:
        f"{LOG}/generate_scenario-{{crop}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.of_kind("detection"),
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(light_memory),
    params:
        **SEEDED,
        step=step("generate_synthetic"),
        data=ask(runs.scenario_data),
    script:
        "../../scripts/data/generate_synthetic.py"


rule pack_faces:
    input:
        archive=ask(data.of_data_set("dataset", "archive")),
        identities=ask(data.of_data_set("dataset", "identities")),
    output:
        images="results/{study}/data/images.npy",
        samples="results/{study}/data/samples.parquet",
        attributes="results/{study}/data/attributes.parquet",
    log:
        f"{LOG}/pack_faces.log",
    wildcard_constraints:
        study=PLAN.of_kind("faces"),
    conda:
        "../../envs/analysis.yaml"
    threads: THREADS
    resources:
        **needs(heavy_memory, long_runtime, disk=ask(images_disk)),
    params:
        step=PLAN.reading("pack_faces", "dataset"),
        size=of_study("size"),
        subset=of_study("subset"),
        reader=ask(data.reader("dataset")),
    script:
        "../../scripts/data/pack_faces.py"


rule pack_cifar:
    input:
        sources=ask(data.images_archive),
    output:
        images="results/{study}/data/{split}/images.npy",
        samples="results/{study}/data/{split}/samples.parquet",
    log:
        f"{LOG}/pack_cifar-{{split}}.log",
    wildcard_constraints:
        study=PLAN.of_kind("alignment"),
    conda:
        "../../envs/analysis.yaml"
    threads: THREADS
    resources:
        **needs(heavy_memory, disk=ask(images_disk)),
    params:
        step=PLAN.reading("pack_cifar", "images"),
        split=lambda wildcards: wildcards.split,
        subset=ask(lambda study, at: study.settings["subset"][at.split]),
        reader=ask(data.reader("images")),
    script:
        "../../scripts/data/pack_cifar.py"


rule collect_votes:
    input:
        counts=ask(data.of_data_set("votes", "counts")),
        probabilities=ask(data.probabilities),
        samples="results/{study}/data/test/samples.parquet",
    output:
        votes="results/{study}/data/votes.parquet",
    log:
        f"{LOG}/collect_votes.log",
    wildcard_constraints:
        study=PLAN.of_kind("alignment"),
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(light_memory),
    params:
        step=step("collect_votes"),
    script:
        "../../scripts/data/collect_votes.py"


rule label_attributes:
    input:
        samples="results/{study}/data/test/samples.parquet",
    output:
        attributes="results/{study}/data/attributes.parquet",
    log:
        f"{LOG}/label_attributes.log",
    wildcard_constraints:
        study=PLAN.of_kind("alignment"),
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(light_memory),
    params:
        step=step("label_attributes"),
    script:
        "../../scripts/data/label_attributes.py"

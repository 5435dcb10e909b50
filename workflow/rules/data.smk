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


SYNTHETIC = ("people", "per_person", "interpolations", "noise", "interpolation_noise", "edge")


STEPS |= {
    "generate_demo_faces": dict(
        output=dict(
            archive="data/demo-faces/demo-faces.zip",
            identities="data/demo-faces/identity_demo.txt",
        ),
        params=dict(root_seed=ROOT_SEED),
        log="data/logs/demo-faces.log",
        local=True,
    ),
    "generate_demo_objects": dict(
        output=dict(
            train="data/demo-objects/train.parquet",
            test="data/demo-objects/test.parquet",
            counts="data/demo-objects/counts.npy",
            probabilities="data/demo-objects/probabilities.npy",
        ),
        params=dict(root_seed=ROOT_SEED),
        log="data/logs/demo-objects.log",
        local=True,
    ),
    "generate_synthetic": dict(
        output=dict(
            images="results/{study}/data/seed{seed}/images-whole.npy",
            samples="results/{study}/data/seed{seed}/samples.parquet",
        ),
        params=dict(**{key: of_study("data", key) for key in SYNTHETIC}, **SEEDED),
        where=dict(study=PLAN.of_kind("synthetic")),
        local=True,
    ),
    "crop_eyes": dict(
        input=dict(images="results/{study}/data/seed{seed}/images-whole.npy"),
        output=dict(eyes="results/{study}/data/seed{seed}/images-eyes.npy"),
        resources=needs(light_memory),
    ),
    "generate_scenario": dict(
        script="generate_synthetic",
        output=dict(
            images="results/{study}/data/{crop}/seed{seed}/images.npy",
            samples="results/{study}/data/{crop}/seed{seed}/samples.parquet",
        ),
        params=dict(**SEEDED, data=ask(runs.scenario_data)),
        where=dict(study=PLAN.of_kind("detection")),
        local=True,
    ),
    "collect_votes": dict(
        input=dict(
            counts=ask(data.of_data_set("votes", "counts")),
            probabilities=ask(data.probabilities),
            samples="results/{study}/data/test/samples.parquet",
        ),
        output=dict(votes="results/{study}/data/votes.parquet"),
        where=dict(study=PLAN.of_kind("alignment")),
        local=True,
    ),
    "label_attributes": dict(
        input=dict(samples="results/{study}/data/test/samples.parquet"),
        output=dict(attributes="results/{study}/data/attributes.parquet"),
        where=dict(study=PLAN.of_kind("alignment")),
        local=True,
    ),
    "pack_faces": dict(
        input=dict(
            archive=ask(data.of_data_set("dataset", "archive")),
            identities=ask(data.of_data_set("dataset", "identities")),
        ),
        output=dict(
            images="results/{study}/data/images.npy",
            samples="results/{study}/data/samples.parquet",
            attributes="results/{study}/data/attributes.parquet",
        ),
        params=dict(
            step=PLAN.reading("pack_faces", "dataset"),
            size=of_study("size"),
            subset=of_study("subset"),
            reader=ask(data.reader("dataset")),
        ),
        where=dict(study=PLAN.of_kind("faces")),
        threads=THREADS,
        resources=needs(heavy_memory, long_runtime, disk=ask(images_disk)),
    ),
    "pack_cifar": dict(
        input=dict(sources=ask(data.images_archive)),
        output=dict(
            images="results/{study}/data/{split}/images.npy",
            samples="results/{study}/data/{split}/samples.parquet",
        ),
        params=dict(
            step=PLAN.reading("pack_cifar", "images"),
            split=lambda wildcards: wildcards.split,
            subset=ask(lambda study, at: study.settings["subset"][at.split]),
            reader=ask(data.reader("images")),
        ),
        where=dict(study=PLAN.of_kind("alignment")),
        threads=THREADS,
        resources=needs(heavy_memory, disk=ask(images_disk)),
    ),
    "measure_pixels": dict(
        input=dict(
            images=ask(runs.study_images),
            samples=ask(runs.study_samples),
            source=ask(data.own_file("images")),
            ids=ask(data.own_ids),
        ),
        output=dict(pixels="results/{study}/data/pixels.parquet"),
        params=dict(
            settings=ask(lambda study, at: data.own_settings("images")(study, at).get("images")),
            folders=ask(lambda study, at: not study.is_anonymised),
            folder=ask(data.folder_state),
        ),
        where=dict(study=PLAN.of_kind("faces", "alignment", "custom")),
        threads=THREADS,
        resources=needs(heavy_memory, long_runtime),
    ),
}

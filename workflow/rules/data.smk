# Downloads from the manifest config/datasets.yaml, and the made-up data of the embedded default.

from latent_microscope.data.manifest import entry_as_params


def data_file(dataset, *roles):
    """Path of a data set's file by its role; the first of the roles that it has."""
    if dataset not in MANIFEST:
        raise WorkflowError(
            f"config: no data set {dataset!r} in config/datasets.yaml; it has {', '.join(MANIFEST)}"
        )
    for role in roles:
        for file in MANIFEST[dataset].files.values():
            if file.role == role:
                return f"data/{dataset}/{file.name}"
    raise WorkflowError(f"config: the data set {dataset!r} has no file of the role {roles[0]!r}")


def optional_file(dataset, role):
    """The path as an input list: empty when the data set has no such file."""
    if role in {file.role for file in MANIFEST[dataset].files.values()}:
        return [data_file(dataset, role)]
    return []


DOWNLOADED = [
    name for name in MANIFEST if not any(f.generated for f in MANIFEST[name].files.values())
]


rule download_file:
    input:
        manifest=ancient(f"{BASE}/config/datasets.yaml"),
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
    params:
        step=lambda wildcards: {
            **step("download_file"),
            "entry": entry_as_params(MANIFEST[wildcards.dataset].files[wildcards.name]),
        },
        dataset=lambda wildcards: wildcards.dataset,
        name=lambda wildcards: wildcards.name,
    script:
        "../../scripts/download_file.py"


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
        "../../scripts/generate_demo_faces.py"


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
        "../../scripts/generate_demo_objects.py"


def downloads_of(study):
    """Every file that a study fetches before anything else."""
    settings = STUDIES[study]
    files = []
    if settings["kind"] == "faces":
        files += [data_file(settings["dataset"], r) for r in ("archive", "identities")]
    if settings["kind"] == "alignment":
        files += [data_file(settings["images"], split, "archive") for split in ("train", "test")]
        files.append(data_file(settings["votes"], "counts"))
        files += optional_file(settings["votes"], "probabilities")
    networks = [settings["vae"], *settings.get("models", {}).values()]
    files += [f"data/{network['weights']}" for network in networks if network.get("weights")]
    return sorted({f for f in files if f.split("/")[1] in DOWNLOADED})


rule download:
    input:
        [file for study in STUDIES for file in downloads_of(study)],

# Functions of data.smk: paths, params and lists by study.

from latent_microscope.data.manifest import entry_as_params


def data_file(dataset, *roles):
    """Path of a data set's file by its role; the first of the roles that it has."""
    files = {file.role: file.name for file in MANIFEST[dataset].files.values()}
    name = next(files[role] for role in roles if role in files)
    return f"data/{dataset}/{name}"


def optional_file(dataset, role):
    """The path as an input list: empty when the data set has no such file."""
    if role in {file.role for file in MANIFEST[dataset].files.values()}:
        return [data_file(dataset, role)]
    return []


DOWNLOADED = [
    name for name in MANIFEST if not any(f.generated for f in MANIFEST[name].files.values())
]


def every_download():
    return [f"data/{name}/{file}" for name in DOWNLOADED for file in MANIFEST[name].files]


def external_file(model):
    """A file of the manifest (dataset/file), or a path as it is; empty for other models."""
    if model["type"] != "external":
        return ""
    dataset, _, name = model["file"].partition("/")
    known = dataset in MANIFEST and name in MANIFEST[dataset].files
    return f"data/{model['file']}" if known else model["file"]


def needs_training(study):
    """Whether any network is trained on the train images."""
    return has_vae(study) or bool(models_of(study, "philnet"))


def downloads_of(study):
    """Every file that a study fetches before anything else."""
    settings = STUDIES[study]
    files = []
    if settings["kind"] == "faces":
        files += [data_file(settings["dataset"], r) for r in ("archive", "identities")]
    if settings["kind"] == "alignment":
        splits = ("train", "test") if needs_training(study) else ("test",)
        files += [data_file(settings["images"], split, "archive") for split in splits]
        files.append(data_file(settings["votes"], "counts"))
        files += optional_file(settings["votes"], "probabilities")
    models = settings.get("models", {}).values()
    files += [path for path in map(external_file, models) if path in every_download()]
    networks = [settings.get("vae", {}), *settings.get("models", {}).values()]
    files += [f"data/{network['weights']}" for network in networks if network.get("weights")]
    return sorted({f for f in files if f.split("/")[1] in DOWNLOADED})

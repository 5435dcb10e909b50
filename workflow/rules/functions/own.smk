# Functions of own.smk: what a study of one's own has, and the files that it is made of.
import hashlib
import os

FILED = ("embeddings", "images", "attributes", "identities", "labels")


def own_data(study):
    """The section data of a study of one's own; empty for other kinds."""
    return STUDIES[study].get("data", {}) if STUDIES[study]["kind"] == "own" else {}


def parts_of(study):
    """What is known of a study's samples beside their latents."""
    kind = STUDIES[study]["kind"]
    if kind == "own":
        return set(own_data(study)) | ({"vae"} if has_vae(study) else set())
    return {"images", "vae"} | {
        "faces": {"attributes", "identities"},
        "alignment": {"attributes", "labels"},
    }.get(kind, set())


# Tables and figures that want more than latents; the others only need those.
NEEDS = {
    "health": {"vae"},
    "vae-images": {"vae"},
    "traversals": {"vae"},
    "overlaps": {"images"},
    "cluster-control": {"images"},
    "cluster-bias": {"images", "attributes"},
    "cmax-bias": {"images", "attributes"},
    "bias-forest": {"attributes"},
    "subniches": {"images"},
    "identities": {"images", "identities"},
    "list-creative": {"images"},
    "list-stereotypes": {"images"},
    "list-grey": {"images"},
    "bias": {"attributes"},
    "bias-tests": {"attributes"},
    "attributes": {"attributes"},
    "duplicates": {"images"},
    "probes": {"attributes"},
}


def possible(study, names):
    """Those of the tables or figures that a study has what they need for."""
    return [name for name in names if NEEDS.get(name, set()) <= parts_of(study)]


def own_file(part):
    """An input function: the user's file; none where the study has none."""

    def path(wildcards):
        return own_data(wildcards.study).get(part, {}).get("file") or []

    return path


def embedding_ids(wildcards):
    return own_data(wildcards.study).get("embeddings", {}).get("ids") or []


def named_images(wildcards):
    """The images whose paths say who is on them."""
    people = own_data(wildcards.study).get("identities", {})
    return own_file("images")(wildcards) if people and not people["file"] else []


def own_settings(*parts):
    """A params function: how the files of these parts are read, without what follows after."""
    skipped = ("file", "size", "types", "thresholds", "max_categories")

    def settings(wildcards):
        data = own_data(wildcards.study)
        return {
            part: {key: value for key, value in data[part].items() if key not in skipped}
            for part in parts
            if part in data
        }

    return settings


def folder_state(wildcards):
    """Names, sizes and times of a folder of images: Snakemake looks at its own time alone."""
    path = own_file("images")(wildcards)
    if not path or not os.path.isdir(path):
        return None
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            state = os.stat(os.path.join(folder, name))
            digest.update(f"{folder}/{name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def least_samples(wildcards):
    """Samples that neighbours and clusters need, and the setting that needs the most."""
    settings = STUDIES[wildcards.study]
    wanted = {
        "clusters.neighbors": settings["clusters"]["neighbors"] + 2,
        "clusters.min_cluster_size": 2 * settings["clusters"]["min_cluster_size"],
        "scores.k": settings["scores"]["k"] + 2,
        "sources": 25,
    }
    reason = max(wanted, key=wanted.get)
    return wanted[reason], reason


def require_files():
    """Stop at once where a file of a study of one's own is not there."""
    for study in of_kind("own"):
        for part, settings in own_data(study).items():
            for key in ("file", "ids"):
                path = settings.get(key) if (part, key) != ("images", "ids") else None
                if path and not os.path.exists(path):
                    raise WorkflowError(
                        f"config key studies.{study}.data.{part}.{key}: {path}: no such file"
                    )


require_files()

# What a step leaves on disk, MB, from the config alone, so that `make plan` knows it before anything runs.

UNKNOWN_DOWNLOAD = 1500  # MB; CelebA's archive, the largest whose size the manifest does not give
UNKNOWN_IMAGES = 2000  # more than the made-up data sets have


def images_of(study, split="test"):
    """Number of images of a study's split: its subset, or what the manifest says of the data set."""
    settings = STUDIES[study]
    if settings["kind"] not in ("faces", "alignment"):
        return UNKNOWN_IMAGES
    subset = settings["subset"]
    count = subset[split] if isinstance(subset, dict) else subset
    if count:
        return count
    files = MANIFEST[settings.get("dataset") or settings["images"]].files.values()
    checks = [file.check or {} for file in files if file.role in ("archive", split)]
    return max((c.get("images", c.get("rows", 0)) for c in checks), default=0) or UNKNOWN_IMAGES


def images_disk(wildcards):
    size = STUDIES[wildcards.study].get("size", 32)
    return 1 + images_of(wildcards.study, wildcards.get("split", "test")) * size * size * 3 // 10**6


def latents_disk(wildcards):
    width = 4 * STUDIES[wildcards.study]["vae"]["latent"]
    return 20 + 3 * images_of(wildcards.study) * width // 10**6  # means, variances, factors


def features_disk(wildcards):
    return 1 + images_of(wildcards.study) * 4 * 2048 // 10**6  # ResNet-50 has the widest layer


def rdm_disk(wildcards):
    count = images_of(wildcards.study)
    return 1 + 4 * count * (count - 1) // 2 // 10**6  # float32, each pair once


def download_disk(wildcards):
    return (
        MANIFEST[wildcards.dataset].files[wildcards.name].bytes or 10**6 * UNKNOWN_DOWNLOAD
    ) // 10**6


def training_disk(wildcards):
    return 250  # weights, and a checkpoint with the optimiser's two moments of each

"""Resources of the rules, with the reason for each number; each attempt asks for more."""

from collections.abc import Callable
from typing import Any

from latent_microscope.planning.runs import is_dense
from latent_microscope.planning.study import Study, Wildcards

UNKNOWN_DOWNLOAD = 1500  # MB; CelebA's archive, the largest whose size the manifest does not give
UNKNOWN_IMAGES = 2000  # more than the synthetic data sets have
Resource = Callable[..., int]


# --- memory in MB, time in minutes -------------------------------------------------------------
def fixed(amount: int) -> Resource:
    """The same for every input."""
    return lambda wildcards, attempt: amount * attempt


def growing(base: int, per_mb: float, least_mb: float = 0) -> Resource:
    """MB that grow with the size of the inputs."""

    def memory(wildcards: Any, input: Any, attempt: int) -> int:
        return int(base + per_mb * max(input.size_mb, least_mb)) * attempt

    return memory


def joint(base: int, per_rdm: float, per_mb: float) -> Resource:
    """MB that grow with the number of RDMs, a tile of each being in memory, and with the inputs."""

    def memory(wildcards: Any, input: Any, attempt: int) -> int:
        return int(base + per_rdm * len(input.features) + per_mb * input.size_mb) * attempt

    return memory


light_memory = fixed(2000)  # pandas, matplotlib and a few arrays of one study
heavy_memory = growing(3000, 4, 100)  # inputs, copies of them, libraries
training_memory = growing(4000, 5)  # images in memory, network, optimiser
pair_memory = growing(2000, 5)  # RDMs and their ranks in memory
ranks_memory = growing(5000, 0.5)  # of dissimilarities: per thread two RDMs and their ranks
tiles_memory = joint(2000, 30, 0.25)  # tiles of all RDMs; mapped pages of files, copies of features
MEMORY: dict[str, Resource] = {"light": light_memory, "heavy": heavy_memory, "pair": pair_memory}
short_runtime = fixed(15)  # seconds at published sizes, plus a cold file system
long_runtime = fixed(120)  # passes over all pairs, UMAP and HDBSCAN of a large study
training_runtime = fixed(480)  # the paper sizes on a few CPU cores; a GPU needs far less


# --- disk, MB, from the config alone, so that a plan knows it before anything runs --------------
def images_of(study: Study, split: str = "test") -> int:
    """Number of images of a split: its subset, or what the manifest says of the data set."""
    if not study.is_of("faces", "alignment"):
        return UNKNOWN_IMAGES
    subset = study.settings["subset"]
    count = subset[split] if isinstance(subset, dict) else subset
    if count:
        return int(count)
    name = study.settings.get("dataset") or study.settings["images"]
    files = study.manifest[name].files.values()
    checks = [file.check or {} for file in files if file.role in ("archive", split)]
    return max((c.get("images", c.get("rows", 0)) for c in checks), default=0) or UNKNOWN_IMAGES


def images_disk(study: Study, at: Wildcards) -> int:
    """Packed images."""
    size = study.settings.get("size", 32)
    return int(1 + images_of(study, at.split or "test") * size * size * 3 // 10**6)


def latents_disk(study: Study, at: Wildcards) -> int:
    """Means, variances, factors."""
    width = 4 * study.settings["vae"]["latent"]
    return int(20 + 3 * images_of(study) * width // 10**6)


def features_disk(study: Study, at: Wildcards) -> int:
    """ResNet-50 has the widest layer."""
    return 1 + images_of(study) * 4 * 2048 // 10**6


def layers_disk(study: Study, at: Wildcards) -> int:
    """Five feature maps of ResNet-50 in 4 x 4 fields."""
    count = study.settings["profile"]["images"] or 0
    return 1 + count * 4 * 62_000 // 10**6


def rdm_disk(study: Study, at: Wildcards) -> int:
    """float32, each pair once."""
    count = images_of(study)
    return 1 + 4 * count * (count - 1) // 2 // 10**6


TRAINING_DISK = 250
"""Weights, and a checkpoint with the optimiser's two moments of each."""


# --- batches ---------------------------------------------------------------------------------
BATCHES = {"scores": 6, "ranks": 6, "rdms": 4, "figures": 8}
"""Groups of short steps → how many of a study make one job of SLURM's.

No member of a batch needs another one of it, and no training is in one: a step that fails is
repeated with its batch.
"""


def batch(name: str) -> str:
    """The group of a rule whose jobs are batched."""
    assert name in BATCHES, name
    return f"{name}-{{study}}"


def group_components() -> list[str]:
    """How many jobs of each group make one, as Snakemake's option wants it."""
    return [f"{batch(name)}={count}" for name, count in BATCHES.items()]


# --- threads and GPUs ------------------------------------------------------------------------
def vae_threads(study: Study, at: Wildcards) -> int:
    """The dense network's small batches keep one core busy; more would wait for each other."""
    return 1 if is_dense(study) else study.numeric_threads


def vae_gpu(study: Study, at: Wildcards) -> int:
    """For training and encoding; the dense network is too small to gain from one."""
    return 0 if is_dense(study) else 1


def needs(
    memory: Resource,
    runtime: Resource = short_runtime,
    *,
    disk: Any = None,
    gpu: Any = None,
    batched: bool = False,
) -> dict[str, Any]:
    """The resources of a rule; several jobs of a ``batched`` one share a SLURM job, in turns."""
    turn = 1 if batched else None
    found = {"mem_mb": memory, "runtime": runtime, "disk_mb": disk, "gpu": gpu, "turn": turn}
    return {name: value for name, value in found.items() if value is not None}

"""Resources of the rules, with the reason for each number; each attempt asks for more."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from latent_microscope.planning.cluster import Resource, gpu_request, may_use_gpus, within_node
from latent_microscope.planning.runs import candidates, here, is_dense
from latent_microscope.planning.study import Study, Wildcards

UNKNOWN_DOWNLOAD = 1500  # MB; CelebA's archive, the largest whose size the manifest does not give
UNKNOWN_IMAGES = 2000  # more than the synthetic data sets have


# --- memory in MB, time in minutes -------------------------------------------------------------
def fixed(amount: int) -> Resource:
    """The same for every input."""
    return lambda wildcards, attempt: amount * attempt


def growing(base: int, per_mb: float, least_mb: float = 0) -> Resource:
    """MB that grow with the size of the inputs."""

    def memory(wildcards: Any, input: Any, attempt: int) -> int:
        return int(base + per_mb * max(input.size_mb, least_mb)) * attempt

    return memory


light_memory = fixed(1000)  # pandas, matplotlib and a few arrays of one study: 0.2 to 0.55 GB
heavy_memory = growing(1500, 4, 25)  # libraries (0.5 GB), inputs, copies of them
copies_memory = growing(1000, 8, 75)  # several copies in float64, graphs of UMAP


def training_memory(wildcards: Any, input: Any, attempt: int) -> int:
    """Images in memory, network, optimiser; torch has 0.8 to 1.4 GB, and CUDA's own beside it."""
    return growing(4000 if may_use_gpus() else 1500, 5)(wildcards, input=input, attempt=attempt)


pair_memory = growing(2000, 5)  # RDMs and their ranks in memory
ranks_memory = growing(5000, 0.5)  # of dissimilarities: per thread two RDMs and their ranks
MEMORY: dict[str, Resource] = {"light": light_memory, "heavy": heavy_memory, "pair": pair_memory}
short_runtime = fixed(15)  # seconds at published sizes, plus a cold file system
long_runtime = fixed(120)  # passes over all pairs, UMAP and HDBSCAN of a large study


Duration = tuple[float, float]
"""Minutes, and minutes for each MB of the inputs where the config does not say their number."""
# Images per second of a training, on a slow GPU and on one slow core.
_VAE, _DENSE, _NETWORK = (1500, 50), (100, 100), (400, 50)
_START, _SPARE = 15, 1.5  # minutes of a cold file system; for machines that are slower still


def lasting(duration: Callable[[Any], Duration]) -> Resource:
    """The runtime that a function of the wildcards tells."""

    def runtime(wildcards: Any, input: Any, attempt: int) -> int:
        minutes, per_mb = duration(wildcards)
        return int(minutes + (per_mb * input.size_mb if per_mb else 0.0)) * attempt

    return runtime


def _minutes(passes: float, rates: tuple[int, int]) -> float:
    """So many images through a training; one that its time ends goes on from its checkpoint."""
    return _SPARE * passes / rates[0 if may_use_gpus() else 1] / 60


def extraction_runtime(wildcards: Any, attempt: int) -> int:
    """One pass of the images through a network."""
    return (30 if may_use_gpus() else 120) * attempt


def vae_duration(study: Study, at: Wildcards) -> Duration:
    """Training of a VAE."""
    each = _minutes(study.settings["vae"]["epochs"], _DENSE if is_dense(study) else _VAE)
    if study.kind == "custom":
        return _START, each * 10**6 / (3 * study.data["images"]["size"] ** 2)
    return _START + images_of(study, "train") * each, 0.0


def network_duration(study: Study, at: Wildcards) -> Duration:
    """Training of a PhilNet."""
    passes = images_of(study, "train") * study.model(at.model)["epochs"]
    return _START + _minutes(passes, _NETWORK), 0.0


def folds_duration(study: Study, at: Wildcards) -> Duration:
    """Training of all folds of the second stage; the number of epochs may be chosen."""
    model = study.model(at.model)
    epochs = model["epochs"] if isinstance(model["epochs"], int) else max(model["epochs"]["choose"])
    return _START + _minutes(images_of(study) * model["folds"] * epochs, _NETWORK), 0.0


# --- disk, MB, from the config alone, so that a plan knows it before anything runs --------------
def known_images(study: Study, split: str = "test") -> int:
    """Number of images of a split: its subset, or what the manifest says of the data set; or 0."""
    if not study.is_of("faces", "alignment"):
        return 0
    subset = study.settings["subset"]
    count = subset[split] if isinstance(subset, dict) else subset
    name = study.settings.get("dataset") or study.settings.get("images", "")
    files = study.manifest[name].files.values() if name in study.manifest else ()
    checks = [file.check or {} for file in files if file.role in ("archive", split)]
    every = max((c.get("images", c.get("rows", 0)) for c in checks), default=0)
    return min(int(count), every or int(count)) if count else int(every)


def images_of(study: Study, split: str = "test") -> int:
    """Number of images of a split, or more than there are."""
    return known_images(study, split) or UNKNOWN_IMAGES


def expected_mb(studies: Mapping[str, Study], path: str) -> float:
    """Size of a result that is yet to be made, where the config tells it; else 0."""
    folder, name, *rest = (*Path(path).parts, "", "")
    study = studies.get(name) if folder == "results" else None
    if study is None:
        return 0.0
    split = "train" if "train" in rest else "test"
    count, each, file = known_images(study, split), 0, Path(path).name
    if file == "images.npy":
        each = 3 * study.settings.get("size", 32) ** 2
    elif file == "latents.npy" and study.has_vae:
        each = 4 * study.settings["vae"]["latent"]
    elif rest[0] == "rdms" and file.endswith(".npy"):
        each = 2 * (count - 1)
    return count * each / 2**20


def rows_of(study: Study, at: Wildcards) -> int:
    """Number of samples of a run, by the config or by its files, if these are there."""
    known = known_images(study)
    files = f"{here(study, at)}/latents.npy", study.data.get("embeddings", {}).get("file", "")
    return known or next(filter(None, map(_npy_rows, files)), UNKNOWN_IMAGES)


def _npy_rows(path: str) -> int:
    if not (path.endswith(".npy") and Path(path).is_file()):
        return 0
    with open(path, "rb") as handle:
        found = re.search(rb"'shape': \((\d+),", handle.read(128))
    return int(found[1]) if found else 0


def scan_disk(study: Study, at: Wildcards) -> int:
    """Neighbours, their distances, counts, and the most similar pairs of a pass or a part of it."""
    listed = max(20, study.settings["scores"]["k"], study.settings["clusters"]["neighbors"])
    pairs = max(study.settings["scores"]["overlap_pairs"], candidates(study, at))
    return 1 + (rows_of(study, at) * (12 * listed + 16) + 100 * pairs) // 10**6


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
BATCHES = {"scores": 6, "ranks": 6, "rdms": 4, "tables": 8, "figures": 8}
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


MANY_PAIRS = 20_000_000
"""Bytes of latents (25,000 × 200) from which a pass over all pairs takes longer than its start."""
MOST_THREADS = 16


def pair_threads(usual: int) -> Callable[..., int]:
    """Of a pass over all pairs, which gives the same bytes on any number: all cores, at most 16.

    Small ones take the usual number, so that several run at once.
    """

    def threads(wildcards: Any, input: Any) -> int:
        latents = Path(str(input.latents))
        return MOST_THREADS if latents.exists() and latents.stat().st_size > MANY_PAIRS else usual

    return threads


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
    found = {"mem_mb": within_node(memory), "runtime": runtime, **gpu_request(gpu)}
    found |= {"disk_mb": disk, "turn": 1 if batched else None}
    return {name: value for name, value in found.items() if value is not None}

"""What this machine has, what is missing, and for which study that matters."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil
from packaging.requirements import Requirement

from latent_microscope import project
from latent_microscope.commands.workflow import usable_cores

DISTRIBUTION = "latent-microscope"
EXTRAS = ("workflow", "train", "models")
OK, MISSING, NOTE = "ok", "missing", "note"
STUDIES: Mapping[str, tuple[str, ...]] = {
    "score, compare": (),
    "embeddings, votes, logits of your own": ("workflow",),
    "images of your own (a VAE is trained)": ("workflow", "train"),
    "demo, synthetic, detection": ("workflow", "train", "models"),
    "alignment (CIFAR-10, CIFAR-10H; downloads)": ("workflow", "train", "models"),
    "faces (CelebA)": ("workflow", "train", "Kaggle token"),
    "any study on a cluster": ("workflow", "SLURM"),
}
"""Kind of study → the checks that it needs."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked for.

    Attributes:
        name: What.
        state: :data:`OK`, :data:`MISSING` or :data:`NOTE`.
        detail: What was found, or what to do.
    """

    name: str
    state: str
    detail: str


def examine(folder: Path = Path()) -> list[Check]:
    """Look at this machine and this installation; nothing is changed or downloaded."""
    memory, disk = psutil.virtual_memory(), shutil.disk_usage(folder)
    checks = [
        _python(),
        Check("project", OK, f"{metadata.version(DISTRIBUTION)}, in {project.root()}"),
        Check("cores", OK, f"{usable_cores()} usable of {os.cpu_count()}"),
        Check(
            "memory",
            OK if memory.total >= 6 * 2**30 else NOTE,
            f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free; demo: 4",
        ),
        Check(
            "disk",
            OK if disk.free >= 5 * 2**30 else NOTE,
            f"{disk.free / 2**30:.0f} GiB free here; demo: 1, CelebA: 12",
        ),
    ]
    checks += [_extra(name) for name in EXTRAS]
    return [*checks, _gpu(), _slurm(), _kaggle(), _mirror()]


def _python() -> Check:
    known = (3, 11) <= sys.version_info < (3, 14)
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Check(
        "Python", OK if known else MISSING, detail if known else f"{detail}; use 3.11–3.13"
    )


def _extra(name: str) -> Check:
    missing = missing_of(name)
    if not missing:
        return Check(name, OK, "all packages installed")
    return Check(
        name, MISSING, f'{", ".join(missing)}; pip install "{DISTRIBUTION}[{name}]" brings them'
    )


def missing_of(extra: str) -> list[str]:
    """Distributions of an extra that are not installed; those of extras in it included."""
    missing = []
    for text in metadata.requires(DISTRIBUTION) or []:
        wanted = Requirement(text)
        if wanted.marker is None or not wanted.marker.evaluate({"extra": extra}):
            continue
        if wanted.marker.evaluate({"extra": ""}):  # of every installation
            continue
        if wanted.name == DISTRIBUTION:
            missing += [name for inner in sorted(wanted.extras) for name in missing_of(inner)]
        elif not _installed(wanted.name):
            missing.append(wanted.name)
    return missing


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _gpu() -> Check:
    command = shutil.which("nvidia-smi")
    query = [command or "", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    if command:
        done = subprocess.run(query, capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.strip():
            return Check("GPU", OK, "; ".join(done.stdout.strip().splitlines()))
    return Check("GPU", NOTE, "none found: trainings use the processor, hours at paper sizes")


def _slurm() -> Check:
    if not shutil.which("sbatch"):
        return Check("SLURM", MISSING, "no sbatch: runs are local; on a cluster use a login node")
    if not shutil.which("sacct"):
        return Check("SLURM", NOTE, "sbatch without sacct: set slurm-status-command: squeue")
    return Check("SLURM", OK, "sbatch and sacct found")


def _kaggle() -> Check:
    file = Path(os.environ.get("KAGGLE_CONFIG_DIR", Path.home() / ".kaggle")) / "kaggle.json"
    names = {"KAGGLE_USERNAME", "KAGGLE_KEY"} <= os.environ.keys()
    if names or "KAGGLE_API_TOKEN" in os.environ or file.is_file():
        return Check("Kaggle token", OK, "found")
    return Check("Kaggle token", MISSING, f"needed for CelebA: put one in {file}, or name a mirror")


def _mirror() -> Check:
    folder = os.environ.get("LATENT_MICROSCOPE_MIRROR")
    if folder and not Path(folder).is_dir():
        return Check("mirror", MISSING, f"LATENT_MICROSCOPE_MIRROR: {folder} is no folder")
    return Check("mirror", NOTE, folder or "none: data sets are downloaded; config key mirror")


def report(checks: Sequence[Check]) -> str:
    """The checks, and what is missing for each kind of study, as text."""
    marks = {OK: "✓", MISSING: "✗", NOTE: "·"}
    width = max(len(check.name) for check in checks)
    lines = [f"{marks[c.state]} {c.name.ljust(width)}  {c.detail}" for c in checks]
    missing = {check.name for check in checks if check.state == MISSING}
    width = max(map(len, STUDIES))
    lines += ["", "For a study of"]
    for study, needs in STUDIES.items():
        wanting = [need for need in needs if need in missing]
        said = f"missing: {', '.join(wanting)}" if wanting else "nothing is missing"
        lines.append(f"  {study.ljust(width)}  {said}")
    return "\n".join(lines)

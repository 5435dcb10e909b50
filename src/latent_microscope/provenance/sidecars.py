"""Sidecars: a small JSON beside every artefact that records the job that made it."""

import hashlib
import importlib.metadata
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from latent_microscope import registry
from latent_microscope.io.artefacts import load_json, save_json
from latent_microscope.project import label

SUFFIX = ".meta.json"
SCHEMA = 2
"""Version of the fields. 2: params root_seed and seed; 1, without the field: seed and run."""
_SAME = ("numpy", "scipy", "pandas", "pyarrow", "torch", "torchvision", "hdbscan", "numba")
_LIBRARIES = {name: name for name in (*_SAME, "matplotlib", "snakemake", "kaggle")} | {
    **{"scikit-learn": "sklearn", "umap-learn": "umap", "pillow": "PIL"},
}
"""Distribution → module."""
_OPTIONAL = ("script", "declared", "assets", "functions")


def sidecar_path(artefact: Path) -> Path:
    """``x.npy`` → ``x.npy.meta.json``."""
    return artefact.with_name(artefact.name + SUFFIX)


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's content, hexadecimal; computed once per process and file state."""
    state = os.stat(path)
    return _sha256(str(path), state.st_ino, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4096)
def _sha256(path: str, _inode: int, _size: int, _mtime: int) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def machine() -> dict[str, Any]:
    """Python, processor class, cores and memory of this machine (no host name)."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as handle:
            for line in handle:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:  # macOS has no /proc; its platform.processor() only says "arm"
        with suppress(OSError, subprocess.SubprocessError):
            asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.check_output(asked, text=True, timeout=5).strip()
    return platform.processor() or platform.machine()


def loaded_versions() -> dict[str, str]:
    """Versions of the libraries that this process has imported."""
    found = {}
    for name, module in _LIBRARIES.items():
        if module in sys.modules:
            with suppress(importlib.metadata.PackageNotFoundError):
                found[name] = importlib.metadata.version(name)
    return found


def device_in_use() -> str:
    """The GPU's name if this process used one, else ``cpu``."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        return str(torch.cuda.get_device_name())
    return "cpu"


def peak_memory_mib() -> float:
    """Largest resident size of this process so far, in MiB; macOS counts it in bytes."""
    per_mib = 2**20 if sys.platform == "darwin" else 2**10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_mib, 1)


def write_sidecars(
    outputs: Iterable[Path], inputs: Mapping[str, list[Path]], *, seconds: float, **facts: Any
) -> None:
    """Write one sidecar for each output that exists; remove old ones first, so that none is stale.

    ``facts`` are what the job knows: step, code, params, numeric_threads; empty ones of script,
    declared, assets and functions are left out.
    """
    outputs = list(outputs)
    for output in outputs:
        sidecar_path(output).unlink(missing_ok=True)
    declared = facts.get("declared")
    if declared and (plugin := registry.plugin_of(*declared.split("/", 1))):
        facts["plugin"] = plugin
    common = {
        "schema": SCHEMA,
        **{key: value for key, value in facts.items() if value or key not in _OPTIONAL},
        "inputs": {
            name: {label(path): sha256_file(path) for path in paths if path.is_file()}
            for name, paths in inputs.items()
        },
        "libraries": loaded_versions(),
        "machine": machine(),
        "device": device_in_use(),
        "seconds": round(seconds, 3),
        "peak_memory_mib": peak_memory_mib(),
    }
    for output in filter(Path.is_file, outputs):
        own = {"artefact": output.name, "bytes": output.stat().st_size}
        save_json(sidecar_path(output), {**common, **own, "sha256": sha256_file(output)})


def read_sidecar(artefact: Path) -> dict[str, Any]:
    """The sidecar of an artefact; :class:`InputError` when there is none."""
    return load_json(sidecar_path(artefact))

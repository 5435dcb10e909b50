"""What numbers depend on beside the code: processor, Python, versions of libraries."""

import importlib.metadata
import platform
import re
from pathlib import Path
from typing import Any

LIBRARIES = (
    "numpy",
    "scipy",
    "torch",
    "scikit-learn",
    "numba",
    "umap-learn",
    "hdbscan",
    "matplotlib",
    "pandas",
    "pyarrow",
    "pillow",
)
_INSTRUCTIONS = re.compile(r"(?:avx|sse4|fma|f16c|bmi|amx|asimd|sve|neon)\w*")


def machine() -> dict[str, Any]:
    """Of this process, as flat text."""
    found = {"python": platform.python_version(), **_processor()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "none"
    return found


def _processor() -> dict[str, str]:
    """Its name, as sidecars have it, and the instructions that libraries choose code by."""
    facts: dict[str, str] = {}
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            facts.setdefault(name.strip(), value.strip())
    known = facts.get("flags", "") or facts.get("Features", "")
    return {
        "processor": facts.get("model name") or platform.processor() or platform.machine(),
        "family and model": f"{facts.get('cpu family')} {facts.get('model')}",
        "instructions": " ".join(sorted(w for w in known.split() if _INSTRUCTIONS.fullmatch(w))),
    }


def differing(old: dict[str, Any], new: dict[str, Any]) -> str:
    """What is not the same, in words; empty if numbers must be."""
    return ", ".join(
        f"{name} {old.get(name)} there, {new.get(name)} here"
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    )

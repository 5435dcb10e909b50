"""The lock as tests read it: what it installs on each platform and Python that it must hold for."""

from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "envs/requirements.lock"
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = {
    "linux-x86_64": {"sys_platform": "linux", "platform_machine": "x86_64"},
    "linux-aarch64": {"sys_platform": "linux", "platform_machine": "aarch64"},
    "macos-arm64": {"sys_platform": "darwin", "platform_machine": "arm64"},
}
SYSTEMS = {"linux": "Linux", "darwin": "Darwin"}


def entries(path: Path = LOCK) -> list[Requirement]:
    """Every line of the lock that is not a comment."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def environment(platform: str, python: str) -> dict[str, str]:
    """What markers are evaluated against."""
    here = PLATFORMS[platform]
    return {
        **here,
        "platform_system": SYSTEMS[here["sys_platform"]],
        "os_name": "posix",
        "python_version": python,
        "python_full_version": f"{python}.1",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }


def installed(platform: str = "linux-x86_64", python: str = "3.11") -> list[tuple[str, str]]:
    """Names and versions, in order, that pip takes from the lock there."""
    where = environment(platform, python)
    found = [entry for entry in entries() if not entry.marker or entry.marker.evaluate(where)]
    versions = [[spec.version for spec in entry.specifier] for entry in found]
    return [
        (canonicalize_name(entry.name), "".join(version))
        for entry, version in zip(found, versions, strict=True)
    ]
